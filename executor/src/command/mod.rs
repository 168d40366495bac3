//! The command executor: one task, one command.
//!
//! Apart from the SDK because it is an executor like any other: it uses nothing that a third party could not.

pub(crate) mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::signal::Signal;
use tepui_proto::v1;
use v1::TaskState::{TaskError, TaskFailed, TaskKilling, TaskRunning, TaskStarting};
use v1::task_status::Reason;

use crate::checks::{Checked, Checks, Native, Plans, update};
use crate::policy::{self, Asked, Verdict};
use crate::{Context, Executor, Subscribed, Update};

/// ```text
/// Idle ──launch──► Running ──SIGTERM──► Killing ──exit──► Ended ──acknowledged──► (stops)
///                     └──────────────exit─────────────────►┘
/// ```
#[derive(Debug)]
enum Phase {
    /// No task yet.
    Idle,
    /// The command runs.
    Running { pid: u32 },
    /// The command was asked to end; SIGKILL follows `grace` after `since`.
    Killing { pid: u32, asked: Asked, since: Instant, grace: Duration },
    /// The command is gone; the update with this uuid says so.
    Ended { last: Bytes },
}

/// Runs the command of the one task it is given and reports how it ended.
#[derive(Debug)]
pub struct CommandExecutor {
    phase: Phase,
    task: Option<v1::TaskInfo>,
    /// The framework understands TASK_KILLING.
    announces_killing: bool,
    /// A shutdown arrived: no launch will be accepted any more.
    shut_down: bool,
    checks: Checks,
}

impl Default for CommandExecutor {
    fn default() -> Self {
        CommandExecutor {
            phase: Phase::Idle,
            task: None,
            announces_killing: false,
            shut_down: false,
            checks: Checks::default(),
        }
    }
}

impl Executor for CommandExecutor {
    fn subscribed(&mut self, _cx: &mut Context<Self>, info: &Subscribed) {
        let killing = v1::framework_info::capability::Type::TaskKillingState as i32;
        self.announces_killing = info.framework.capabilities.iter().any(|c| c.r#type == Some(killing));
    }

    fn launch(&mut self, cx: &mut Context<Self>, task: v1::TaskInfo) {
        if self.task.is_some() || self.shut_down {
            let why = "a command executor runs exactly one task, and this one is taken";
            cx.update(Update::new(&task.task_id, TaskFailed).message(why));
            return;
        }
        cx.update(update(&task, TaskStarting));
        let limit = task
            .max_completion_time
            .as_ref()
            .map(|d| Duration::from_nanos(d.nanoseconds.max(0).unsigned_abs()));
        let plans = Plans::read(&task);
        self.task = Some(task);
        match plans {
            Ok(plans) => self.start(cx, plans),
            Err(error) => self.end_with(cx, TaskError, Reason::TaskInvalid, error.to_string()),
        }
        if let Some(limit) = limit {
            cx.after(limit, |executor, cx| {
                let grace = executor.grace_period(None);
                executor.end(cx, Asked::TooLong, grace);
            });
        }
    }

    fn kill(&mut self, cx: &mut Context<Self>, task_id: &v1::TaskId, policy: Option<v1::KillPolicy>) {
        if self.task.as_ref().is_some_and(|task| task.task_id == *task_id) {
            let grace = self.grace_period(policy.as_ref());
            self.end(cx, Asked::Kill, grace);
        }
    }

    fn acknowledged(&mut self, cx: &mut Context<Self>, _task_id: &v1::TaskId, uuid: &Bytes) {
        Checks::acknowledged(self, cx, uuid);
        if matches!(&self.phase, Phase::Ended { last } if last == uuid) {
            cx.stop();
        }
    }

    fn shutdown(&mut self, cx: &mut Context<Self>) {
        self.shut_down = true;
        match self.phase {
            Phase::Idle | Phase::Ended { .. } => cx.stop(),
            Phase::Running { .. } | Phase::Killing { .. } => {
                let grace = policy::shutdown_grace_period(cx.environment().shutdown_grace_period);
                self.end(cx, Asked::Kill, grace);
            }
        }
    }
}

impl Checked for CommandExecutor {
    fn checks(&mut self) -> &mut Checks {
        &mut self.checks
    }

