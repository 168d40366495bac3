//! The checks of one task at work, inside the executor that runs it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::checker::{Checker, Effect, Input};
use super::judge::{Judge, News};
use super::reports::{Reports, update};
use super::{Plans, Prober};
use crate::policy::Verdict;
use crate::{Context, Executor, Update, v1};

/// An executor whose task is checked.
pub trait Checked: Executor {
    /// Where it keeps the checks.
    fn checks(&mut self) -> &mut Checks;

    /// The task has failed its health check too often in a row, and must be ended. `why` says what was found, and so will
    /// [`Checks::last_update`].
    fn unhealthy(&mut self, cx: &mut Context<Self>, why: &str);
}

/// The checks of one task, which report through the executor's context. Dropping them ends whatever look is under way.
#[derive(Default)]
pub struct Checks {
    running: Option<Running>,
    /// What was found of a task that is ended for it.
    unhealthy: Option<String>,
}

struct Running {
    prober: Arc<dyn Prober>,
    checks: Vec<Check>,
    reports: Reports,
}

struct Check {
    /// `health check` or `check`, for people.
    name: &'static str,
    checker: Checker,
    looking: Option<Looking>,
}

/// A look that is under way; dropping it ends it.
struct Looking(JoinHandle<()>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = self.running.iter().flat_map(|running| &running.checks);
        f.debug_list().entries(checks.map(|check| &check.checker)).finish()
    }
}

impl Checks {
    /// Begins to check the task that was just said to run by `running`. What that carries, all later updates carry too.
    pub fn start<E: Checked>(
        executor: &mut E,
        cx: &mut Context<E>,
        plans: Plans,
        running: Update,
        prober: Arc<dyn Prober>,
    ) {
        let health = plans.health.map(|(plan, patience)| Check {
            name: "health check",
            checker: Checker::new(plan, Judge::of_health(patience, cx.now())),
            looking: None,
        });
        let check = plans.check.map(|plan| {
            let judge = Judge::of_check(&plan.probe);
            Check { name: "check", checker: Checker::new(plan, judge), looking: None }
        });
        let checks: Vec<Check> = health.into_iter().chain(check).collect();
        let count = checks.len();
        executor.checks().running = Some(Running { prober, checks, reports: Reports::new(running) });
        for index in 0..count {
            step(executor, cx, index, Input::Start);
        }
    }

    /// The task is being ended, or has ended: nobody looks at it any more, and nothing more is told.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// The update with the final word on the task, after which nobody looks at it.
    pub fn last_update(&mut self, task: &v1::TaskInfo, verdict: Verdict) -> Update {
        self.stop();
        let Verdict { state, reason, message } = verdict;
        let update = match &self.unhealthy {
            Some(why) => update(task, state)
                .healthy(false)
                .message(format!("{message}; its health check failed: {why}")),
            None => update(task, state).message(message),
        };
        match reason {
            Some(reason) => update.reason(reason),
            None => update,
        }
    }

    /// The agent has the update with this uuid. Call it for every update of the task.
    pub fn acknowledged<E: Checked>(executor: &mut E, cx: &mut Context<E>, uuid: &Bytes) {
        let Some(running) = &mut executor.checks().running else { return };
        let update = running.reports.acknowledged(uuid);
        running.report(cx, update);
    }
}

impl Running {
    fn report<E: Executor>(&mut self, cx: &mut Context<E>, update: Option<Update>) {
        if let Some(update) = update {
            self.reports.told(cx.update(update));
        }
    }
}

fn step<E: Checked>(executor: &mut E, cx: &mut Context<E>, index: usize, input: Input) {
    let now = cx.now();
    let Some(running) = &mut executor.checks().running else { return };
    let effects = running.checks[index].checker.step(now, input);
    let mut ends = None;
    for effect in effects {
        let check = &mut running.checks[index];
        match effect {
            Effect::Wait { turn, pause } => {
                cx.after(pause, move |executor, cx| step(executor, cx, index, Input::Due { turn }));
            }
            Effect::Look { turn } => {
                let look = running.prober.probe(&check.checker.plan().probe);
                let handle = cx.handle();
                check.looking = Some(Looking(tokio::spawn(async move {
                    let found = look.await;
                    handle.run(move |executor, cx| step(executor, cx, index, Input::Found { turn, found }));
                })));
            }
            Effect::Abandon => check.looking = None,
            Effect::Tell(News::Healthy) => {
                let update = running.reports.health(true, None);
                running.report(cx, update);
            }
            Effect::Tell(News::Unhealthy { why, too_often }) => {
                // Our stderr is the sandbox's, where whoever wonders about the task looks first.
                eprintln!("tepui: {} failed: {why}", check.name);
                let update = running.reports.health(false, Some(format!("{} failed: {why}", check.name)));
                running.report(cx, update);
                ends = too_often.then_some(why);
            }
            Effect::Tell(News::Unseen(why)) => eprintln!("tepui: {} did not look: {why}", check.name),
            Effect::Tell(News::Status(status)) => {
                let update = running.reports.status(status);
                running.report(cx, update);
            }
        }
    }
    if let Some(why) = ends {
        executor.checks().unhealthy = Some(why.clone());
        executor.unhealthy(cx, &why);
    }
}
