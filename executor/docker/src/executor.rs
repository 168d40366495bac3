//! The Docker executor: one task, one container.
//!
//! A process of its own beside the container, so that neither a restart of the agent nor one of the engine ends the task.

mod report;
mod stop;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bytes::Bytes;
use tepui_executor::checks::{Checked, Checks, Plans, update};
use tepui_executor::policy::{self, Asked, Verdict};
use tepui_executor::{Context, Executor, Handle, RunError, Subscribed, Update, Via, v1};
use tokio::sync::oneshot;
use v1::TaskState::{TaskError, TaskFailed, TaskKilled, TaskKilling, TaskRunning, TaskStarting};
use v1::task_status::Reason;

use self::stop::{Patience, Stopped};
use self::task::{Follow, Unknown};
use crate::checks::InContainer;
use crate::container::Ending;
use crate::credentials::DockerConfig;
use crate::engine::Engine;
use crate::process::Process;
use crate::spec::{Plan, Settings};

/// How often at most a pull says how far it is: each is a status update that travels to the framework.
const REPORT_EVERY: Duration = Duration::from_secs(3);

/// What the agent told this executor.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The container's name with the engine.
    pub container: String,
    /// `--docker_socket`.
    pub engine: String,
    /// `--docker_config`.
    pub config: DockerConfig,
    /// The agent's other flags.
    pub settings: Settings,
    /// By which the agent finds the container again.
    pub labels: HashMap<String, String>,
}

/// ```text
/// Idle ──launch──► Preparing ──started──► Running ──stop──► Stopping ──exit──► Ended ──acknowledged──► (ends)
///                      └──────failed, killed──────┴─────────────exit───────────►┘
/// ```
#[derive(Debug)]
enum Phase {
    /// No task yet.
    Idle,
    /// Its image is pulled, its container made. Dropping the sender ends that.
    Preparing { _stop: oneshot::Sender<()> },
    /// The container runs.
    Running,
    /// The container was asked to end, for which there is this much time.
    Stopping { asked: Asked, patience: Patience },
    /// The container is gone; the update with this uuid says so.
    Ended { last: Bytes },
}

/// Runs the one task it is given in a container, and reports how that ended.
#[derive(Debug)]
pub struct DockerExecutor {
    setup: Setup,
    phase: Phase,
    task: Option<v1::TaskInfo>,
    /// The first process of the container, where this machine can see it.
    process: Option<Process>,
    /// The framework understands TASK_KILLING.
    announces_killing: bool,
    /// A shutdown arrived: no launch will be accepted any more.
    shut_down: bool,
    checks: Checks,
}

impl DockerExecutor {
    /// An executor that waits for its task.
    #[must_use]
    pub fn new(setup: Setup) -> DockerExecutor {
        DockerExecutor {
            setup,
            phase: Phase::Idle,
            task: None,
            process: None,
            announces_killing: false,
            shut_down: false,
            checks: Checks::default(),
        }
    }
}

/// Runs an executor in this process until its task is over and acknowledged.
///
/// # Errors
/// When it ends without wanting to. Its container is ended then too: nobody else would.
pub fn run(setup: Setup) -> Result<(), RunError> {
    let ended = tepui_executor::run(DockerExecutor::new(setup.clone()), Via::Http);
    if ended.is_err() {
        stop::abandon(&setup);
    }
    ended
}

impl Executor for DockerExecutor {
    fn subscribed(&mut self, _cx: &mut Context<Self>, info: &Subscribed) {
        let killing = v1::framework_info::capability::Type::TaskKillingState as i32;
        self.announces_killing = info.framework.capabilities.iter().any(|c| c.r#type == Some(killing));
    }

    fn launch(&mut self, cx: &mut Context<Self>, task: v1::TaskInfo) {
        if self.task.is_some() || self.shut_down {
            let why = "a Docker executor runs exactly one task, and this one is taken";
            cx.update(Update::new(&task.task_id, TaskFailed).message(why));
            return;
        }
        let sandbox = cx.environment().sandbox.clone();
        let plan = self.setup.plan(&task, sandbox).map_err(|why| why.to_string());
        let checks = Plans::read(&task).map_err(|why| why.to_string());
        self.task = Some(task);
        match plan.and_then(|plan| Ok((plan, checks?))) {
            Ok((plan, checks)) => self.prepare(cx, plan, checks),
            Err(message) => {
                self.end_with(cx, Verdict { state: TaskError, reason: Some(Reason::TaskInvalid), message });
            }
        }
    }

    fn kill(&mut self, cx: &mut Context<Self>, task_id: &v1::TaskId, policy: Option<v1::KillPolicy>) {
        if self.task.as_ref().is_some_and(|task| task.task_id == *task_id) {
            self.stop(cx, Asked::Kill, self.patience(policy.as_ref()));
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
            Phase::Preparing { .. } | Phase::Running | Phase::Stopping { .. } => {
                let grace = policy::shutdown_grace_period(cx.environment().shutdown_grace_period);
                self.stop(cx, Asked::Kill, Patience::of_shutdown(grace));
            }
        }
    }
}

impl Checked for DockerExecutor {
    fn checks(&mut self) -> &mut Checks {
        &mut self.checks
    }

