//! A small cluster for step tests: a master, its allocator, and names for agents and frameworks. Every effect is kept as
//! text; every step is followed by a look at all invariants.

mod agents;
mod calls;
mod messages;
mod schedulers;

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_allocator::{Allocator, Settings};
use tepui_model::Time;
use tepui_model::recorded::{self, Core};
use tepui_proto::{internal, v1};

use crate::{Config, Cx, Effect, FromAgent, Input, Master, Pid, RegistryOperation, Ticket, Timer, ToAgent};

use agents::Machine;
pub use messages::{all_capabilities, capability, executor_task, ids, launch, task, task_on, uuid};
use schedulers::Scheduler;

/// See the module.
pub struct Cluster {
    pub master: Master,
    pub allocator: Allocator,
    pub now: Time,
    pub registry: internal::Registry,
    effects: Vec<Effect>,
    /// Registry writes that are not answered yet; answered at once unless the disk is slow.
    writes: Vec<(Ticket, RegistryOperation)>,
    slow_disk: bool,
    /// Whether each step is done a second time by a master that was written down and read back.
    pub reads_back: bool,
    timers: BTreeMap<Timer, Time>,
    agents: BTreeMap<String, Machine>,
    frameworks: BTreeMap<String, Scheduler>,
    requests: u64,
}

/// The master and its next input as a recording has them.
struct Restored {
    master: Master,
    input: Input,
    /// Whether something in the input was hidden.
    hides: bool,
}

fn restored(master: &Master, input: &Input) -> Restored {
    let read: Input = recorded::read(&recorded::write(input)).expect("an input can be read back");
    let master = recorded::read(&master.snapshot()).expect("a master can be read back");
    Restored { master, hides: read != *input, input: read }
}

impl Restored {
    /// Does and becomes what the master itself did and became; secrets aside, which it does not know.
    fn goes_on(mut self, now: Time, master: &Master, effects: &[Effect]) {
        let done = self.master.take(now, self.input);
        if self.hides {
            let text = |effects: &[Effect]| effects.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(text(&done), text(effects), "a master read back does the same");
        } else {
            assert_eq!(done, effects, "a master read back does the same");
        }
        assert_eq!(self.master.digest(), master.digest(), "a master read back becomes the same");
    }
}

/// A serving master with nobody around.
pub fn cluster() -> Cluster {
    Cluster::with(Config::default())
}

impl Cluster {
    pub fn with(config: Config) -> Cluster {
        let mut cluster = Cluster::elected(config);
        cluster.step(Input::RegistryRecovered(Box::default()));
        cluster.forget();
        cluster
    }

    /// Reads the registry that it has.
    pub fn recover(&mut self) {
        self.step(Input::RegistryRecovered(Box::new(self.registry.clone())));
    }

