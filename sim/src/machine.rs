//! A machine: the agent's process and its disk. The disk and the containers outlive the process.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tepui_agent_core::{
    Agent, ContainerEvent, Cx, Effect, Input, Peer, Pid, RequestId, Run, Settings, Termination, Ticket,
    ToMaster, Write,
};
use tepui_master_core::FromAgent;
use tepui_model::{ContainerId, Resources, Role, Time};
use tepui_proto::v1;

use crate::container::Container;
use crate::disk::Disk;
use crate::event::{Deed, Event};
use crate::names;
use crate::network::{LinkId, Packet, Side};
use crate::text;
use crate::world::World;

/// See the module.
#[derive(Debug)]
pub(crate) struct Machine {
    pub link: LinkId,
    pub core: Option<Agent>,
    /// Which process this is, from 1.
    pub life: u64,
    pub total: Resources,
    pub disk: Disk,
    /// Asked of the disk and not done, in order.
    jobs: VecDeque<Job>,
    disk_done: Time,
    pub disk_full: bool,
    pub containers: BTreeMap<ContainerId, Container>,
    /// Streams and actors of executors that the process knows.
    pub peers: BTreeMap<Peer, ContainerId>,
    /// Calls of executors that wait for an answer: whose, and from where.
    pub requests: BTreeMap<RequestId, (ContainerId, Peer)>,
    /// Ends of containers are told.
    watching: bool,
    pub next_number: u64,
}

/// What the disk does in turn.
#[derive(Debug)]
enum Job {
    Write { ticket: Ticket, writes: Vec<Write> },
    Collect(Run),
}

const HARDWARE: &str = "cpus:16;mem:32768;disk:200000;ports:[31000-32000]";

impl Machine {
    pub fn new(link: LinkId) -> Machine {
        Machine {
            link,
            core: None,
            life: 0,
            total: Resources::parse(HARDWARE, &Role::star()).expect("a constant parses"),
            disk: Disk::default(),
            jobs: VecDeque::new(),
            disk_done: Time::ZERO,
            disk_full: false,
            containers: BTreeMap::new(),
            peers: BTreeMap::new(),
            requests: BTreeMap::new(),
            watching: false,
            next_number: 0,
        }
    }
}

impl World {
    pub(crate) fn agent_starts(&mut self, agent: usize) {
        let seed = self.chance.seed();
        let machine = &mut self.machines[agent];
        if machine.core.is_some() {
            return;
        }
        machine.life += 1;
        let settings = Settings::new(Pid::new(names::agent(agent)), names::ip(agent), "tepui");
        let info = v1::AgentInfo {
            hostname: format!("machine{agent}"),
            port: Some(5051),
            resources: machine.total.to_wire(),
            ..v1::AgentInfo::default()
        };
        machine.core = Some(Agent::new(settings, info, seed));
        machine.watching = true;
        let recovered = machine.disk.read();
        if recovered.info.is_none() && machine.life > 1 {
            self.counters.add("agents that began anew");
        }
        self.step_agent(agent, Input::Start(Box::new(recovered)));
        self.step_agent(agent, Input::MasterDetected(Pid::new(names::MASTER)));
    }

    /// Kills the process. Of the writes under way, some have reached the disk; containers do not notice, but for their
    /// streams.
    pub(crate) fn agent_dies(&mut self, agent: usize, back_after: Duration) {
        if self.machines[agent].core.take().is_none() {
            return;
        }
        self.transcript.note(self.now, text::Agent(agent), "dies");
        self.counters.add("agent restarts");
        self.lose_jobs(agent);
        let machine = &mut self.machines[agent];
        machine.requests.clear();
        machine.watching = false;
        let peers = std::mem::take(&mut machine.peers);
        for (peer, id) in peers {
            let at = self.now + self.chance.micros(100..20_000);
            self.queue.push(at, Event::Container { agent, id, deed: Deed::StreamLost(peer) });
        }
        let link = self.machines[agent].link;
        self.side_died(link, Side::Peer);
        self.queue.push(self.now + back_after, Event::AgentStarts { agent });
    }

    fn lose_jobs(&mut self, agent: usize) {
        let machine = &mut self.machines[agent];
        let jobs = std::mem::take(&mut machine.jobs);
        if machine.disk_full {
            return;
        }
        let done = self.chance.index(jobs.len() + 1);
        for (n, job) in jobs.into_iter().enumerate().take(done + 1) {
            match job {
                Job::Write { writes, .. } if n < done => {
                    writes.into_iter().for_each(|write| machine.disk.write(write));
                }
                // The job that the crash interrupted.
                Job::Write { writes, .. } => {
                    let part = self.chance.index(writes.len() + 1);
                    writes.into_iter().take(part).for_each(|write| machine.disk.write(write));
                }
                Job::Collect(run) if n < done => machine.disk.collect(&run),
                Job::Collect(_) => {}
            }
        }
    }

    pub(crate) fn step_agent(&mut self, agent: usize, input: Input) {
        let machine = &mut self.machines[agent];
        let Some(core) = &mut machine.core else { return };
        self.transcript.note(self.now, text::Agent(agent), text::AgentInput(&input));
        let mut cx = Cx::new(self.now);
        core.step(&mut cx, input);
        self.counters.add("agent steps");
        let life = machine.life;
        for effect in cx.effects {
            self.transcript.note(self.now, text::Agent(agent), format_args!(": {effect}"));
            self.perform_for_agent(agent, effect);
            let machine = &self.machines[agent];
            if machine.core.is_none() || machine.life != life {
                return;
            }
        }
    }

