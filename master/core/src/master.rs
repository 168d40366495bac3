//! The master itself: its state, and the one door to it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::{FrameworkId, Role};
use tepui_proto::v1;
use tepui_proto::v1::quota::QuotaConfig;

use crate::agent_life::Introduction;
use crate::agents::{Agents, Readmission};
use crate::changes::Changes;
use crate::config::Config;
use crate::counter::Counter;
use crate::cx::Cx;
use crate::effect::{Effect, Peer};
use crate::fact::Fact;
use crate::frameworks::Frameworks;
use crate::input::Input;
use crate::maintenance::{Machine, Maintenance};
use crate::names::{AgentHandle, Alarm, Pid, RequestId, Ticket, Timer};
use crate::offers::Offers;
use crate::operations::Operations;
use crate::operator_calls::Decision;
use crate::registry::{Obsolete, RegistryOperation};

/// The cluster's brain. See the crate's documentation for how it is driven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Master {
    pub(crate) config: Config,
    pub(crate) info: Arc<v1::MasterInfo>,
    pub(crate) phase: Phase,
    pub(crate) agents: Agents,
    pub(crate) frameworks: Frameworks,
    pub(crate) offers: Offers,
    /// What roles are guaranteed and limited to; none for those without quota.
    pub(crate) quotas: BTreeMap<Role, QuotaConfig>,
    /// What roles weigh; 1 for all others.
    pub(crate) weights: BTreeMap<Role, f64>,
    pub(crate) maintenance: Maintenance,
    pub(crate) operations: Operations,
    /// Empty between steps.
    #[serde(skip)]
    pub(crate) changes: Changes,
    pending: BTreeMap<Ticket, Pending>,
    next_ticket: u64,
    next_serial: u64,
    next_record: u64,
}

/// Where the master is in its life.
///
/// ```text
///   Elected ── registry read ──► Recovering ── who leads is written ──► Serving
///       └────────── anything that makes going on wrong: Abdicated ─────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Elected,
    Recovering,
    Serving,
    Abdicated,
}

/// What waits for the registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Pending {
    Recover(Box<tepui_proto::internal::Registry>),
    Admit(Box<Introduction>),
    Readmit(Box<Readmission>),
    /// A registered agent that describes itself anew.
    Update(Box<Readmission>),
    MarkUnreachable {
        agent: AgentHandle,
        at: tepui_model::Time,
        why: String,
    },
    GiveUpRecovered {
        agent: tepui_model::AgentId,
        at: tepui_model::Time,
    },
    Remove {
        agent: AgentHandle,
        why: Cow<'static, str>,
        reason: Option<Counter>,
    },
    Prune(Obsolete),
    Quota {
        request: RequestId,
        configs: Vec<(Role, QuotaConfig)>,
    },
    /// An operator decided something of an agent.
    Agent {
        /// None for what follows from an earlier decision.
        request: Option<RequestId>,
        agent: tepui_model::AgentId,
        decision: Decision,
    },
    Maintenance {
        request: RequestId,
        maintenance: Box<Maintenance>,
        /// Those that go down with it.
        down: BTreeSet<Machine>,
    },
    Weights {
        /// None for what the command line said.
        request: Option<RequestId>,
        weights: Vec<(Role, f64)>,
    },
}

impl Master {
    /// A master that was just elected, before its registry is read. `info` is what schedulers are told about it; its `id`
    /// begins every id this master makes, so it must be new for every start of a process.
    pub fn new(config: Config, info: v1::MasterInfo) -> Master {
        Master {
            config,
            info: Arc::new(info),
            phase: Phase::Elected,
            agents: Agents::new(),
            frameworks: Frameworks::new(),
            offers: Offers::new(),
            quotas: BTreeMap::new(),
            weights: BTreeMap::new(),
            maintenance: Maintenance::default(),
            operations: Operations::default(),
            changes: Changes::default(),
            pending: BTreeMap::new(),
            next_ticket: 0,
            next_serial: 0,
            next_record: 0,
        }
    }

    /// Takes one input; what is to be done about it is appended to `cx.effects`.
    pub fn step(&mut self, cx: &mut Cx, input: Input) {
        let start = cx.effects.len();
        match input {
            Input::RegistryRecovered(registry) => self.registry_recovered(cx, registry),
            Input::Persisted(ticket) => self.persisted(cx, ticket),
            Input::PersistFailed { ticket, why } => self.persist_failed(cx, ticket, &why),
            Input::Call(call) => self.scheduler_call(cx, *call),
            Input::Disconnected(connection) => self.stream_ended(cx, connection),
            Input::Agent { from, message } => self.agent_message(cx, from, message),
            Input::Exited(pid) => self.exited(cx, &pid),
            Input::TimerDue(timer) => self.timer_due(cx, timer),
            Input::Deactivate { from, framework } => self.deactivate(cx, &from, &framework),
            Input::Allocated(allocations) => self.allocated(cx, allocations),
            Input::InverseOffers(made) => self.inverse_offers_made(cx, made),
            Input::Operator(call) => self.operator_call(cx, *call),
        }
        self.settle_drains(cx);
        self.publish(cx, start);
    }

