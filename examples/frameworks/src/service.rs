//! A service: N instances of a command that should run for ever.

use std::time::Duration;

use tepui_scheduler::{Context, Framework, Need, Offer, Task, is_terminal, v1};

/// Keeps `instances` instances of a command running. One that ends is replaced after a pause that doubles with each
/// quick end, so that a command that cannot start does not keep the cluster busy.
pub struct Service {
    name: String,
    command: String,
    need: Need,
    slots: Vec<Slot>,
    /// Distinguishes the tasks of one slot, and of this life of the service from earlier ones.
    launches: u64,
    epoch: u64,
    watch: Box<dyn FnMut(ServiceEvent)>,
}

/// One instance's place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    /// To be launched on the next offer that fits; ended quickly this many times in a row.
    Empty { failures: u32 },
    /// Waits for its pause to end.
    Pausing { failures: u32 },
    /// Launched as this task, and whether it has been seen running.
    Filled { task: String, failures: u32, running: bool },
}

/// What happens on the way.
#[derive(Debug, Clone)]
pub enum ServiceEvent {
    /// An instance changed its state; so many run now.
    Instance {
        /// Its task.
        id: String,
        /// Its state.
        state: v1::TaskState,
        /// Instances that run now.
        running: usize,
    },
    /// An instance will be replaced after a pause.
    Replacing {
        /// The pause.
        pause: Duration,
    },
}

const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

impl Service {
    /// A service of `instances` instances of a shell command. `epoch` makes task ids unlike those of earlier runs: the
    /// time of day in seconds is a good one.
    pub fn new(
        name: impl Into<String>,
        command: impl Into<String>,
        instances: usize,
        need: Need,
        epoch: u64,
        watch: impl FnMut(ServiceEvent) + 'static,
    ) -> Self {
        Service {
            name: name.into(),
            command: command.into(),
            need,
            slots: vec![Slot::Empty { failures: 0 }; instances],
            launches: 0,
            epoch,
            watch: Box::new(watch),
        }
    }

    fn running(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot, Slot::Filled { running: true, .. })).count()
    }

    fn fill(&mut self, offer: &mut Offer) -> Vec<Task> {
        let mut tasks = Vec::new();
        for slot in &mut self.slots {
            let Slot::Empty { failures } = *slot else { continue };
            let Ok(resources) = self.need.take(offer) else { break };
            self.launches += 1;
            let task = format!("{}-{}-{}", self.name, self.epoch, self.launches);
            tasks.push(Task::shell(&task, &self.command).name(&self.name).resources(&resources));
            *slot = Slot::Filled { task, failures, running: false };
        }
        tasks
    }

    fn ended(&mut self, cx: &mut Context<Self>, index: usize, failures: u32) {
        let pause = PAUSE_MIN.saturating_mul(1 << failures.min(10)).min(PAUSE_MAX);
        self.slots[index] = Slot::Pausing { failures: failures + 1 };
        (self.watch)(ServiceEvent::Replacing { pause });
        cx.after(pause, move |service, cx| {
            if let Slot::Pausing { failures } = service.slots[index] {
                service.slots[index] = Slot::Empty { failures };
                cx.revive();
            }
        });
    }
}

impl Framework for Service {
    fn subscribed(&mut self, cx: &mut Context<Self>, _id: &v1::FrameworkId) {
        // A reconnection may have missed the offers that a suppressed framework would not get again.
        if self.slots.iter().any(|slot| matches!(slot, Slot::Empty { .. })) {
            cx.revive();
        }
    }

    fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>) {
        for mut offer in offers {
            let tasks = self.fill(&mut offer);
            if !tasks.is_empty() {
                cx.launch(&offer, tasks);
            }
        }
        if self.slots.iter().all(|slot| !matches!(slot, Slot::Empty { .. })) {
            cx.suppress();
        }
    }

    fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
        let id = &status.task_id.value;
        let place =
            self.slots.iter().position(|slot| matches!(slot, Slot::Filled { task, .. } if task == id));
        let Some(index) = place else { return };
        let Slot::Filled { failures, running, .. } = &mut self.slots[index] else { return };
        let ended = is_terminal(status.state());
        if status.state() == v1::TaskState::TaskRunning {
            *running = true;
        }
        // Whoever ran at all has not failed to start.
        let failures = if *running { 0 } else { *failures };
        if ended {
            self.ended(cx, index, failures);
        }
        let running = self.running();
        (self.watch)(ServiceEvent::Instance { id: id.clone(), state: status.state(), running });
    }
}
