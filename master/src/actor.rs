//! The master as an actor: whatever happens becomes an input, the core decides, `perform` does it.

use std::collections::BTreeMap;

use libactor::{
    Actor, Context, Deferred, Exit, Handler, Message, Pid, Receive, Responder, Routes, TimerHandle,
};
use tepui_master_core::{
    Answer, Connection, Cx, Effect, FromAgent, HttpRequest, Input, Master, NewStream, OperatorCall,
    RequestId, SchedulerCall, Ticket, Timer, Via,
};
use tepui_model::Time;
use tepui_model::about::{About as _, Kind as _};
use tepui_proto::v1::scheduler::{Call, call};
use tepui_proto::{internal, v1};
use tepui_recording::Tape;

use crate::activity::{Activity, Said};
use crate::allocation::{Allocated, Allocation};
use crate::authentication::{Authenticator, Standing};
use crate::encoding::Encoding;
use crate::rate_limits::{self, Meter, What};
use crate::reads::Reads;
use crate::recorded::{Arrival, Told};
use crate::registrar::{self, Registrar};
use crate::stream::{EventStream, Outlet};

/// Room for so many effects is kept from step to step, some hundred bytes each.
const KEPT_EFFECTS: usize = 4096;

/// Holds the core and everything `perform` needs.
pub(crate) struct MasterActor {
    pub(crate) core: Master,
    pub(crate) tape: Tape,
    /// The registry as it was read, until the core has it.
    pub(crate) recovered: Option<internal::Registry>,
    pub(crate) reads: Reads,
    pub(crate) registrar: Registrar,
    pub(crate) allocation: Allocation,
    pub(crate) authenticator: Authenticator,
    pub(crate) meter: Meter,
    /// None: nobody wants to know.
    pub(crate) activity: Option<Activity>,
    pub(crate) streams: BTreeMap<Connection, Outlet>,
    pub(crate) timers: BTreeMap<Timer, TimerHandle>,
    pub(crate) told: Told,
    /// Numbers for requests and streams.
    next: u64,
    /// Room for the effects of a step, which is used again: a call with many tasks has hundreds.
    effects: Vec<Effect>,
    /// Operators whose answers may wait for the registry.
    pub(crate) operators: BTreeMap<RequestId, Responder<Answer>>,
    /// The call under way: its answer, once the core has given it, and the encoding of the stream it may open.
    pub(crate) call: CallUnderWay,
}

/// What `perform` needs to know of the call that is being handled, and leaves for it.
#[derive(Default)]
pub(crate) struct CallUnderWay {
    pub(crate) stream: Option<NewOutlet>,
    pub(crate) outcome: Option<Outcome>,
    /// A driver asks for the framework that it had before.
    pub(crate) driver_returns: bool,
}

/// What the stream that a call may open is like.
pub(crate) struct NewOutlet {
    pub(crate) id: String,
    pub(crate) encoding: Encoding,
    pub(crate) wants_causes: bool,
}

/// A scheduler's call over HTTP.
pub(crate) struct HttpCall {
    pub(crate) call: Call,
    /// The encoding that `Accept` allows.
    pub(crate) accepted: Option<Encoding>,
    pub(crate) stream_id: Option<String>,
    /// Who has shown to send it, where that is asked.
    pub(crate) principal: Option<String>,
    pub(crate) arrival: Arrival,
}

/// An operator's call that the core decides.
pub(crate) struct OperatorRequest {
    /// Who asks, if that must be shown.
    pub(crate) principal: Option<String>,
    pub(crate) call: v1::master::Call,
}

/// What an HTTP request gets.
pub(crate) enum Outcome {
    Answer(Answer),
    Stream(EventStream),
}

/// A scheduler's stream has ended.
pub(crate) struct StreamEnded(pub(crate) Connection);

/// What the registrar says of a batch.
pub(crate) struct Persisted(pub(crate) registrar::Outcome);

/// A timer came due.
pub(crate) struct TimerDue(pub(crate) Timer);