    /// Something of the machine itself tells its agent, after a moment.
    pub(crate) fn tell_agent_locally(&mut self, agent: usize, after: Duration, input: Input) {
        let life = self.machines[agent].life;
        self.queue.push(self.now + after, Event::Agent { agent, life, input: Box::new(input) });
    }

    pub(crate) fn agent_hears(&mut self, agent: usize, life: u64, input: Input) {
        if self.machines[agent].life == life {
            self.step_agent(agent, input);
        }
    }

    fn perform_for_agent(&mut self, agent: usize, effect: Effect) {
        match effect {
            Effect::Master { message, .. } => {
                let link = self.machines[agent].link;
                self.send(link, Side::Master, Packet::FromAgent(from_agent(message)));
            }
            Effect::Event { to, event } => self.tell_executor(agent, &to, event),
            Effect::Close(peer) => self.close_executor_stream(agent, &peer),
            Effect::Reply { request, reply } => self.reply_to_executor(agent, request, &reply),
            Effect::Checkpoint { ticket, writes } => self.ask_disk(agent, Job::Write { ticket, writes }),
            Effect::RecoverContainers(runs) => {
                self.machines[agent].watching = false;
                let life = self.machines[agent].life;
                let at = self.now + self.chance.millis(1..50);
                self.queue.push(at, Event::ContainersFound { agent, life, runs });
            }
            Effect::Launch(launch) => self.make_container(agent, *launch),
            Effect::Update { container, .. } => self.update_container(agent, container),
            Effect::Destroy(container) => self.destroy_container(agent, &container),
            Effect::Arm { timer, after } => self.tell_agent_locally(agent, after, Input::TimerDue(timer)),
            Effect::Watch(pid) if pid.as_str() == names::MASTER => {
                let link = self.machines[agent].link;
                self.watch(link, Side::Peer);
            }
            // Executors' ends are always told.
            Effect::Watch(_) => {}
            // Executors of the simulation come back by themselves.
            Effect::Reconnect { .. } => {}
            Effect::Collect(run) => self.ask_disk(agent, Job::Collect(run)),
            Effect::Log(_) => {}
            // Agents here have no credential.
            Effect::Authenticate { .. } => {}
            Effect::Terminate { .. } => {
                self.counters.add("agents that ended themselves");
                let back_after = self.chance.millis(1000..10_000);
                self.agent_dies(agent, back_after);
            }
        }
    }

    fn ask_disk(&mut self, agent: usize, job: Job) {
        let duration = self.chance.micros(100..15_000);
        let machine = &mut self.machines[agent];
        let at = machine.disk_done.max(self.now + duration);
        machine.disk_done = at;
        machine.jobs.push_back(job);
        self.queue.push(at, Event::DiskWrites { agent, life: machine.life });
    }

    pub(crate) fn disk_writes(&mut self, agent: usize, life: u64) {
        let machine = &mut self.machines[agent];
        if machine.life != life {
            return;
        }
        match machine.jobs.pop_front() {
            None => {}
            Some(Job::Collect(run)) => machine.disk.collect(&run),
            Some(Job::Write { ticket, .. }) if machine.disk_full => {
                self.counters.add("checkpoints that failed");
                let outcome = Err("no space left on device".into());
                self.step_agent(agent, Input::Checkpointed { ticket, outcome });
            }
            Some(Job::Write { ticket, writes }) => {
                writes.into_iter().for_each(|write| machine.disk.write(write));
                self.step_agent(agent, Input::Checkpointed { ticket, outcome: Ok(()) });
            }
        }
    }

    /// The containerizer looks for the containers of an earlier life; what nobody asks for is destroyed.
    pub(crate) fn containers_found(&mut self, agent: usize, life: u64, runs: &[Run]) {
        if self.machines[agent].life != life {
            return;
        }
        let machine = &mut self.machines[agent];
        let wanted = |id: &ContainerId| runs.iter().any(|run| run.container == *id);
        let orphans: Vec<ContainerId> = machine.containers.keys().filter(|id| !wanted(id)).cloned().collect();
        for orphan in orphans {
            self.counters.add("orphaned containers destroyed");
            self.forget_container(agent, &orphan);
        }
        let machine = &mut self.machines[agent];
        machine.watching = true;
        let runs = runs.iter().map(|run| run.container.clone());
        let (alive, ended): (Vec<_>, Vec<_>) = runs.partition(|id| machine.containers.contains_key(id));
        self.step_agent(agent, Input::ContainersRecovered { alive });
        for id in ended {
            self.tell_exit(agent, id, None);
        }
    }

    pub(crate) fn tell_exit(&mut self, agent: usize, id: ContainerId, status: Option<i32>) {
        if self.machines[agent].core.is_some() && self.machines[agent].watching {
            let event = ContainerEvent::Exited(Termination { status, ..Termination::default() });
            let after = self.chance.micros(200..50_000);
            self.tell_agent_locally(agent, after, Input::Container { id, event });
        }
    }
}

fn from_agent(message: ToMaster) -> FromAgent {
    match message {
        ToMaster::Register(message) => FromAgent::Register(message),
        ToMaster::Reregister(message) => FromAgent::Reregister(message),
        ToMaster::Unregister(message) => FromAgent::Unregister(message),
        ToMaster::Update(message) => FromAgent::Update(message),
        ToMaster::StatusUpdate(message) => FromAgent::StatusUpdate(message),
        ToMaster::ExitedExecutor(message) => FromAgent::ExitedExecutor(message),
        ToMaster::ExecutorToFramework(message) => FromAgent::ExecutorToFramework(message),
        ToMaster::OperationStatus(message) => FromAgent::OperationStatus(message),
        ToMaster::Pong(message) => FromAgent::Pong(message),
    }
}