    fn unhealthy(&mut self, cx: &mut Context<Self>, _why: &str) {
        let grace = self.grace_period(None);
        self.end(cx, Asked::Kill, grace);
    }
}

impl CommandExecutor {
    fn start(&mut self, cx: &mut Context<Self>, plans: Plans) {
        let Some(task) = &self.task else { return };
        let Some(command) = &task.command else {
            return self.ended_before_start(cx, "the task has no command".into());
        };
        let role = task.resources.iter().find_map(|r| r.allocation_info.as_ref()?.role.clone());
        let mut child = match process::start(command, role.as_deref()) {
            Ok(child) => child,
            Err(error) => return self.ended_before_start(cx, error.to_string()),
        };
        self.phase = Phase::Running { pid: child.id().unwrap_or_default() };
        let running = update(task, TaskRunning);
        cx.update(running.clone());
        let native = Native::new(command.environment.clone().unwrap_or_default(), role);
        Checks::start(self, cx, plans, running, Arc::new(native));
        let handle = cx.handle();
        tokio::spawn(async move {
            let ended = child.wait().await;
            handle.run(move |executor, cx| executor.ended(cx, ended));
        });
    }

    fn ended_before_start(&mut self, cx: &mut Context<Self>, why: String) {
        self.end_with(cx, TaskFailed, Reason::ContainerLaunchFailed, why);
    }

    fn end_with(&mut self, cx: &mut Context<Self>, state: v1::TaskState, reason: Reason, message: String) {
        let Some(task) = &self.task else { return };
        let last = self.checks.last_update(task, Verdict { state, reason: Some(reason), message });
        self.phase = Phase::Ended { last: cx.update(last) };
    }

    fn grace_period(&self, call: Option<&v1::KillPolicy>) -> Duration {
        policy::grace_period(call, self.task.as_ref().and_then(|task| task.kill_policy.as_ref()))
    }

    /// SIGTERM now, SIGKILL after the grace period. Another kill can only bring the SIGKILL forward: a repeated call must
    /// not give the command more time.
    fn end(&mut self, cx: &mut Context<Self>, asked: Asked, grace: Duration) {
        let Some(task) = &self.task else { return };
        match &mut self.phase {
            Phase::Running { pid } => {
                let pid = *pid;
                self.checks.stop();
                if self.announces_killing {
                    cx.update(update(task, TaskKilling));
                }
                process::signal_tree(pid, Signal::SIGTERM);
                self.phase = Phase::Killing { pid, asked, since: Instant::now(), grace };
                cx.after(grace, |executor, _| executor.escalate());
            }
            Phase::Killing { since, grace: longest, .. } if grace < *longest => {
                *longest = grace;
                cx.after(grace.saturating_sub(since.elapsed()), |executor, _| executor.escalate());
            }
            Phase::Killing { .. } | Phase::Idle | Phase::Ended { .. } => {}
        }
    }

    fn escalate(&mut self) {
        if let Phase::Killing { pid, .. } = self.phase {
            process::signal_tree(pid, Signal::SIGKILL);
        }
    }

    fn ended(&mut self, cx: &mut Context<Self>, status: std::io::Result<std::process::ExitStatus>) {
        let Some(task) = &self.task else { return };
        let asked = match self.phase {
            Phase::Killing { asked, .. } => asked,
            Phase::Idle | Phase::Running { .. } | Phase::Ended { .. } => Asked::Nothing,
        };
        let verdict = match status {
            Ok(status) => {
                policy::verdict("Command", process::ending(status), asked, process::out_of_memory())
            }
            Err(error) => {
                let message = format!("wait for the command: {error}");
                Verdict { state: TaskFailed, reason: None, message }
            }
        };
        self.phase = Phase::Ended { last: cx.update(self.checks.last_update(task, verdict)) };
        if self.shut_down {
            cx.stop();
        }
    }
}