impl Message for HttpCall {
    type Reply = Outcome;
}
impl Message for OperatorRequest {
    type Reply = Deferred<Answer>;
}
impl Message for StreamEnded {
    type Reply = ();
}
impl Message for Persisted {
    type Reply = ();
}
impl Message for TimerDue {
    type Reply = ();
}

/// The time of day, for what is said before there is an actor to ask.
pub(crate) fn wall_clock() -> Time {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}

impl MasterActor {
    pub(crate) fn new(
        core: Master,
        recovered: internal::Registry,
        reads: Reads,
        registrar: Registrar,
        allocation: Allocation,
        authenticator: Authenticator,
        meter: Meter,
    ) -> MasterActor {
        MasterActor {
            core,
            tape: Tape::default(),
            recovered: Some(recovered),
            reads,
            registrar,
            allocation,
            authenticator,
            meter,
            activity: None,
            streams: BTreeMap::new(),
            timers: BTreeMap::new(),
            told: Told::new(),
            next: 0,
            effects: Vec::new(),
            operators: BTreeMap::new(),
            call: CallUnderWay::default(),
        }
    }

    pub(crate) fn step(&mut self, cx: &mut Context<Self>, input: Input) {
        let now = Time::from_nanos(cx.now().as_nanos());
        let mut step = Cx { now, effects: std::mem::take(&mut self.effects) };
        self.tape.note(&self.core, step.now, &input);
        let said = match (&self.activity, &input) {
            (Some(_), Input::Call(call)) => Said::of(&call.call, &self.core),
            _ => None,
        };
        self.core.step(&mut step, input);
        self.perform(cx, &mut step.effects);
        if step.effects.capacity() <= KEPT_EFFECTS {
            self.effects = step.effects;
        }
        if let (Some(activity), Some(said)) = (&self.activity, said) {
            activity.said(said);
        }
    }

    /// A framework that is an actor calls.
    pub(crate) fn actor_says(&mut self, cx: &mut Context<Self>, from: &Pid, call: Call) {
        match self.vouched(from, call) {
            Ok(Some(call)) => {
                self.step(cx, Input::Call(Box::new(SchedulerCall { call, via: Via::Actor(core_pid(from)) })));
            }
            Ok(None) => {}
            Err(why) => cx.tell(from, rate_limits::error(why)),
        }
    }

    fn agent(&mut self, cx: &mut Context<Self>, from: &Pid, message: FromAgent) {
        let introduces_itself = matches!(message, FromAgent::Register(_) | FromAgent::Reregister(_));
        if introduces_itself && !matches!(self.authenticator.agent(from), Standing::Admitted(_)) {
            // It asks again, and by then it may have shown who it is.
            return tracing::warn!(agent = %from, "registration dropped, the agent is not authenticated");
        }
        self.step(cx, Input::Agent { from: core_pid(from), message });
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The answer that the core has given in the step just performed.
    fn outcome(&mut self) -> Outcome {
        std::mem::take(&mut self.call).outcome.unwrap_or_else(|| {
            // The core promises an answer in the same step; a request must not hang if it breaks the promise.
            tracing::error!("the core left a request without an answer");
            Outcome::Answer(Answer { status: 500, body: "500 Internal Server Error.".into() })
        })
    }
}

pub(crate) fn core_pid(pid: &Pid) -> tepui_master_core::Pid {
    tepui_master_core::Pid::new(pid.to_string())
}

impl Actor for MasterActor {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<internal::RegisterSlaveMessage>()
            .message::<internal::ReregisterSlaveMessage>()
            .message::<internal::UnregisterSlaveMessage>()
            .message::<internal::UpdateSlaveMessage>()
            .message::<internal::StatusUpdateMessage>()
            .message::<internal::ExitedExecutorMessage>()
            .message::<internal::ExecutorToFrameworkMessage>()
            .message::<internal::UpdateOperationStatusMessage>()
            .message::<internal::PongSlaveMessage>()
            .message::<internal::AuthenticateMessage>()
            .message::<v1::scheduler::Call>();
        crate::v0::install(routes);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let registry = self.recovered.take().unwrap_or_default();
        self.step(cx, Input::RegistryRecovered(Box::new(registry)));
    }

