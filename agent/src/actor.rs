//! The agent as an actor: every message becomes an input, every effect is performed.

use std::collections::BTreeMap;
use std::sync::Arc;

use libactor::trace::Cause;
use libactor::{Actor, ActorRef, Context, Exit, Handler, Message, Pid, Receive, Routes};
use tepui_agent_core::{
    Agent, Connection, Cx, ExecutorCall, Input, MasterMessage, Peer, Pid as CorePid, Reply, RequestId,
};
use tepui_model::about::{About as _, Kind as _};
use tepui_model::{ContainerId, Time};
use tepui_proto::{internal, v1};
use tepui_recording::Tape;
use tokio::sync::{oneshot, watch};

use crate::authentication::Authenticatee;
use crate::checkpoint::Writer;
use crate::recorded::{Arrival, Told};
use crate::stream::EventStream;
use crate::volumes::Volume;
use crate::world::World;

/// The agent of one machine.
pub(crate) struct AgentActor {
    pub(crate) core: Agent,
    pub(crate) tape: Tape,
    pub(crate) world: Arc<World>,
    pub(crate) writer: Writer,
    pub(crate) streams: BTreeMap<Connection, EventStream>,
    pub(crate) told: Told,
    /// Of calls being handled: the core replies in the same step.
    pub(crate) replies: BTreeMap<RequestId, Reply>,
    /// Containers being prepared and started, as long as they are wanted: how to stop their preparation.
    pub(crate) launching: BTreeMap<ContainerId, oneshot::Sender<()>>,
    /// Persistent volumes of containers that run.
    pub(crate) provided: BTreeMap<ContainerId, Vec<Volume>>,
    /// Shows the master who this is, while it does.
    pub(crate) authenticatee: Option<ActorRef<Authenticatee>>,
    /// Says why the agent ends, when it does.
    pub(crate) ended: watch::Sender<Option<String>>,
    pub(crate) next: u64,
    /// The call under way is a driver's, which registers again.
    pub(crate) driver_returns: bool,
}

/// Something happened, says another part of this process.
pub(crate) struct Happened(pub Input);

impl Message for Happened {
    type Reply = ();
}

/// An executor calls over HTTP. A SUBSCRIBE brings its stream; it is kept if the reply is [`Reply::Subscribed`].
pub(crate) struct HttpCall {
    pub call: v1::executor::Call,
    pub stream: Option<EventStream>,
    pub arrival: Arrival,
}

/// The reply, and the number of the stream if one was brought.
impl Message for HttpCall {
    type Reply = (Reply, Option<Connection>);
}

/// Time to look at the disk.
#[derive(Clone)]
pub(crate) struct LookAtDisk;

impl Message for LookAtDisk {
    type Reply = ();
}

/// An HTTP executor's stream is due for a sign of life.
#[derive(Clone)]
pub(crate) struct Heartbeat(pub Connection);

impl Message for Heartbeat {
    type Reply = ();
}

/// A look at the agent by a reader. What it gives must be cheap to make: the actor waits for it.
pub(crate) struct Look<R>(pub Box<dyn FnOnce(&AgentActor) -> R + Send>);

impl<R: Send + 'static> Message for Look<R> {
    type Reply = R;
}

impl AgentActor {
    pub(crate) fn new(
        core: Agent,
        world: Arc<World>,
        writer: Writer,
        ended: watch::Sender<Option<String>>,
    ) -> Self {
        AgentActor {
            core,
            tape: Tape::default(),
            world,
            writer,
            streams: BTreeMap::new(),
            told: Told::new(),
            replies: BTreeMap::new(),
            launching: BTreeMap::new(),
            provided: BTreeMap::new(),
            authenticatee: None,
            ended,
            next: 0,
            driver_returns: false,
        }
    }

    pub(crate) fn step(&mut self, cx: &mut Context<Self>, input: Input) {
        let mut core = Cx::new(Time::from_nanos(cx.now().as_nanos()));
        self.tape.note(&self.core, core.now, &input);
        self.core.step(&mut core, input);
        for effect in core.effects {
            self.perform(cx, effect);
        }
    }

