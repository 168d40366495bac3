//! What the operator decided: the flags that the core's decisions depend on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::Pid;

/// The core's share of the agent's flags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// This agent's actor, `slave(1)@ip:port`.
    pub pid: Pid,
    /// Its advertised address: what tasks without a network of their own are reachable at.
    pub ip: String,
    /// The program of the built-in command executor; it is started as `PROGRAM executor command`.
    pub command_executor: String,
    /// What to do with executors that survived a restart.
    pub recover: Recover,
    /// `--registration_backoff_factor`.
    pub registration_backoff_factor: Duration,
    /// How patiently to show the master who this is; none: the master takes whoever comes. What there is to show is the shell's
    /// secret: it must not get into recordings.
    pub authentication: Option<Patience>,
    /// `--executor_registration_timeout`.
    pub executor_registration_timeout: Duration,
    /// `--executor_reregistration_timeout`.
    pub executor_reregistration_timeout: Duration,
    /// `--executor_shutdown_grace_period`.
    pub executor_shutdown_grace_period: Duration,
    /// `--max_completed_executors_per_framework`.
    pub max_completed_executors_per_framework: usize,
}

/// How long an attempt to authenticate may take, and the pauses between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// `--authentication_backoff_factor`: the first pause is a part of this; it doubles with every attempt.
    pub backoff_factor: Duration,
    /// `--authentication_timeout_min`: every attempt may take this long.
    pub timeout_min: Duration,
    /// `--authentication_timeout_max`: no attempt takes longer, and no pause.
    pub timeout_max: Duration,
}

impl Default for Patience {
    /// Mesos' own.
    fn default() -> Patience {
        Patience {
            backoff_factor: Duration::from_secs(1),
            timeout_min: Duration::from_secs(5),
            timeout_max: Duration::from_secs(60),
        }
    }
}

/// `--recover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recover {
    /// Take live executors back.
    Reconnect,
    /// Shut them down and end.
    Cleanup,
}

impl Settings {
    /// Mesos' defaults for an agent at this address.
    pub fn new(pid: Pid, ip: impl Into<String>, command_executor: impl Into<String>) -> Settings {
        Settings {
            pid,
            ip: ip.into(),
            command_executor: command_executor.into(),
            recover: Recover::Reconnect,
            registration_backoff_factor: Duration::from_secs(1),
            authentication: None,
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace_period: Duration::from_secs(5),
            max_completed_executors_per_framework: 150,
        }
    }
}
