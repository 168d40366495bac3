//! What a task's checks ask for, made sure of before the task starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use tepui_proto::v1;
use v1::check_info::Type as CheckType;
use v1::health_check::Type as HealthType;
use v1::network_info::Protocol;

/// The shortest pause between two looks: an interval of zero would keep a processor busy with nothing but looking.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The longest time that is told apart from for ever: 100 years.
const LONGEST: f64 = 100.0 * 365.0 * 24.0 * 3600.0;

/// What to look at, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What to look at.
    pub probe: Probe,
    /// From the start of the task to the first look.
    pub delay: Duration,
    /// From the end of one look to the next.
    pub interval: Duration,
    /// What a look may take; for ever if none.
    pub timeout: Option<Duration>,
}

/// What to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// How this command ends.
    Command(Box<v1::CommandInfo>),
    /// With which status a GET is answered.
    Http(Box<Url>),
    /// Whether somebody listens.
    Tcp(SocketAddr),
}

/// All that one task asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plans {
    pub(super) health: Option<(Plan, Patience)>,
    pub(super) check: Option<Plan>,
}

/// What a task's health check may fail before the task is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// After the start; failures count only then, or after the first success.
    pub(super) grace: Duration,
    /// So many failures in a row are one too many.
    pub(super) failures: u32,
}

/// Which field of a check is wrong, and how.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PlanError {
    /// It asks for something without saying what.
    #[error("{0} is not set")]
    Missing(String),
    /// Not a number, or negative.
    #[error("{field} is {value}: give a number of seconds, zero or more")]
    Seconds {
        /// The field.
        field: String,
        /// What is there.
        value: f64,
    },
    /// There is no such port.
    #[error("{field} is {value}: give a port from 1 to 65535")]
    Port {
        /// The field.
        field: String,
        /// What is there.
        value: u32,
    },
    /// Neither http nor https.
    #[error("{0}.scheme is '{1}': give http or https")]
    Scheme(String, String),
    /// It cannot be asked for.
    #[error("{0}.path is not the path of a URL, such as /health")]
    Path(String),
}

impl Plans {
    /// What this task asks for.
    ///
    /// # Errors
    /// It asks for something that cannot be done.
    pub fn read(task: &v1::TaskInfo) -> Result<Plans, PlanError> {
        let health = task.health_check.as_deref().map(read_health).transpose()?;
        let check = task.check.as_deref().map(read_check).transpose()?;
        Ok(Plans { health, check })
    }
}

fn read_health(check: &v1::HealthCheck) -> Result<(Plan, Patience), PlanError> {
    let whose = "health_check";
    let probe = match check.r#type() {
        HealthType::Command => command(present(check.command.as_deref(), whose, "command")?, whose)?,
        HealthType::Http => {
            let http = present(check.http.as_ref(), whose, "http")?;
            let scheme = http.scheme.as_deref().unwrap_or("http");
            let at = address(http.protocol(), http.port, &format!("{whose}.http"))?;
            url(scheme, at, http.path.as_deref(), &format!("{whose}.http"))?
        }
        HealthType::Tcp => {
            let tcp = present(check.tcp.as_ref(), whose, "tcp")?;
            Probe::Tcp(address(tcp.protocol(), tcp.port, &format!("{whose}.tcp"))?)
        }
        HealthType::Unknown => return Err(PlanError::Missing(format!("{whose}.type"))),
    };
    let grace = seconds(check.grace_period_seconds(), whose, "grace_period_seconds")?;
    let times = [check.delay_seconds(), check.interval_seconds(), check.timeout_seconds()];
    Ok((plan(probe, times, whose)?, Patience { grace, failures: check.consecutive_failures() }))
}