    fn unhealthy(&mut self, cx: &mut Context<Self>, _why: &str) {
        self.stop(cx, Asked::Kill, self.patience(None));
    }
}

impl DockerExecutor {
    fn prepare(&mut self, cx: &mut Context<Self>, plan: Plan, checks: Plans) {
        let Some(task) = &self.task else { return };
        cx.update(update(task, TaskStarting));
        let limit = task.max_completion_time.as_ref().map(|limit| limit.nanoseconds.max(0).unsigned_abs());
        if let Some(limit) = limit.map(Duration::from_nanos) {
            cx.after(limit, |executor, cx| {
                executor.stop(cx, Asked::TooLong, executor.patience(None));
            });
        }
        let (stop, stopped) = oneshot::channel();
        self.phase = Phase::Preparing { _stop: stop };
        let (setup, handle) = (self.setup.clone(), cx.handle());
        tokio::spawn(async move {
            let outcome = task::prepare(&setup, &plan, &handle, stopped).await;
            handle.run(move |executor, cx| executor.prepared(cx, outcome, checks));
        });
    }

    /// How far the pull is, for who waits for the task.
    fn pulling(&mut self, cx: &mut Context<Self>, message: String) {
        if let (Some(task), Phase::Preparing { .. }) = (&self.task, &self.phase) {
            cx.update(update(task, TaskStarting).message(message));
        }
    }

    fn prepared(&mut self, cx: &mut Context<Self>, outcome: task::Prepared, checks: Plans) {
        match outcome {
            task::Prepared::Started(engine, inspected) => self.started(cx, engine, &inspected, checks),
            task::Prepared::Failed(why) => {
                let (reason, message) = (Some(Reason::ContainerLaunchFailed), why.to_string());
                self.end_with(cx, Verdict { state: TaskFailed, reason, message });
            }
            task::Prepared::Stopped => {
                let too_long = matches!(self.phase, Phase::Stopping { asked: Asked::TooLong, .. });
                let (state, reason) = if too_long {
                    (TaskFailed, Some(Reason::MaxCompletionTimeReached))
                } else {
                    (TaskKilled, None)
                };
                let message = "Ended before its container was started".into();
                self.end_with(cx, Verdict { state, reason, message });
            }
        }
    }

    fn started(
        &mut self,
        cx: &mut Context<Self>,
        engine: Engine,
        inspected: &ContainerInspectResponse,
        checks: Plans,
    ) {
        let Some(task) = &self.task else { return };
        let running = report::placed(update(task, TaskRunning), inspected);
        cx.update(report::described(running.clone(), inspected));
        let before = std::mem::replace(&mut self.phase, Phase::Running);
        self.process = Process::of(inspected);
        let prober = InContainer::new(engine.clone(), self.setup.container.clone(), inspected);
        Checks::start(self, cx, checks, running, Arc::new(prober));
        let follow = Follow { engine, name: self.setup.container.clone(), process: self.process };
        let handle = cx.handle();
        tokio::spawn(async move {
            let ended = follow.to_the_end().await;
            handle.run(move |executor, cx| executor.ended(cx, ended));
        });
        if let Phase::Stopping { asked, patience } = before {
            // It was asked to end in the moment in which it started.
            self.stop(cx, asked, patience);
        }
    }

    fn patience(&self, call: Option<&v1::KillPolicy>) -> Patience {
        let own = self.task.as_ref().and_then(|task| task.kill_policy.as_ref());
        Patience::of_kill(policy::grace_period(call, own))
    }

    /// Another kill can only bring the end forward: a repeated call must not give the container more time.
    fn stop(&mut self, cx: &mut Context<Self>, asked: Asked, patience: Patience) {
        let Some(task) = &self.task else { return };
        match &mut self.phase {
            // `prepared` hears of it when everything is undone.
            Phase::Preparing { .. } => self.phase = Phase::Stopping { asked, patience },
            Phase::Running => {
                self.checks.stop();
                if self.announces_killing {
                    cx.update(update(task, TaskKilling));
                }
                self.phase = Phase::Stopping { asked, patience };
                self.ask_to_end(cx, patience);
            }
            Phase::Stopping { patience: longest, .. } if patience.is_shorter_than(*longest) => {
                *longest = patience;
                self.ask_to_end(cx, patience);
            }
            Phase::Stopping { .. } | Phase::Idle | Phase::Ended { .. } => {}
        }
    }

    fn ask_to_end(&self, cx: &Context<Self>, patience: Patience) {
        let (setup, process, handle) = (self.setup.clone(), self.process, cx.handle());
        tokio::spawn(async move {
            if let Stopped::ByUs(unknown) = stop::stop(&setup, process.as_ref(), patience).await {
                // If the engine has told meanwhile, its word is out and this comes too late.
                handle.run(move |executor, cx| executor.ended(cx, Err(unknown)));
            }
        });
    }

    fn ended(&mut self, cx: &mut Context<Self>, ended: Result<Ending, Unknown>) {
        let asked = match self.phase {
            Phase::Stopping { asked, .. } => asked,
            _ => Asked::Nothing,
        };
        self.end_with(cx, report::verdict(ended, asked));
    }

    fn end_with(&mut self, cx: &mut Context<Self>, verdict: Verdict) {
        let (Some(task), false) = (&self.task, matches!(self.phase, Phase::Ended { .. })) else { return };
        self.phase = Phase::Ended { last: cx.update(self.checks.last_update(task, verdict)) };
        if self.shut_down {
            cx.stop();
        }
    }
}

type Way = Handle<DockerExecutor>;
