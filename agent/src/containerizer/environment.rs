//! The environment an executor is started with: built from the agent's facts, never from the agent's own
//! environment.

use std::{collections::BTreeMap, net::IpAddr, path::Path, time::Duration};

/// Programs are found there when nothing else says where.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the agent tells an executor about itself.
#[derive(Clone, Debug)]
pub struct ExecutorFacts<'a> {
    pub framework_id: &'a str,
    pub executor_id: &'a str,
    pub agent_id: &'a str,
    /// `slave(1)@ip:port`.
    pub agent_pid: &'a str,
    /// `ip:port` of the agent's HTTP API.
    pub agent_endpoint: &'a str,
    /// The sandbox on the host.
    pub directory: &'a Path,
    /// The sandbox as the container sees it.
    pub sandbox: &'a Path,
    /// Set when the framework checkpoints.
    pub checkpoint: Option<Checkpoint>,
    pub http_command_executor: bool,
    pub shutdown_grace_period: Duration,
    /// The agent's own `LIBPROCESS_IP`, if it was given one.
    pub libprocess_ip: Option<IpAddr>,
    /// Signed proof of who the executor is, when executors authenticate.
    pub authentication_token: Option<&'a str>,
}

/// How long an executor waits for a restarting agent.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    pub recovery_timeout: Duration,
    pub subscription_backoff_max: Duration,
}

/// Later ones win: `flag` (`--executor_environment_variables`), the agent's facts, what the command asks for.
pub fn of_executor(
    flag: &BTreeMap<String, String>,
    facts: &ExecutorFacts<'_>,
    command: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut environment = flag.clone();
    let mut set = |name: &str, value: String| environment.insert(name.into(), value);
    set("MESOS_FRAMEWORK_ID", facts.framework_id.into());
    set("MESOS_EXECUTOR_ID", facts.executor_id.into());
    set("MESOS_SLAVE_ID", facts.agent_id.into());
    set("MESOS_SLAVE_PID", facts.agent_pid.into());
    set("MESOS_AGENT_ENDPOINT", facts.agent_endpoint.into());
    set("MESOS_DIRECTORY", facts.directory.display().to_string());
    set("MESOS_SANDBOX", facts.sandbox.display().to_string());
    set("MESOS_CHECKPOINT", flag_of(facts.checkpoint.is_some()));
    set("MESOS_HTTP_COMMAND_EXECUTOR", flag_of(facts.http_command_executor));
    set("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", duration_of(facts.shutdown_grace_period));
    if let Some(checkpoint) = facts.checkpoint {
        set("MESOS_RECOVERY_TIMEOUT", duration_of(checkpoint.recovery_timeout));
        set("MESOS_SUBSCRIPTION_BACKOFF_MAX", duration_of(checkpoint.subscription_backoff_max));
    }
    if let Some(ip) = facts.libprocess_ip {
        set("LIBPROCESS_IP", ip.to_string());
    }
    set("LIBPROCESS_PORT", "0".into());
    if let Some(token) = facts.authentication_token {
        set("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", token.into());
    }

    environment.extend(command);
    environment.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
    environment
}

fn flag_of(on: bool) -> String {
    if on { "1".into() } else { "0".into() }
}

/// Mesos' duration text in the largest unit that leaves no fraction.
fn duration_of(duration: Duration) -> String {
    const UNITS: [(u128, &str); 8] = [
        (604_800_000_000_000, "weeks"),
        (86_400_000_000_000, "days"),
        (3_600_000_000_000, "hrs"),
        (60_000_000_000, "mins"),
        (1_000_000_000, "secs"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0ns".into();
    }
    let (size, unit) = UNITS.into_iter().find(|(size, _)| nanos % size == 0).expect("1 divides every number");
    format!("{}{unit}", nanos / size)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn facts() -> ExecutorFacts<'static> {
        ExecutorFacts {
            framework_id: "f1",
            executor_id: "e1",
            agent_id: "a1",
            agent_pid: "slave(1)@10.0.0.7:5051",
            agent_endpoint: "10.0.0.7:5051",
            directory: Path::new("/work/run"),
            sandbox: Path::new("/work/run"),
            checkpoint: None,
            http_command_executor: false,
            shutdown_grace_period: Duration::from_secs(5),
            libprocess_ip: None,
            authentication_token: None,
        }
    }

    fn text(environment: &BTreeMap<String, String>) -> String {
        environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    #[test]
    fn an_executor_is_told_where_it_belongs() {
        let environment = of_executor(&BTreeMap::new(), &facts(), []);

        expect![[r#"
            LIBPROCESS_PORT=0
            MESOS_AGENT_ENDPOINT=10.0.0.7:5051
            MESOS_CHECKPOINT=0
            MESOS_DIRECTORY=/work/run
            MESOS_EXECUTOR_ID=e1
            MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=5secs
            MESOS_FRAMEWORK_ID=f1
            MESOS_HTTP_COMMAND_EXECUTOR=0
            MESOS_SANDBOX=/work/run
            MESOS_SLAVE_ID=a1
            MESOS_SLAVE_PID=slave(1)@10.0.0.7:5051
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        "#]]
        .assert_eq(&text(&environment));
    }

    #[test]
    fn a_checkpointing_framework_s_executor_knows_how_long_to_wait() {
        let checkpoint = Checkpoint {
            recovery_timeout: Duration::from_secs(900),
            subscription_backoff_max: Duration::from_secs(2),
        };
        let environment =
            of_executor(&BTreeMap::new(), &ExecutorFacts { checkpoint: Some(checkpoint), ..facts() }, []);

        assert_eq!(environment["MESOS_CHECKPOINT"], "1");
        assert_eq!(environment["MESOS_RECOVERY_TIMEOUT"], "15mins");
        assert_eq!(environment["MESOS_SUBSCRIPTION_BACKOFF_MAX"], "2secs");
    }

    #[test]
    fn facts_win_over_the_flag_and_the_command_over_both() {
        let flag = BTreeMap::from([
            ("A".to_string(), "flag".to_string()),
            ("MESOS_SLAVE_ID".into(), "flag".into()),
            ("PATH".into(), "/flag".into()),
        ]);
        let command = [("A".to_string(), "command".to_string())];

        let environment = of_executor(&flag, &facts(), command);

        assert_eq!(environment["A"], "command");
        assert_eq!(environment["MESOS_SLAVE_ID"], "a1");
        assert_eq!(environment["PATH"], "/flag");
    }
}