fn read_check(check: &v1::CheckInfo) -> Result<Plan, PlanError> {
    let whose = "check";
    let probe = match check.r#type() {
        CheckType::Command => command(&present(check.command.as_ref(), whose, "command")?.command, whose)?,
        CheckType::Http => {
            let http = present(check.http.as_ref(), whose, "http")?;
            let at = address(Protocol::IPv4, http.port, &format!("{whose}.http"))?;
            url("http", at, http.path.as_deref(), &format!("{whose}.http"))?
        }
        CheckType::Tcp => {
            let tcp = present(check.tcp.as_ref(), whose, "tcp")?;
            Probe::Tcp(address(Protocol::IPv4, tcp.port, &format!("{whose}.tcp"))?)
        }
        CheckType::Unknown => return Err(PlanError::Missing(format!("{whose}.type"))),
    };
    plan(probe, [check.delay_seconds(), check.interval_seconds(), check.timeout_seconds()], whose)
}

fn plan(probe: Probe, [delay, interval, timeout]: [f64; 3], whose: &str) -> Result<Plan, PlanError> {
    let timeout = seconds(timeout, whose, "timeout_seconds")?;
    Ok(Plan {
        probe,
        delay: seconds(delay, whose, "delay_seconds")?,
        interval: seconds(interval, whose, "interval_seconds")?.max(SHORTEST_INTERVAL),
        timeout: (!timeout.is_zero()).then_some(timeout),
    })
}

fn present<'a, T>(part: Option<&'a T>, whose: &str, field: &str) -> Result<&'a T, PlanError> {
    part.ok_or_else(|| PlanError::Missing(format!("{whose}.{field}")))
}

fn command(command: &v1::CommandInfo, whose: &str) -> Result<Probe, PlanError> {
    match command.value {
        Some(_) => Ok(Probe::Command(Box::new(command.clone()))),
        None => Err(PlanError::Missing(format!("{whose}.command.value"))),
    }
}

/// Tasks are looked at from where they are.
fn address(protocol: Protocol, port: u32, whose: &str) -> Result<SocketAddr, PlanError> {
    let host = match protocol {
        Protocol::IPv6 => IpAddr::from(Ipv6Addr::LOCALHOST),
        Protocol::IPv4 => IpAddr::from(Ipv4Addr::LOCALHOST),
    };
    match u16::try_from(port) {
        Ok(number) if number > 0 => Ok(SocketAddr::new(host, number)),
        _ => Err(PlanError::Port { field: format!("{whose}.port"), value: port }),
    }
}

fn url(scheme: &str, at: SocketAddr, path: Option<&str>, whose: &str) -> Result<Probe, PlanError> {
    if !["http", "https"].contains(&scheme) {
        return Err(PlanError::Scheme(whose.to_owned(), scheme.to_owned()));
    }
    let path = path.unwrap_or_default();
    let begins_well = path.is_empty() || path.starts_with('/');
    let url = begins_well.then(|| Url::parse(&format!("{scheme}://{at}{path}")).ok()).flatten();
    url.map(|url| Probe::Http(Box::new(url))).ok_or_else(|| PlanError::Path(whose.to_owned()))
}

