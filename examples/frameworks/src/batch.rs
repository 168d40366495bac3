//! A batch: N commands, each run to its end.

use std::collections::BTreeSet;

use tepui_scheduler::{Context, Framework, Need, Offer, Task, is_terminal, v1};

/// Runs a command `count` times. A task that is lost, dropped, gone or unknown (not one that fails) is launched
/// again.
pub struct Batch {
    command: String,
    need: Need,
    /// Tasks still to be launched, by number.
    waiting: BTreeSet<u32>,
    /// Of an earlier life, and not known to be running or not.
    asked: BTreeSet<u32>,
    /// Ended for good.
    done: BTreeSet<u32>,
    outcome: BatchOutcome,
    count: u32,
    watch: Box<dyn FnMut(BatchEvent)>,
}

/// What a batch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Tasks that finished.
    pub finished: u32,
    /// Tasks that ended otherwise, each with its state and message.
    pub failed: Vec<String>,
}

/// What happens on the way.
#[derive(Debug, Clone)]
pub enum BatchEvent {
    /// The master knows the framework under this id, with which the batch can be resumed.
    Subscribed(String),
    /// A task changed its state.
    Task {
        /// Which.
        id: String,
        /// To which state.
        state: v1::TaskState,
        /// Tasks that have ended so far.
        ended: u32,
    },
    /// An offer was too small; why.
    Misfit(String),
}

/// Ids are `batch-NUMBER`: a resumed batch knows its tasks by them.
const PREFIX: &str = "batch-";

impl Batch {
    /// A batch of `count` runs of a shell command, each with what it needs.
    pub fn new(
        command: impl Into<String>,
        count: u32,
        need: Need,
        watch: impl FnMut(BatchEvent) + 'static,
    ) -> Self {
        Batch {
            command: command.into(),
            need,
            waiting: (0..count).collect(),
            asked: BTreeSet::new(),
            done: BTreeSet::new(),
            outcome: BatchOutcome::default(),
            count,
            watch: Box::new(watch),
        }
    }

    /// Goes on with a batch of which these tasks have finished: what has become of the others is asked of the master
    /// before any is launched.
    #[must_use]
    pub fn resume(mut self, finished: impl IntoIterator<Item = u32>) -> Self {
        for number in finished {
            if self.waiting.remove(&number) {
                self.done.insert(number);
                self.outcome.finished += 1;
            }
        }
        self.asked = std::mem::take(&mut self.waiting);
        self
    }

    /// What the batch came to.
    #[must_use]
    pub fn outcome(&self) -> &BatchOutcome {
        &self.outcome
    }

    /// Whether every task finished.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.outcome.finished == self.count
    }

    fn ended(&self) -> u32 {
        self.outcome.finished + u32::try_from(self.outcome.failed.len()).unwrap_or(u32::MAX)
    }

    fn count_ended(&mut self, cx: &mut Context<Self>, number: u32, status: &v1::TaskStatus) {
        if self.done.contains(&number) {
            return;
        }
        match status.state() {
            v1::TaskState::TaskFinished => {
                self.done.insert(number);
                self.outcome.finished += 1;
            }
            v1::TaskState::TaskLost
            | v1::TaskState::TaskDropped
            | v1::TaskState::TaskGone
            | v1::TaskState::TaskUnknown => {
                self.waiting.insert(number);
                cx.revive();
            }
            state => {
                self.done.insert(number);
                let (id, why) = (&status.task_id.value, status.message());
                self.outcome.failed.push(format!("{id} {}: {why}", state.as_str_name()));
            }
        }
    }

    /// The tasks that fit into an offer.
    fn fill(&mut self, offer: &mut Offer) -> Vec<Task> {
        let mut tasks = Vec::new();
        while let Some(number) = self.waiting.first().copied() {
            let resources = match self.need.take(offer) {
                Ok(resources) => resources,
                Err(misfit) => {
                    if tasks.is_empty() {
                        (self.watch)(BatchEvent::Misfit(format!("{}: {misfit}", offer.hostname())));
                    }
                    break;
                }
            };
            self.waiting.remove(&number);
            tasks.push(
                Task::shell(format!("{PREFIX}{number}"), &self.command).name("batch").resources(&resources),
            );
        }
        tasks
    }
}

impl Framework for Batch {
    fn subscribed(&mut self, cx: &mut Context<Self>, id: &v1::FrameworkId) {
        (self.watch)(BatchEvent::Subscribed(id.value.clone()));
        if self.ended() == self.count {
            return cx.stop();
        }
        cx.reconcile(self.asked.iter().map(|number| format!("{PREFIX}{number}")));
    }

    fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>) {
        for mut offer in offers {
            let tasks = self.fill(&mut offer);
            if !tasks.is_empty() {
                cx.launch(&offer, tasks);
            }
        }
        if self.waiting.is_empty() {
            cx.suppress();
        }
    }

    fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
        let number = status.task_id.value.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
        let Some(number) = number.filter(|number| *number < self.count) else { return };
        self.asked.remove(&number);
        if is_terminal(status.state()) || status.state() == v1::TaskState::TaskUnknown {
            self.count_ended(cx, number, status);
        }
        let event =
            BatchEvent::Task { id: status.task_id.value.clone(), state: status.state(), ended: self.ended() };
        (self.watch)(event);
        if self.ended() == self.count {
            cx.stop();
        }
    }
}
