//! Whether health checks and checks say what to look at, and when.

use tepui_proto::v1::check_info::Type as CheckType;
use tepui_proto::v1::health_check::{HttpCheckInfo, Type as HealthType};
use tepui_proto::v1::{CheckInfo, CommandInfo, HealthCheck};

use super::{Checked, command};

pub fn check_health(check: &HealthCheck) -> Checked {
    if check.r#type.is_none() {
        return Err("HealthCheck must specify 'type'".into());
    }
    match check.r#type() {
        HealthType::Command => {
            let command = present(&check.command, "command", "COMMAND health check")?;
            check_command(command, "Command health check", "Health check")?;
        }
        HealthType::Http => check_http(present(&check.http, "http", "HTTP health check")?)?,
        HealthType::Tcp => {
            present(&check.tcp, "tcp", "TCP health check")?;
        }
        HealthType::Unknown => return Err("'UNKNOWN' is not a valid health check type".into()),
    }
    check_seconds(check.delay_seconds, "delay_seconds")?;
    check_seconds(check.grace_period_seconds, "grace_period_seconds")?;
    check_seconds(check.interval_seconds, "interval_seconds")?;
    check_seconds(check.timeout_seconds, "timeout_seconds")
}

pub fn check_info(check: &CheckInfo) -> Checked {
    if check.r#type.is_none() {
        return Err("CheckInfo must specify 'type'".into());
    }
    match check.r#type() {
        CheckType::Command => {
            let command = present(&check.command, "command", "COMMAND check")?;
            check_command(&command.command, "Command check", "Check")?;
        }
        CheckType::Http => {
            let http = present(&check.http, "http", "HTTP check")?;
            check_path(http.path.as_deref(), "HTTP check")?;
        }
        CheckType::Tcp => {
            present(&check.tcp, "tcp", "TCP check")?;
        }
        CheckType::Unknown => return Err("'UNKNOWN' is not a valid check type".into()),
    }
    check_seconds(check.delay_seconds, "delay_seconds")?;
    check_seconds(check.interval_seconds, "interval_seconds")?;
    check_seconds(check.timeout_seconds, "timeout_seconds")
}

fn present<'a, T>(part: &'a Option<T>, field: &str, kind: &str) -> Result<&'a T, String> {
    part.as_ref().ok_or_else(|| format!("Expecting '{field}' to be set for {kind}"))
}

fn check_command(command: &CommandInfo, what: &str, whose: &str) -> Checked {
    if command.value.is_none() {
        let missing = if command.shell() { "'shell command'" } else { "'executable path'" };
        return Err(format!("{what} must contain {missing}"));
    }
    command::check(command).map_err(|why| format!("{whose}'s `CommandInfo` is invalid: {why}"))
}

fn check_http(http: &HttpCheckInfo) -> Checked {
    match http.scheme.as_deref() {
        None | Some("http" | "https") => {}
        Some(other) => return Err(format!("Unsupported HTTP health check scheme: '{other}'")),
    }
    check_path(http.path.as_deref(), "HTTP health check")
}

fn check_path(path: Option<&str>, kind: &str) -> Checked {
    match path {
        Some(path) if !path.starts_with('/') => {
            Err(format!("The path '{path}' of {kind} must start with '/'"))
        }
        _ => Ok(()),
    }
}

fn check_seconds(seconds: Option<f64>, field: &str) -> Checked {
    match seconds {
        Some(seconds) if seconds < 0.0 => Err(format!("Expecting '{field}' to be non-negative")),
        _ => Ok(()),
    }
}
