//! What the built-in executors say and do about the end of a task, without touching a process.

use std::time::Duration;

use tepui_proto::v1;

/// Mesos' grace period between SIGTERM and SIGKILL when neither the task nor the kill names one.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It left with this status.
    Exited(i32),
    /// A signal ended it.
    Signaled(i32),
}

/// What was asked of the command before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: it ended by itself.
    Nothing,
    /// A kill, by the framework or by a shutdown.
    Kill,
    /// It ran longer than its `max_completion_time`.
    TooLong,
}

/// The final word on a task: state, reason, message.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The state.
    pub state: v1::TaskState,
    /// Why, for programs.
    pub reason: Option<v1::task_status::Reason>,
    /// Why, for people.
    pub message: String,
}

/// Decides the final state of a task. `what` ended: the message begins with it. `out_of_memory` tells that the kernel killed
/// something in its cgroup for memory.
#[must_use]
pub fn verdict(what: &str, ending: Ending, asked: Asked, out_of_memory: bool) -> Verdict {
    use v1::TaskState::{TaskFailed, TaskFinished, TaskKilled};
    use v1::task_status::Reason;

    let message = describe(what, ending);
    let (state, reason) = match (asked, ending) {
        (Asked::TooLong, _) => (TaskFailed, Some(Reason::MaxCompletionTimeReached)),
        // However it ends, as with Mesos since 1.5.
        (Asked::Kill, _) => (TaskKilled, None),
        (Asked::Nothing, Ending::Exited(0)) => (TaskFinished, None),
        (Asked::Nothing, _) if out_of_memory => (TaskFailed, Some(Reason::ContainerLimitationMemory)),
        (Asked::Nothing, _) => (TaskFailed, None),
    };
    let message = match reason {
        Some(Reason::ContainerLimitationMemory) => format!("Memory limit exceeded: {message}"),
        _ => message,
    };
    Verdict { state, reason, message }
}

/// Mesos' words for an exit status.
fn describe(what: &str, ending: Ending) -> String {
    match ending {
        Ending::Exited(status) => format!("{what} exited with status {status}"),
        Ending::Signaled(signal) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(known) => format!("{what} terminated with signal {}", title(known)),
            Err(_) => format!("{what} terminated with signal {signal}"),
        },
    }
}

/// strsignal(3)'s words for the signals people meet; the name otherwise.
fn title(signal: nix::sys::signal::Signal) -> &'static str {
    use nix::sys::signal::Signal;
    match signal {
        Signal::SIGHUP => "Hangup",
        Signal::SIGINT => "Interrupt",
        Signal::SIGQUIT => "Quit",
        Signal::SIGILL => "Illegal instruction",
        Signal::SIGABRT => "Aborted",
        Signal::SIGBUS => "Bus error",
        Signal::SIGFPE => "Floating point exception",
        Signal::SIGKILL => "Killed",
        Signal::SIGSEGV => "Segmentation fault",
        Signal::SIGPIPE => "Broken pipe",
        Signal::SIGTERM => "Terminated",
        other => other.as_str(),
    }
}

/// The grace period of a kill: the call's own policy, else the task's, else Mesos' 3 s.
#[must_use]
pub fn grace_period(call: Option<&v1::KillPolicy>, task: Option<&v1::KillPolicy>) -> Duration {
    let stated = |policy: Option<&v1::KillPolicy>| {
        let nanoseconds = policy?.grace_period.as_ref()?.nanoseconds;
        Some(Duration::from_nanos(nanoseconds.max(0).unsigned_abs()))
    };
    stated(call).or_else(|| stated(task)).unwrap_or(GRACE_PERIOD)
}

/// What a shutdown leaves a command: the agent's grace period less the time to reap it and to say so, so that the agent
/// hears TASK_KILLED before it destroys the container.
#[must_use]
pub fn shutdown_grace_period(agents: Duration) -> Duration {
    agents.saturating_sub(Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_status_decides_the_state_unless_something_was_asked() {
        let says = |ending, asked| {
            let verdict = verdict("Command", ending, asked, false);
            format!("{} {}", verdict.state.as_str_name(), verdict.message)
        };

        assert_eq!(says(Ending::Exited(0), Asked::Nothing), "TASK_FINISHED Command exited with status 0");
        assert_eq!(says(Ending::Exited(3), Asked::Nothing), "TASK_FAILED Command exited with status 3");
        assert_eq!(
            says(Ending::Signaled(9), Asked::Nothing),
            "TASK_FAILED Command terminated with signal Killed"
        );
        assert_eq!(
            says(Ending::Signaled(15), Asked::Kill),
            "TASK_KILLED Command terminated with signal Terminated"
        );
        assert_eq!(says(Ending::Exited(0), Asked::Kill), "TASK_KILLED Command exited with status 0");
        assert_eq!(says(Ending::Exited(1), Asked::Kill), "TASK_KILLED Command exited with status 1");
        assert_eq!(
            says(Ending::Signaled(15), Asked::TooLong),
            "TASK_FAILED Command terminated with signal Terminated"
        );
    }

    #[test]
    fn a_kill_by_the_kernel_for_memory_is_the_tasks_reason() {
        let verdict = verdict("Command", Ending::Signaled(9), Asked::Nothing, true);

        assert_eq!(verdict.reason, Some(v1::task_status::Reason::ContainerLimitationMemory));
        assert_eq!(verdict.message, "Memory limit exceeded: Command terminated with signal Killed");
    }

    #[test]
    fn the_calls_policy_goes_before_the_tasks() {
        let policy = |s: i64| v1::KillPolicy {
            grace_period: Some(v1::DurationInfo { nanoseconds: s * 1_000_000_000 }),
        };
        let seconds = Duration::from_secs;

        assert_eq!(grace_period(None, None), seconds(3));
        assert_eq!(grace_period(None, Some(&policy(7))), seconds(7));
        assert_eq!(grace_period(Some(&policy(1)), Some(&policy(7))), seconds(1));
        assert_eq!(grace_period(Some(&policy(-1)), None), seconds(0));
    }
}
