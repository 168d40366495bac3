//! The world: everybody in it, the time, and the one loop in which everything happens.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_model::Time;
use tepui_model::recorded::{self, Core};

use crate::chance::Chance;
use crate::counters::Counters;
use crate::event::Event;
use crate::latency::Latencies;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::master::MasterProcess;
use crate::network::{End, Link, LinkId};
use crate::queue::Queue;
use crate::report::{Broken, Report};
use crate::scenario::Scenario;
use crate::scheduler::Scheduler;
use crate::transcript::Transcript;

/// A whole cluster, from its first moment on. See the crate's documentation.
#[derive(Debug)]
pub struct World {
    pub(crate) scenario: Scenario,
    pub(crate) now: Time,
    pub(crate) queue: Queue,
    pub(crate) chance: Chance,
    pub(crate) transcript: Transcript,
    pub(crate) counters: Counters,
    pub(crate) master: MasterProcess,
    pub(crate) machines: Vec<Machine>,
    pub(crate) schedulers: Vec<Scheduler>,
    pub(crate) links: BTreeMap<LinkId, Link>,
    pub(crate) scheduler_links: BTreeMap<(usize, u64), LinkId>,
    pub(crate) next_link: LinkId,
    pub(crate) ledger: Ledger,
    pub(crate) latencies: Latencies,
    /// What did not hold.
    pub(crate) broken: Vec<String>,
}

impl World {
    /// A cluster that is about to start: first the master, then within two seconds everybody else.
    pub fn new(scenario: Scenario) -> World {
        let mut world = World {
            now: Time::ZERO,
            queue: Queue::default(),
            chance: Chance::new(scenario.seed),
            transcript: Transcript::new(scenario.kept_lines),
            counters: Counters::default(),
            master: MasterProcess::new(),
            machines: (0..scenario.agents as u64).map(Machine::new).collect(),
            schedulers: (0..scenario.frameworks).map(Scheduler::new).collect(),
            links: (0..scenario.agents).map(|agent| (agent as u64, Link::new(End::Agent(agent)))).collect(),
            scheduler_links: BTreeMap::new(),
            next_link: scenario.agents as u64,
            ledger: Ledger::default(),
            latencies: Latencies::default(),
            broken: Vec::new(),
            scenario,
        };
        world.queue.push(Time::ZERO, Event::MasterStarts);
        world.queue.push(Time::from_secs(1), Event::EverySecond);
        for agent in 0..world.machines.len() {
            let at = Time::ZERO + world.chance.millis(0..2000);
            world.queue.push(at, Event::AgentStarts { agent });
        }
        for framework in 0..world.schedulers.len() {
            world.scheduler_starts(framework);
        }
        world.plan_faults();
        world
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Duration {
        self.now.since(Time::ZERO)
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The last lines of the transcript, as many as the scenario keeps.
    pub fn last_lines(&self) -> impl Iterator<Item = &str> {
        self.transcript.last()
    }

    /// Whether nothing new is begun any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.now() + self.scenario.calm >= self.scenario.length
    }

    /// Runs for a while.
    ///
    /// # Errors
    /// What did not hold. The world stands still at the moment it was noticed.
    pub fn run_for(&mut self, duration: Duration) -> Result<(), Broken> {
        let end = self.now + duration;
        while let Some((at, event)) = self.queue.pop(end) {
            self.now = at;
            self.happen(event);
            if !self.broken.is_empty() {
                return Err(self.verdict());
            }
        }
        self.now = end;
        Ok(())
    }

    /// Runs to the scenario's end, and takes the last look at everything.
    ///
    /// # Errors
    /// What did not hold.
    pub fn run(mut self) -> Result<Report, Broken> {
        let rest = self.scenario.length.saturating_sub(self.now());
        self.run_for(rest)?;
        self.check_end();
        if self.broken.is_empty() { Ok(self.report()) } else { Err(self.verdict()) }
    }

    /// Every core is written as a recording's snapshot and read back; everything goes on with what was read.
    ///
    /// # Panics
    /// If a core cannot be read back, or is not the same then.
    pub fn read_cores_back(&mut self) {
        let machines = self.machines.iter_mut().filter_map(|machine| machine.core.as_mut());
        machines.for_each(read_back);
        self.master.core.iter_mut().for_each(read_back);
    }

    fn happen(&mut self, event: Event) {
        self.counters.add("events");
        match event {
            Event::Arrives { link, to, connection, packet } => self.arrives(link, to, connection, packet),
            Event::CutBreaks { link, cut } => self.cut_breaks(link, cut),
            Event::CutHeals { link, cut } => self.cut_heals(link, cut),
            Event::OldSchedulerDies(link) => self.old_scheduler_dies(link),
            Event::MasterStarts => self.master_starts(),
            Event::MasterTimer { life, timer } => self.master_timer(life, timer),
            Event::RegistryWrites { life } => self.registry_writes(life),
            Event::AllocatorHears { life, call } => self.allocator_hears(life, *call),
            Event::AllocatorRuns { life } => self.allocator_runs(life),
            Event::Allocated { life, allocations } => self.allocated(life, allocations),
            Event::StreamClosed { life, connection } => self.stream_closed(life, connection),
            Event::AgentStarts { agent } => self.agent_starts(agent),
            Event::Agent { agent, life, input } => self.agent_hears(agent, life, *input),
            Event::DiskWrites { agent, life } => self.disk_writes(agent, life),
            Event::DiskHasRoom { agent } => self.machines[agent].disk_full = false,
            Event::ContainersFound { agent, life, runs } => self.containers_found(agent, life, &runs),
            Event::Container { agent, id, deed } => self.container_does(agent, &id, deed),
            Event::Scheduler { framework, process, deed } => self.scheduler_does(framework, process, deed),
            Event::Fault(fault) => self.fault(fault),
            Event::EverySecond => {
                self.check();
                self.queue.push(self.now + Duration::from_secs(1), Event::EverySecond);
            }
        }
    }
}

fn read_back<C: Core>(core: &mut C) {
    let snapshot = core.snapshot();
    *core = recorded::read(&snapshot).expect("a core can be read back");
    assert_eq!(core.snapshot(), snapshot, "the {} read back is the same", C::NAME);
}