    fn master(&mut self, cx: &mut Context<Self>, from: &Pid, message: MasterMessage) {
        match &message {
            MasterMessage::RunTask(run) => self.told.run(run.framework.id.as_ref(), [&run.task]),
            MasterMessage::RunTaskGroup(run) => {
                self.told.run(run.framework.id.as_ref(), &run.task_group.tasks);
            }
            _ => {}
        }
        let from = CorePid::new(from.to_string());
        self.step(cx, Input::Master { from, message });
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Actor for AgentActor {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<internal::SlaveRegisteredMessage>()
            .message::<internal::SlaveReregisteredMessage>()
            .message::<internal::PingSlaveMessage>()
            .message::<internal::RunTaskMessage>()
            .message::<internal::RunTaskGroupMessage>()
            .message::<internal::KillTaskMessage>()
            .message::<internal::ShutdownFrameworkMessage>()
            .message::<internal::ShutdownExecutorMessage>()
            .message::<internal::UpdateFrameworkMessage>()
            .message::<internal::FrameworkToExecutorMessage>()
            .message::<internal::StatusUpdateAcknowledgementMessage>()
            .message::<internal::ReconcileTasksMessage>()
            .message::<internal::ApplyOperationMessage>()
            .message::<internal::AcknowledgeOperationStatusMessage>()
            .message::<internal::ReconcileOperationsMessage>()
            .message::<internal::DrainSlaveMessage>()
            .message::<internal::CheckpointResourcesMessage>()
            .message::<internal::ShutdownMessage>()
            .message::<v1::executor::Call>();
        crate::v0::install(routes);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.every(self.world.config.disk_watch_interval, LookAtDisk);
    }

    fn exited(&mut self, cx: &mut Context<Self>, pid: &Pid, _why: Exit) {
        let gone = CorePid::new(pid.to_string());
        self.told.actor_gone(&gone);
        if self.core.master() == Some(&gone) {
            self.step(cx, Input::MasterExited(gone));
        } else {
            self.step(cx, Input::ExecutorGone(Peer::Actor(gone)));
        }
    }
}

impl Handler<Happened> for AgentActor {
    fn handle(&mut self, cx: &mut Context<Self>, Happened(input): Happened) {
        if let Input::ExecutorGone(Peer::Http(connection)) = &input {
            self.streams.remove(connection);
        }
        self.step(cx, input);
    }
}

impl Handler<HttpCall> for AgentActor {
    fn handle(&mut self, cx: &mut Context<Self>, message: HttpCall) -> (Reply, Option<Connection>) {
        let request = RequestId(self.number());
        let connection = message.stream.map(|stream| {
            let connection = Connection(self.number());
            self.streams.insert(connection, stream);
            connection
        });
        let call = ExecutorCall::http(message.call, request, connection);
        self.recorded(cx, call, &message.arrival);
        let reply = self.replies.remove(&request).expect("the core replies to a call in the same step");
        match (connection, &reply) {
            (Some(connection), Reply::Subscribed) => beat(cx, connection),
            (Some(connection), _) => drop(self.streams.remove(&connection)),
            (None, _) => {}
        }
        (reply, connection)
    }
}

impl Handler<Heartbeat> for AgentActor {
    fn handle(&mut self, cx: &mut Context<Self>, Heartbeat(connection): Heartbeat) {
        if self.streams.contains_key(&connection) {
            self.send_event(cx, &Peer::Http(connection), &crate::stream::heartbeat());
            beat(cx, connection);
        }
    }
}

impl Handler<LookAtDisk> for AgentActor {
    fn handle(&mut self, cx: &mut Context<Self>, _: LookAtDisk) {
        let collector = self.world.collector.clone();
        cx.spawn(async move { drop(tokio::task::spawn_blocking(move || collector.run()).await) });
    }
}

impl<R: Send + 'static> Handler<Look<R>> for AgentActor {
    fn handle(&mut self, _cx: &mut Context<Self>, Look(look): Look<R>) -> R {
        look(self)
    }
}

impl Receive<v1::executor::Call> for AgentActor {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, call: v1::executor::Call) {
        cx.tag("kind", call.kind());
        call.about().iter().for_each(|(key, value)| cx.tag(key, value));
        let from = CorePid::new(from.to_string());
        self.told.actor_calls(from.clone(), &call);
        let call = ExecutorCall::actor(call, from);
        self.step(cx, Input::Executor(Box::new(call)));
    }
}

/// Not a late consequence of the SUBSCRIBE that it began with.
fn beat(cx: &mut Context<AgentActor>, connection: Connection) {
    Cause::default().during(|| cx.after(crate::stream::HEARTBEAT, Heartbeat(connection)));
}

/// One message of the master is one variant of the input.
macro_rules! from_master {
    ($($message:ident => $variant:expr,)*) => {
        $(impl Receive<internal::$message> for AgentActor {
            fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: internal::$message) {
                message.about().iter().for_each(|(key, value)| cx.tag(key, value));
                self.master(cx, from, $variant(message));
            }
        })*
    };
}

from_master! {
    SlaveRegisteredMessage => MasterMessage::Registered,
    SlaveReregisteredMessage => |message| MasterMessage::Reregistered(Box::new(message)),
    PingSlaveMessage => MasterMessage::Ping,
    RunTaskMessage => |message| MasterMessage::RunTask(Box::new(message)),
    RunTaskGroupMessage => |message| MasterMessage::RunTaskGroup(Box::new(message)),
    KillTaskMessage => MasterMessage::KillTask,
    ShutdownFrameworkMessage => MasterMessage::ShutdownFramework,
    ShutdownExecutorMessage => MasterMessage::ShutdownExecutor,
    UpdateFrameworkMessage => |message| MasterMessage::UpdateFramework(Box::new(message)),
    FrameworkToExecutorMessage => MasterMessage::FrameworkToExecutor,
    StatusUpdateAcknowledgementMessage => MasterMessage::StatusUpdateAcknowledgement,
    ReconcileTasksMessage => |message| MasterMessage::ReconcileTasks(Box::new(message)),
    ApplyOperationMessage => |message| MasterMessage::ApplyOperation(Box::new(message)),
    AcknowledgeOperationStatusMessage => MasterMessage::AcknowledgeOperationStatus,
    ReconcileOperationsMessage => MasterMessage::ReconcileOperations,
    DrainSlaveMessage => MasterMessage::Drain,
    CheckpointResourcesMessage => MasterMessage::CheckpointResources,
    ShutdownMessage => MasterMessage::Shutdown,
}
