//! Whatever happens, in whatever order: no step panics, every invariant holds (the cluster looks after each step), the
//! allocator's ledger agrees with the master's books, and when all is over nothing is held by anybody.

mod operations;

use std::time::Duration;

use proptest::prelude::*;
use tepui_allocator::Held;
use tepui_proto::internal::ReregisterSlaveMessage;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::{AgentId, TaskState};

use crate::cluster::{Cluster, capability, cluster, executor_task, task};
use crate::{Effect, FromAgent};

const AGENTS: [&str; 3] = ["a0", "a1", "a2"];
const FRAMEWORKS: [&str; 3] = ["plain", "aware", "actor"];
const STATES: [TaskState; 4] =
    [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFinished, TaskState::TaskFailed];

/// One thing that happens; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Event {
    Allocate,
    Launch { framework: usize, offer: usize, cpus: u8, executor: bool },
    Decline { framework: usize, offer: usize },
    Update { task: usize, state: usize, ahead: bool },
    Acknowledge { task: usize },
    Kill { task: usize },
    Lose { agent: usize },
    Return { agent: usize, forgetful: bool },
    Unregister { agent: usize },
    Exit { agent: usize },
    Disconnect { framework: usize },
    Subscribe { framework: usize },
    Teardown { framework: usize },
    Operate { offer: usize, cpus: u8, undo: bool },
    OperateOnAgent { agent: usize, cpus: u8, undo: bool },
    FinishOperation { operation: usize, acknowledge: bool },
    Pass { seconds: u64 },
    SlowDisk,
    Write,
}

fn event() -> impl Strategy<Value = Event> {
    let agent = 0..AGENTS.len();
    let framework = 0..FRAMEWORKS.len();
    prop_oneof![
        6 => Just(Event::Allocate),
        8 => (framework.clone(), 0..8usize, 0..4u8, any::<bool>())
            .prop_map(|(framework, offer, cpus, executor)| Event::Launch { framework, offer, cpus, executor }),
        2 => (framework.clone(), 0..8usize).prop_map(|(framework, offer)| Event::Decline { framework, offer }),
        8 => (0..16usize, 0..STATES.len(), any::<bool>())
            .prop_map(|(task, state, ahead)| Event::Update { task, state, ahead }),
        6 => (0..16usize).prop_map(|task| Event::Acknowledge { task }),
        1 => (0..16usize).prop_map(|task| Event::Kill { task }),
        2 => agent.clone().prop_map(|agent| Event::Lose { agent }),
        4 => (agent.clone(), any::<bool>()).prop_map(|(agent, forgetful)| Event::Return { agent, forgetful }),
        1 => agent.clone().prop_map(|agent| Event::Unregister { agent }),
        1 => agent.clone().prop_map(|agent| Event::Exit { agent }),
        4 => (0..8usize, 0..3u8, any::<bool>())
            .prop_map(|(offer, cpus, undo)| Event::Operate { offer, cpus, undo }),
        2 => (agent, 0..3u8, any::<bool>())
            .prop_map(|(agent, cpus, undo)| Event::OperateOnAgent { agent, cpus, undo }),
        3 => (0..8usize, any::<bool>())
            .prop_map(|(operation, acknowledge)| Event::FinishOperation { operation, acknowledge }),
        2 => framework.clone().prop_map(|framework| Event::Disconnect { framework }),
        3 => framework.clone().prop_map(|framework| Event::Subscribe { framework }),
        1 => framework.prop_map(|framework| Event::Teardown { framework }),
        4 => prop_oneof![1..10u64, Just(80), Just(700)].prop_map(|seconds| Event::Pass { seconds }),
        1 => Just(Event::SlowDisk),
        2 => Just(Event::Write),
    ]
}

/// A cluster, and what its agents would say if asked.
struct World {
    cluster: Cluster,
    reports: Vec<ReregisterSlaveMessage>,
    launched: u32,
}