    fn exited(&mut self, cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        tracing::debug!(%pid, %why, "a watched actor is out of reach");
        self.authenticator.exited(pid);
        self.metered_exit(cx, pid);
    }
}

/// An agent's message becomes the input of its name.
macro_rules! from_agents {
    ($($message:ident => $input:expr),* $(,)?) => {$(
        impl Receive<internal::$message> for MasterActor {
            fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: internal::$message) {
                let input: fn(internal::$message) -> FromAgent = $input;
                message.about().iter().for_each(|(key, value)| cx.tag(key, value));
                self.agent(cx, from, input(message));
            }
        }
    )*};
}

from_agents! {
    RegisterSlaveMessage => |m| FromAgent::Register(m.into()),
    ReregisterSlaveMessage => |m| FromAgent::Reregister(m.into()),
    UnregisterSlaveMessage => FromAgent::Unregister,
    UpdateSlaveMessage => |m| FromAgent::Update(m.into()),
    StatusUpdateMessage => |m| FromAgent::StatusUpdate(m.into()),
    ExitedExecutorMessage => FromAgent::ExitedExecutor,
    ExecutorToFrameworkMessage => FromAgent::ExecutorToFramework,
    UpdateOperationStatusMessage => |m| FromAgent::OperationStatus(m.into()),
    PongSlaveMessage => FromAgent::Pong,
}

impl Receive<v1::scheduler::Call> for MasterActor {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, call: Call) {
        cx.tag("kind", call.kind());
        call.about().iter().for_each(|(key, value)| cx.tag(key, value));
        self.metered::<Call>(cx, from, What::Actor(call));
    }
}

impl Handler<HttpCall> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, http: HttpCall) -> Outcome {
        let stream = (http.call.r#type() == call::Type::Subscribe).then(|| NewStream {
            connection: Connection(self.number()),
            id: uuid::Uuid::new_v4().to_string(),
        });
        let outlet = stream.clone().map(|stream| NewOutlet {
            id: stream.id,
            encoding: http.accepted.unwrap_or(Encoding::Json),
            wants_causes: http.arrival.wants_causes,
        });
        self.call = CallUnderWay { stream: outlet, ..CallUnderWay::default() };
        let request = HttpRequest {
            request: RequestId(self.number()),
            acceptable: http.accepted.is_some(),
            stream_id: http.stream_id,
            principal: http.principal,
            stream,
        };
        let call = Box::new(SchedulerCall { call: http.call, via: Via::Http(request) });
        self.recorded(cx, call, &http.arrival);
        self.outcome()
    }
}

impl Handler<OperatorRequest> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, asked: OperatorRequest) -> Deferred<Answer> {
        let (responder, answer) = cx.defer();
        let request = RequestId(self.number());
        self.operators.insert(request, responder);
        let call = OperatorCall { request, principal: asked.principal, call: asked.call };
        self.step(cx, Input::Operator(Box::new(call)));
        answer
    }
}

impl Handler<StreamEnded> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, ended: StreamEnded) {
        self.streams.remove(&ended.0);
        self.step(cx, Input::Disconnected(ended.0));
    }
}

impl Handler<Persisted> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, persisted: Persisted) {
        let (tickets, outcome): (Vec<Ticket>, _) = persisted.0;
        for ticket in tickets {
            let input = match &outcome {
                Ok(()) => Input::Persisted(ticket),
                Err(why) => Input::PersistFailed { ticket, why: why.clone() },
            };
            self.step(cx, input);
        }
    }
}

impl Handler<TimerDue> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, due: TimerDue) {
        // Disarmed while it was on its way.
        if self.timers.remove(&due.0).is_some() {
            self.step(cx, Input::TimerDue(due.0));
        }
    }
}

impl Handler<Allocated> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, allocated: Allocated) {
        let Allocated(allocations, inverse) = allocated;
        if !allocations.is_empty() {
            self.step(cx, Input::Allocated(allocations));
        }
        if !inverse.is_empty() {
            self.step(cx, Input::InverseOffers(inverse));
        }
    }
}
