//! What goes wrong: by chance, as often as the scenario says, and on demand.

use std::time::Duration;

use crate::event::Event;
use crate::text;
use crate::world::World;

/// A kind of misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Partition,
    ConnectionLoss,
    AgentRestart,
    DiskFull,
    MasterRestart,
    StreamLoss,
    FrameworkFailover,
    Teardown,
    ExecutorStreamLoss,
}

const ALL: [Fault; 9] = [
    Fault::Partition,
    Fault::ConnectionLoss,
    Fault::AgentRestart,
    Fault::DiskFull,
    Fault::MasterRestart,
    Fault::StreamLoss,
    Fault::FrameworkFailover,
    Fault::Teardown,
    Fault::ExecutorStreamLoss,
];

impl World {
    pub(crate) fn plan_faults(&mut self) {
        for fault in ALL {
            self.plan_fault(fault);
        }
    }

    fn plan_fault(&mut self, fault: Fault) {
        let faults = &self.scenario.faults;
        let every = match fault {
            Fault::Partition => faults.partition,
            Fault::ConnectionLoss => faults.connection_loss,
            Fault::AgentRestart => faults.agent_restart,
            Fault::DiskFull => faults.disk_full,
            Fault::MasterRestart => faults.master_restart,
            Fault::StreamLoss => faults.stream_loss,
            Fault::FrameworkFailover => faults.framework_failover,
            Fault::Teardown => faults.teardown,
            Fault::ExecutorStreamLoss => faults.executor_stream_loss,
        };
        if let Some(every) = every {
            let after = self.chance.about(every);
            self.queue.push(self.now + after, Event::Fault(fault));
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        if self.is_calm() {
            return;
        }
        self.plan_fault(fault);
        let agent = self.chance.index(self.machines.len());
        let framework = self.chance.index(self.schedulers.len());
        match fault {
            Fault::Partition => {
                let length = self.chance.millis(1000..180_000);
                // Half of the connections outlive the partition.
                let patience = self.chance.millis(1000..40_000);
                let patience = if self.chance.index(2) == 0 { patience } else { length * 2 };
                self.partition(agent, length, patience);
            }
            Fault::ConnectionLoss => self.lose_connection(agent),
            Fault::AgentRestart => {
                let down = self.chance.millis(500..30_000);
                self.restart_agent(agent, down);
            }
            Fault::DiskFull => {
                let length = self.chance.millis(1000..40_000);
                self.fill_disk(agent, length);
            }
            Fault::MasterRestart => {
                let down = self.chance.millis(500..30_000);
                match self.chance.index(4) {
                    0 => self.fail_registry(),
                    _ => self.restart_master(down),
                }
            }
            Fault::StreamLoss => {
                self.counters.add("scheduler connections lost");
                let link = self.schedulers[framework].link;
                self.break_connection(link);
            }
            Fault::FrameworkFailover => self.fail_over_framework(framework),
            Fault::Teardown => match self.chance.index(3) {
                0 => self.tear_down_by_operator(framework),
                _ => self.end_framework(framework),
            },
            Fault::ExecutorStreamLoss => self.lose_some_executor_stream(agent),
        }
    }

    /// Of the first machine from `start` on that has containers.
    fn lose_some_executor_stream(&mut self, start: usize) {
        let machines = self.machines.len();
        let with_containers = |agent: &usize| !self.machines[*agent].containers.is_empty();
        let Some(agent) = (0..machines).map(|n| (start + n) % machines).find(with_containers) else { return };
        let ids: Vec<_> = self.machines[agent].containers.keys().cloned().collect();
        let id = &ids[self.chance.index(ids.len())];
        self.break_executor_stream(agent, id);
    }

    /// Cuts an agent off from the master for `length`. The connection stands that for `patience`.
    pub fn partition(&mut self, agent: usize, length: Duration, patience: Duration) {
        self.transcript.note(self.now, text::Agent(agent), format_args!("is cut off for {length:?}"));
        self.cut(self.machines[agent].link, length, patience);
    }

    /// Breaks the connection between an agent and the master.
    pub fn lose_connection(&mut self, agent: usize) {
        self.transcript.note(self.now, text::Agent(agent), "loses its connection");
        self.counters.add("agent connections lost");
        self.break_connection(self.machines[agent].link);
    }

    /// Kills an agent's process; another one starts after `down`.
    pub fn restart_agent(&mut self, agent: usize, down: Duration) {
        self.agent_dies(agent, down);
    }

    /// From now on an agent's checkpoints fail, for `length`.
    pub fn fill_disk(&mut self, agent: usize, length: Duration) {
        self.transcript.note(self.now, text::Agent(agent), "has a full disk");
        self.counters.add("full disks");
        self.machines[agent].disk_full = true;
        self.queue.push(self.now + length, Event::DiskHasRoom { agent });
    }

    /// Kills the master's process; another one starts after `down`.
    pub fn restart_master(&mut self, down: Duration) {
        self.master_dies(down);
    }

    /// The master's next write to its registry fails; it abdicates, and another process starts.
    pub fn fail_registry(&mut self) {
        self.master.disk_fails = true;
    }

    /// An operator ends a framework, which learns of it and begins anew.
    pub fn tear_down_by_operator(&mut self, framework: usize) {
        if let Some(id) = self.schedulers[framework].id.clone() {
            self.operator_tears_down(&id.value);
        }
    }

    /// Another process takes a framework over while the first one is still connected.
    pub fn fail_over(&mut self, framework: usize) {
        self.fail_over_framework(framework);
    }

    /// A framework ends with everything it runs, and begins anew.
    pub fn tear_down_framework(&mut self, framework: usize) {
        self.end_framework(framework);
    }
}