impl World {
    fn new() -> World {
        let mut cluster = cluster();
        // Reading every master back costs ten times what the step does; one law of its own does.
        cluster.reads_back = false;
        for agent in AGENTS {
            cluster = cluster.agent(agent, "cpus:4; mem:1024; ports:[31000-31003]");
        }
        cluster = cluster
            .framework_like(FRAMEWORKS[0], |info| info.failover_timeout = Some(30.0))
            .framework_like(FRAMEWORKS[1], |info| {
                info.checkpoint = Some(true);
                info.failover_timeout = Some(300.0);
                info.roles = vec!["web".into()];
                info.capabilities =
                    [Capability::PartitionAware, Capability::MultiRole, Capability::ReservationRefinement]
                        .map(capability)
                        .into();
            })
            .actor_framework(FRAMEWORKS[2]);
        let reports = AGENTS.iter().map(|agent| cluster.reintroduce(agent)).collect();
        World { cluster, reports, launched: 0 }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Allocate => self.cluster.allocate(),
            Event::Launch { framework, offer, cpus, executor } => {
                self.launch(framework, offer, cpus, executor)
            }
            Event::Decline { framework, offer } => {
                if let Some((id, _)) = self.offer(framework, offer) {
                    self.cluster.decline(FRAMEWORKS[framework], &[&id], Some(1.0));
                }
            }
            Event::Update { task, state, ahead } => self.update(task, state, ahead),
            Event::Acknowledge { task } => self.acknowledge(task),
            Event::Kill { task } => {
                if let Some((framework, _, id)) = self.task(task) {
                    self.cluster.kill(framework, &id, None);
                }
            }
            Event::Lose { agent } => self.cluster.lose(AGENTS[agent]),
            Event::Return { agent, forgetful } => self.bring_back(agent, forgetful),
            Event::Unregister { agent } => {
                let slave_id = self.reports[agent].slave.id.clone().expect("it is registered");
                let message = tepui_proto::internal::UnregisterSlaveMessage { slave_id };
                self.cluster.say(AGENTS[agent], FromAgent::Unregister(message));
            }
            Event::Exit { agent } => self.exit_executor(agent),
            Event::Disconnect { framework } => self.cluster.disconnect(FRAMEWORKS[framework]),
            Event::Subscribe { framework } => self.subscribe(framework),
            Event::Teardown { framework } => {
                self.cluster.call(FRAMEWORKS[framework], call::Type::Teardown, |_| {});
            }
            Event::Operate { offer, cpus, undo } => self.operate_on_offer(offer, cpus, undo),
            Event::OperateOnAgent { agent, cpus, undo } => self.operate_on_agent(agent, cpus, undo),
            Event::FinishOperation { operation, acknowledge } => {
                self.finish_operation(operation, acknowledge);
            }
            Event::Pass { seconds } => self.cluster.advance(Duration::from_secs(seconds)),
            Event::SlowDisk => self.cluster.set_slow_disk(true),
            Event::Write => {
                self.cluster.set_slow_disk(false);
                self.cluster.write();
            }
        }
        self.remember();
        self.cluster.forget();
    }

    /// An agent that is registered knows what runs on it; one that is lost keeps what it had.
    fn remember(&mut self) {
        for (agent, name) in AGENTS.iter().enumerate() {
            if let Some(report) = self.cluster.report_if_registered(name, &FRAMEWORKS) {
                self.reports[agent] = report;
            }
        }
    }

    /// The n-th of the framework's offers, and its agent.
    fn offer(&self, framework: usize, n: usize) -> Option<(String, String)> {
        let master = &self.cluster.master;
        let id = self.cluster.framework_id(FRAMEWORKS[framework]);
        let handle = master.frameworks.find(&id.value)?;
        let offers = &master.frameworks.registered[handle].offers;
        let offer = offers.iter().nth(n % offers.len().max(1))?;
        let offer = &master.offers.outstanding[*offer];
        Some((offer.id.to_string(), master.agents.registered[offer.agent].id.to_string()))
    }

    /// The n-th of all tasks: its framework, agent and id.
    fn task(&self, n: usize) -> Option<(&'static str, AgentId, String)> {
        let mut all = Vec::new();
        for name in FRAMEWORKS {
            let id = self.cluster.framework_id(name);
            let Some(handle) = self.cluster.master.frameworks.find(&id.value) else { continue };
            for task in self.cluster.master.frameworks.registered[handle].tasks.values() {
                all.push((name, task.message.agent_id.clone(), task.id.to_string()));
            }
        }
        let count = all.len().max(1);
        all.into_iter().nth(n % count)
    }

    fn launch(&mut self, framework: usize, offer: usize, cpus: u8, executor: bool) {
        let Some((offer, agent)) = self.offer(framework, offer) else { return };
        self.launched += 1;
        // Every other task wants a port, the same ones on every agent.
        let port = 31000 + self.launched / 2 % 4;
        let ports =
            if self.launched.is_multiple_of(2) { format!("; ports:[{port}-{port}]") } else { String::new() };
        let (id, resources) = (format!("t{}", self.launched), format!("cpus:{cpus}; mem:64{ports}"));
        let mut info = if executor {
            executor_task(&id, &resources, "e", "cpus:0.1; mem:32")
        } else {
            task(&id, &resources)
        };
        info.agent_id.value = agent;
        self.cluster.launch(FRAMEWORKS[framework], &offer, vec![info]);
    }

    fn agent_of(&self, id: &AgentId) -> Option<&'static str> {
        AGENTS
            .into_iter()
            .zip(&self.reports)
            .find(|(_, report)| report.slave.id.as_ref() == Some(id))
            .map(|(name, _)| name)
    }

    fn update(&mut self, task: usize, state: usize, ahead: bool) {
        let Some((framework, agent, id)) = self.task(task) else { return };
        let Some(agent) = self.agent_of(&agent) else { return };
        let latest = ahead.then_some(TaskState::TaskFinished);
        self.cluster.update_ahead(agent, framework, &id, STATES[state], latest, state as u8);
    }

    /// Acknowledges what was forwarded last.
    fn acknowledge(&mut self, task: usize) {
        let Some((framework, agent, id)) = self.task(task) else { return };
        let Some(agent) = self.agent_of(&agent) else { return };
        let handle = self.cluster.master.frameworks.find(&self.cluster.framework_id(framework).value);
        let tasks = &self.cluster.master.frameworks.registered[handle.expect("it has a task")].tasks;
        let task = tasks.values().find(|task| task.id.as_str() == id).expect("it was chosen from them");
        let Some((_, uuid)) = task.forwarded() else { return };
        let number = uuid[0];
        self.cluster.acknowledge(framework, agent, &id, number);
    }

    fn bring_back(&mut self, agent: usize, forgetful: bool) {
        let mut report = self.reports[agent].clone();
        if forgetful {
            report.tasks.clear();
            report.executor_infos.clear();
            report.checkpointed_resources.clear();
        }
        self.cluster.machine(AGENTS[agent]).silent = false;
        self.cluster.reregister(AGENTS[agent], report);
        self.tell_operations(agent, forgetful);
    }

    fn exit_executor(&mut self, agent: usize) {
        let report = &self.reports[agent];
        let Some(executor) = report.executor_infos.first().cloned() else { return };
        let message = tepui_proto::internal::ExitedExecutorMessage {
            slave_id: report.slave.id.clone().expect("it is registered"),
            framework_id: executor.framework_id.expect("reports name frameworks"),
            executor_id: executor.executor_id,
            status: 0,
        };
        self.cluster.say(AGENTS[agent], FromAgent::ExitedExecutor(message));
    }

    /// Comes back under its id, or as a new framework if it has ended.
    fn subscribe(&mut self, framework: usize) {
        let name = FRAMEWORKS[framework];
        let mut info = self.cluster.scheduler(name).info.clone();
        if info.id.as_ref().is_some_and(|id| self.cluster.master.frameworks.is_completed(&id.value)) {
            info.id = None;
        }
        match self.cluster.scheduler(name).actor.clone() {
            Some(pid) => self.cluster.subscribe_actor(name, pid.as_str(), info),
            None => self.cluster.subscribe(name, info),
        }
    }

    /// What the allocator has handed out is what the master's tasks, executors and offers hold.
    fn compare_ledgers(&self) {
        let master = &self.cluster.master;
        for (agent, known) in master.agents.registered.iter() {
            let used = master.used_on(agent);
            for (framework, _) in master.frameworks.registered.iter() {
                let offers = known.offers.iter().map(|offer| &master.offers.outstanding[*offer]);
                let offered =
                    offers.filter(|offer| offer.framework == framework).map(|offer| &offer.resources).sum();
                let used = used.get(&framework).cloned().unwrap_or_default();
                let held = self.cluster.allocator.held(agent, framework).cloned().unwrap_or_default();
                assert_eq!(held, &used + &offered, "{framework} on {agent}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_books_are_right(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
            world.compare_ledgers();
            world.check_operations();
        }
    }

    #[test]
    fn when_everybody_is_gone_nothing_is_left(events in prop::collection::vec(event(), 1..40)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.happen(&Event::Write);
        for framework in 0..FRAMEWORKS.len() {
            world.happen(&Event::Subscribe { framework });
            world.happen(&Event::Teardown { framework });
        }
        let master = &world.cluster.master;
        assert_eq!(master.frameworks.registered.len(), 0);
        assert_eq!(master.offers.outstanding.len(), 0);
        world.check_operations();
        for (_, agent) in master.agents.registered.iter() {
            assert!(agent.used.is_empty() && agent.offered.is_empty(), "{} is used", agent.used);
        }
    }

    #[test]
    fn the_same_events_make_the_same_master(events in prop::collection::vec(event(), 1..30)) {
        let run = || {
            let mut world = World::new();
            events.iter().for_each(|event| world.happen(event));
            world.cluster.master.digest()
        };
        prop_assert_eq!(run(), run());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_master_read_back_goes_on_as_if_nothing_had_happened(events in prop::collection::vec(event(), 1..40)) {
        let mut world = World::new();
        world.cluster.reads_back = true;
        for event in &events {
            world.happen(event);
        }
    }
}

#[test]
fn what_is_recovered_was_in_use_or_offered() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:64")]);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 1);

    let recovered: Vec<Held> = cluster
        .raw_effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Allocator(tepui_allocator::Call::Recover { held, .. }) => Some(held),
            _ => None,
        })
        .collect();
    assert_eq!(recovered, [Held::Offered, Held::Used]);
}