    /// Whether the registry is recovered, so that calls and messages are taken.
    pub fn is_serving(&self) -> bool {
        self.phase == Phase::Serving
    }

    /// The framework whose scheduler is this actor.
    pub fn framework_at(&self, pid: &Pid) -> Option<&FrameworkId> {
        let handle = self.frameworks.by_pid.get(pid)?;
        Some(&self.frameworks.registered[*handle].id)
    }

    /// The principal of the framework whose scheduler is at this address, if it has one; None if nobody's is there.
    pub fn principal_at(&self, pid: &Pid) -> Option<Option<&str>> {
        let handle = self.frameworks.by_pid.get(pid)?;
        Some(self.frameworks.registered[*handle].info.principal.as_deref())
    }

    /// The framework whose scheduler is this peer.
    pub fn framework_of(&self, peer: &Peer) -> Option<&FrameworkId> {
        match peer {
            Peer::Actor(pid) | Peer::Driver(pid) => self.framework_at(pid),
            Peer::Http(connection) => {
                let handle = self.frameworks.by_connection.get(connection)?;
                Some(&self.frameworks.registered[*handle].id)
            }
        }
    }

    /// Whether an offer is still to be answered.
    pub fn is_outstanding(&self, offer: &v1::OfferId) -> bool {
        self.offers.find(offer).is_some()
    }

    /// The address of a registered agent.
    pub fn agent_pid(&self, id: &v1::AgentId) -> Option<&Pid> {
        let handle = self.agents.find(id)?;
        Some(&self.agents.registered[handle].pid)
    }

    fn persisted(&mut self, cx: &mut Cx, ticket: Ticket) {
        let pending = self.pending.remove(&ticket).expect("the shell answers tickets that were asked");
        match pending {
            Pending::Recover(registry) => self.recovered(cx, *registry),
            Pending::Admit(new) => self.admitted(cx, *new),
            Pending::Readmit(readmission) => self.readmitted(cx, *readmission),
            Pending::Update(readmission) => self.returned(cx, *readmission),
            Pending::MarkUnreachable { agent, at, why } => self.marked_unreachable(cx, agent, at, &why),
            Pending::GiveUpRecovered { agent, at } => self.gave_up_recovered(cx, agent, at),
            Pending::Remove { agent, why, reason } => self.removed(cx, agent, &why, reason),
            Pending::Prune(obsolete) => self.pruned(&obsolete),
            Pending::Quota { request, configs } => self.quota_written(cx, request, configs),
            Pending::Agent { request, agent, decision } => self.agent_decided(cx, request, &agent, decision),
            Pending::Maintenance { request, maintenance, down } => {
                self.maintenance_written(cx, request, *maintenance, &down);
            }
            Pending::Weights { request, weights } => self.weights_written(cx, request, weights),
        }
    }

    /// A registry that cannot be written makes every further promise a lie.
    fn persist_failed(&mut self, cx: &mut Cx, ticket: Ticket, why: &str) {
        self.pending.remove(&ticket).expect("the shell answers tickets that were asked");
        self.abdicate(cx, format!("the registry could not be written: {why}"));
    }

    pub(crate) fn abdicate(&mut self, cx: &mut Cx, why: String) {
        self.phase = Phase::Abdicated;
        cx.log(Fact::error("abdicating").with("why", &why));
        cx.push(Effect::Abdicate(why));
    }

    fn timer_due(&mut self, cx: &mut Cx, timer: Timer) {
        match timer.alarm {
            Alarm::Heartbeat(framework) => self.heartbeat_due(cx, framework, timer),
            Alarm::Failover(framework) => self.failover_due(cx, framework, timer),
            Alarm::OfferTimeout(offer) => self.offer_timeout_due(cx, offer, timer),
            Alarm::Ping(agent) => self.ping_due(cx, agent, timer),
            Alarm::Reregistration(agent) => self.reregistration_due(cx, agent, timer),
            Alarm::Recovery => self.recovery_due(cx),
            Alarm::RegistryPruning => self.pruning_due(cx),
        }
    }

    /// Asks for a registry write; [`Master::persisted`] goes on with `pending`.
    pub(crate) fn persist(&mut self, cx: &mut Cx, operation: RegistryOperation, pending: Pending) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.pending.insert(ticket, pending);
        cx.push(Effect::Persist { ticket, operation });
    }

    /// Everything that waits for the registry.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }

    pub(crate) fn arm(&mut self, cx: &mut Cx, alarm: Alarm, after: Duration) -> Timer {
        let timer = Timer { alarm, serial: self.next_serial() };
        cx.push(Effect::Arm { timer, at: cx.now + after });
        timer
    }

    /// A number no other timer has.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    /// A number no other task record has.
    pub(crate) fn new_record(&mut self) -> u64 {
        self.next_record += 1;
        self.next_record
    }
}