    /// A master whose registry is not read yet.
    pub fn elected(config: Config) -> Cluster {
        let info = v1::MasterInfo { id: "m".into(), ip: 0, port: 5050, ..v1::MasterInfo::default() };
        Cluster {
            master: Master::new(config, info),
            allocator: Allocator::new(Settings::new(0), Time::ZERO),
            now: Time::ZERO,
            registry: internal::Registry::default(),
            effects: Vec::new(),
            writes: Vec::new(),
            slow_disk: false,
            reads_back: true,
            timers: BTreeMap::new(),
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Takes one input, and answers what the disk and the allocator are asked.
    pub fn step(&mut self, input: Input) {
        let restored = self.reads_back.then(|| restored(&self.master, &input));
        let mut cx = Cx::at(self.now);
        self.master.step(&mut cx, input);
        if let Some(restored) = restored {
            restored.goes_on(self.now, &self.master, &cx.effects);
        }
        for effect in &cx.effects {
            match effect {
                Effect::Persist { ticket, operation } => self.writes.push((*ticket, operation.clone())),
                Effect::Arm { timer, at } => drop(self.timers.insert(*timer, *at)),
                Effect::Disarm(timer) => drop(self.timers.remove(timer)),
                Effect::Allocator(call) => self.allocator.call(self.now, call.clone()),
                _ => {}
            }
        }
        let pinged = cx.effects.iter().filter_map(|effect| match effect {
            Effect::Send { to, message: ToAgent::Ping(_) } => Some(to.clone()),
            _ => None,
        });
        let pinged: Vec<Pid> = pinged.collect();
        self.effects.extend(cx.effects);
        assert_eq!(self.master.invariants(), Vec::<String>::new());
        assert_eq!(self.allocator.invariants(), Vec::<String>::new());
        if !self.slow_disk {
            self.write();
        }
        for from in pinged {
            if self.agents.values().any(|agent| agent.pid == from && !agent.silent) {
                self.step(Input::Agent { from, message: FromAgent::Pong(internal::PongSlaveMessage {}) });
            }
        }
    }

    /// From now on registry writes wait for [`Cluster::write`].
    pub fn slow_disk(mut self) -> Cluster {
        self.slow_disk = true;
        self
    }

    pub fn set_slow_disk(&mut self, slow: bool) {
        self.slow_disk = slow;
    }

    /// The disk does what it was asked.
    pub fn write(&mut self) {
        for (ticket, operation) in std::mem::take(&mut self.writes) {
            operation.apply(&mut self.registry);
            self.step(Input::Persisted(ticket));
        }
    }

    /// The disk fails.
    pub fn fail_writes(&mut self, why: &str) {
        for (ticket, _) in std::mem::take(&mut self.writes) {
            self.step(Input::PersistFailed { ticket, why: why.into() });
        }
    }

    /// The same registry under a new master, `m2`. Agents and schedulers are where they were.
    pub fn failover(mut self) -> Cluster {
        let config = self.master.config.clone();
        let info = v1::MasterInfo { id: "m2".into(), ..v1::MasterInfo::clone(&self.master.info) };
        self.master = Master::new(config, info);
        self.allocator = Allocator::new(Settings::new(0), self.now);
        self.timers.clear();
        self.step(Input::RegistryRecovered(Box::new(self.registry.clone())));
        self.forget();
        self
    }

    // What is seen.

    /// The effects since the last look, without counts, changes for readers and log lines.
    pub fn effects(&mut self) -> String {
        self.text(|effect| !matches!(effect, Effect::Count(_) | Effect::Changed(_) | Effect::Log(_)))
    }

    /// What schedulers, agents and HTTP clients heard since the last look, without pings and heartbeats.
    pub fn heard(&mut self) -> String {
        self.text(|effect| {
            let is_routine =
                effect.to_string().ends_with("<- Ping") || effect.to_string().ends_with("<- HEARTBEAT");
            !is_routine
                && matches!(
                    effect,
                    Effect::Event { .. }
                        | Effect::Send { .. }
                        | Effect::Answer { .. }
                        | Effect::Open { .. }
                        | Effect::Close(_)
                )
        })
    }

    /// What readers heard since the last look.
    pub fn changes(&mut self) -> String {
        self.text(|effect| matches!(effect, Effect::Changed(_)))
    }

    /// What was counted since the last look.
    pub fn counts(&mut self) -> String {
        self.text(|effect| matches!(effect, Effect::Count(_)))
    }

    /// What was logged since the last look.
    pub fn logs(&mut self) -> String {
        self.text(|effect| matches!(effect, Effect::Log(_)))
    }

    fn text(&mut self, wanted: impl Fn(&Effect) -> bool) -> String {
        let effects = std::mem::take(&mut self.effects);
        let lines = effects.iter().filter(|effect| wanted(effect)).map(|effect| format!("{effect}\n"));
        lines.collect()
    }

    pub fn raw_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn forget(&mut self) {
        self.effects.clear();
    }

    // Time and the allocator.

    /// Lets time pass; timers fire on their way.
    pub fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((timer, at)) = self.next_timer().filter(|(_, at)| *at <= end) {
            self.timers.remove(&timer);
            self.now = self.now.max(at);
            self.step(Input::TimerDue(timer));
        }
        self.now = end;
    }

    /// The timers that are armed.
    pub fn armed(&self) -> impl Iterator<Item = Timer> {
        self.timers.keys().copied()
    }

    fn next_timer(&self) -> Option<(Timer, Time)> {
        let timers = self.timers.iter().map(|(timer, at)| (*timer, *at));
        timers.min_by_key(|(timer, at)| (*at, timer.serial))
    }

    /// The allocator runs, and its offers are made.
    pub fn allocate(&mut self) {
        let allocations = self.allocator.on_timer(self.now);
        if !allocations.is_empty() {
            self.step(Input::Allocated(allocations));
        }
        let inverse = self.allocator.take_inverse_offers();
        if !inverse.is_empty() {
            self.step(Input::InverseOffers(inverse));
        }
    }

    /// Seconds pass, and the allocator runs each second.
    pub fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.advance(Duration::from_secs(1));
            self.allocate();
        }
    }
}