fn seconds(value: f64, whose: &str, field: &str) -> Result<Duration, PlanError> {
    match Duration::try_from_secs_f64(value.min(LONGEST)) {
        Ok(duration) if !value.is_nan() => Ok(duration),
        _ => Err(PlanError::Seconds { field: format!("{whose}.{field}"), value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(port: u32) -> v1::HealthCheck {
        let http = v1::health_check::HttpCheckInfo { port, ..Default::default() };
        v1::HealthCheck {
            r#type: Some(HealthType::Http as i32),
            http: Some(Box::new(http)),
            ..Default::default()
        }
    }

    fn read(health: v1::HealthCheck) -> Result<(Plan, Patience), PlanError> {
        let task = v1::TaskInfo { health_check: Some(Box::new(health)), ..Default::default() };
        Plans::read(&task).map(|plans| plans.health.expect("it has one"))
    }

    fn refused(health: v1::HealthCheck) -> String {
        read(health).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_said_is_as_mesos_has_it() {
        let (plan, patience) = read(http(80)).unwrap();

        let seconds = Duration::from_secs;
        assert_eq!(plan.probe, Probe::Http(Box::new(Url::parse("http://127.0.0.1:80/").unwrap())));
        assert_eq!((plan.delay, plan.interval, plan.timeout), (seconds(15), seconds(10), Some(seconds(20))));
        assert_eq!(patience, Patience { grace: seconds(10), failures: 3 });
    }

    #[test]
    fn a_task_without_checks_asks_for_nothing() {
        assert_eq!(Plans::read(&v1::TaskInfo::default()), Ok(Plans::default()));
    }

    #[test]
    fn scheme_protocol_and_path_make_the_url() {
        let mut health = http(8443);
        let part = health.http.as_mut().unwrap();
        part.scheme = Some("https".into());
        part.protocol = Some(Protocol::IPv6 as i32);
        part.path = Some("/a b?c=d".into());

        let Probe::Http(url) = read(health).unwrap().0.probe else { panic!("not HTTP") };

        assert_eq!(url.as_str(), "https://[::1]:8443/a%20b?c=d");
    }

    #[test]
    fn a_timeout_of_zero_is_none_and_an_interval_of_zero_is_the_shortest() {
        let health = v1::HealthCheck {
            timeout_seconds: Some(0.0),
            interval_seconds: Some(0.0),
            delay_seconds: Some(f64::INFINITY),
            ..http(80)
        };

        let (plan, _) = read(health).unwrap();

        assert_eq!((plan.timeout, plan.interval), (None, SHORTEST_INTERVAL));
        assert_eq!(plan.delay, Duration::from_secs_f64(LONGEST));
    }

    #[test]
    fn what_cannot_be_done_is_named_by_its_field() {
        let with = |change: fn(&mut v1::HealthCheck)| {
            let mut health = http(80);
            change(&mut health);
            refused(health)
        };
        assert_eq!(refused(http(0)), "health_check.http.port is 0: give a port from 1 to 65535");
        assert_eq!(refused(http(70_000)), "health_check.http.port is 70000: give a port from 1 to 65535");
        assert_eq!(
            with(|health| health.delay_seconds = Some(f64::NAN)),
            "health_check.delay_seconds is NaN: give a number of seconds, zero or more"
        );
        assert_eq!(
            with(|health| health.grace_period_seconds = Some(-1.0)),
            "health_check.grace_period_seconds is -1: give a number of seconds, zero or more"
        );
        assert_eq!(
            with(|health| health.http.as_mut().unwrap().scheme = Some("ftp".into())),
            "health_check.http.scheme is 'ftp': give http or https"
        );
        assert_eq!(
            with(|health| health.http.as_mut().unwrap().path = Some("@elsewhere/".into())),
            "health_check.http.path is not the path of a URL, such as /health"
        );
        assert_eq!(with(|health| health.http = None), "health_check.http is not set");
        assert_eq!(with(|health| health.r#type = None), "health_check.type is not set");
    }

    #[test]
    fn checks_are_read_like_health_checks() {
        let tcp = v1::check_info::Tcp { port: 99 };
        let check =
            v1::CheckInfo { r#type: Some(CheckType::Tcp as i32), tcp: Some(tcp), ..Default::default() };
        let task = v1::TaskInfo { check: Some(Box::new(check.clone())), ..Default::default() };
        let bare = v1::CheckInfo { tcp: None, ..check };
        let without = v1::TaskInfo { check: Some(Box::new(bare)), ..Default::default() };

        let plan = Plans::read(&task).unwrap().check.expect("it has one");

        assert_eq!(plan.probe, Probe::Tcp(SocketAddr::from(([127, 0, 0, 1], 99))));
        assert_eq!(Plans::read(&without), Err(PlanError::Missing("check.tcp".into())));
    }
}
