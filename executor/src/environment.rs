//! What an agent tells an executor through its environment (Mesos' `MESOS_*` variables).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tepui_model::{Size, duration};

/// The environment an agent gave this executor, checked once at start.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// `MESOS_FRAMEWORK_ID`.
    pub framework_id: String,
    /// `MESOS_EXECUTOR_ID`.
    pub executor_id: String,
    /// `MESOS_SLAVE_ID`; empty when the agent did not say.
    pub agent_id: String,
    /// `MESOS_AGENT_ENDPOINT`: `ip:port` of the agent's HTTP API.
    pub agent_endpoint: String,
    /// `MESOS_SLAVE_PID`: the agent's actor, e.g. `slave(1)@10.0.0.7:5051`.
    pub agent_pid: Option<String>,
    /// `MESOS_SANDBOX`, else `MESOS_DIRECTORY`, else the working directory.
    pub sandbox: PathBuf,
    /// `MESOS_CHECKPOINT`: whether to outlive a restart of the agent.
    pub checkpoint: bool,
    /// `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD`: time between a shutdown and the agent's SIGKILL.
    pub shutdown_grace_period: Duration,
    /// `MESOS_RECOVERY_TIMEOUT`: how long to look for a vanished agent before giving up.
    pub recovery_timeout: Duration,
    /// `MESOS_SUBSCRIPTION_BACKOFF_MAX`: the longest pause between two attempts to subscribe.
    pub subscription_backoff_max: Duration,
    /// `TEPUI_FLIGHT_RECORDER_SIZE`: memory for the last messages, which `tepui trace` shows, in bytes; written like `4MB`.
    pub flight_recorder: usize,
}

/// Why an environment does not belong to an executor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvironmentError {
    /// A variable without which there is no agent to talk to.
    #[error("{0} is not set: executors are started by an agent, which sets it")]
    Missing(&'static str),
    /// A duration that does not read as one.
    #[error("{name}={value} is not a duration such as 5secs")]
    Duration {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A size that does not read as one.
    #[error("{name}={value} is not a size such as 4MB")]
    Size {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
}

/// Mesos' defaults, for agents that leave a variable out.
const SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_secs(5);
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const SUBSCRIPTION_BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Some sixty thousand messages: there may be many executors on a machine.
const FLIGHT_RECORDER: Size = Size::megabytes(4);

impl Environment {
    /// Reads this process' own environment.
    ///
    /// # Errors
    /// When a variable is missing or unreadable; the error names it.
    pub fn from_process() -> Result<Self, EnvironmentError> {
        Self::read(
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// Reads any list of variables.
    ///
    /// # Errors
    /// As [`Environment::from_process`].
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, EnvironmentError> {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        let text = |name: &str| variables.get(name).filter(|v| !v.is_empty()).cloned();
        let required = |name| text(name).ok_or(EnvironmentError::Missing(name));
        let period = |name: &'static str, otherwise: Duration| match text(name) {
            None => Ok(otherwise),
            Some(value) => duration::parse(&value).map_err(|_| EnvironmentError::Duration { name, value }),
        };
        let size = |name: &'static str, otherwise: Size| match text(name) {
            None => Ok(otherwise),
            Some(value) => value.parse().map_err(|_| EnvironmentError::Size { name, value }),
        };
        let flight_recorder = size("TEPUI_FLIGHT_RECORDER_SIZE", FLIGHT_RECORDER)?;
        Ok(Environment {
            framework_id: required("MESOS_FRAMEWORK_ID")?,
            executor_id: required("MESOS_EXECUTOR_ID")?,
            agent_id: text("MESOS_SLAVE_ID").unwrap_or_default(),
            agent_endpoint: required("MESOS_AGENT_ENDPOINT")?,
            agent_pid: text("MESOS_SLAVE_PID"),
            sandbox: text("MESOS_SANDBOX")
                .or_else(|| text("MESOS_DIRECTORY"))
                .unwrap_or_else(|| ".".into())
                .into(),
            checkpoint: text("MESOS_CHECKPOINT").is_some_and(|v| v == "1" || v == "true"),
            shutdown_grace_period: period("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", SHUTDOWN_GRACE_PERIOD)?,
            recovery_timeout: period("MESOS_RECOVERY_TIMEOUT", RECOVERY_TIMEOUT)?,
            subscription_backoff_max: period("MESOS_SUBSCRIPTION_BACKOFF_MAX", SUBSCRIPTION_BACKOFF_MAX)?,
            flight_recorder: usize::try_from(flight_recorder.as_bytes()).unwrap_or(usize::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(extra: &[(&str, &str)]) -> Vec<(String, String)> {
        let base = [
            ("MESOS_FRAMEWORK_ID", "F1"),
            ("MESOS_EXECUTOR_ID", "E1"),
            ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051"),
        ];
        base.iter().chain(extra).map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn an_agents_environment_reads_with_its_durations() {
        let read =
            Environment::read(variables(&[("MESOS_CHECKPOINT", "1"), ("MESOS_RECOVERY_TIMEOUT", "2mins")]))
                .unwrap();

        assert!(read.checkpoint);
        assert_eq!(read.recovery_timeout, Duration::from_secs(120));
        assert_eq!(read.shutdown_grace_period, Duration::from_secs(5));
        assert_eq!(read.flight_recorder, 4 << 20);
    }

    #[test]
    fn a_missing_or_unreadable_variable_is_named() {
        let missing = Environment::read([]).unwrap_err().to_string();
        let unreadable =
            Environment::read(variables(&[("MESOS_RECOVERY_TIMEOUT", "soon")])).unwrap_err().to_string();

        assert_eq!(
            missing,
            "MESOS_FRAMEWORK_ID is not set: executors are started by an agent, which sets it"
        );
        assert_eq!(unreadable, "MESOS_RECOVERY_TIMEOUT=soon is not a duration such as 5secs");
    }
}
