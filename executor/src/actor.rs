//! The executor as an actor: events in, calls out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libactor::trace::Cause;
use libactor::{
    Actor, ActorRef, Context as ActorContext, Exit, Handler, Message, Pid, Receive, Routes, Timestamp,
};
use tepui_model::about::{About, Kind, Tag};
use tepui_model::task_state;
use tepui_proto::v1;
use tepui_proto::v1::executor::{Call, Event, event};
use tokio::sync::oneshot;

use crate::context::{Command, Work};
use crate::link::{HttpLink, Link};
use crate::session::{Effect, Session};
use crate::{Context, Environment, Executor, RunError, Subscribed};

/// Holds the executor and performs what its session and its callbacks ask for.
pub(crate) struct ExecutorActor<E: Executor> {
    executor: E,
    environment: Arc<Environment>,
    session: Session,
    /// What was last heard of each task: what the executor finds out by itself follows from it.
    causes: BTreeMap<String, Cause>,
    /// The agent's actor, when the way is by actor messages.
    agent: Option<Pid>,
    link: Link,
    /// Counts subscriptions, so that what an earlier one still says is not taken for the present one's.
    attempt: u64,
    started: Option<Timestamp>,
    stopping: bool,
    ended: Option<oneshot::Sender<Result<(), RunError>>>,
}

/// A way back to the executor from other threads and tasks.
pub struct Handle<E: Executor>(ActorRef<ExecutorActor<E>>);

impl<E: Executor> Clone for Handle<E> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<E: Executor> Handle<E> {
    /// Runs `work` on the executor, between two of its callbacks. Nothing happens once the executor has ended.
    pub fn run(&self, work: impl FnOnce(&mut E, &mut Context<E>) + Send + 'static) {
        self.0.tell(Run(Box::new(work)));
    }
}

/// Something a link has to say.
pub(crate) struct Incoming {
    pub(crate) attempt: u64,
    pub(crate) news: News,
}

/// What it says.
pub(crate) enum News {
    Event(Box<Event>),
    Lost(String),
}

struct Run<E: Executor>(Work<E>);

/// The pause before another attempt to subscribe is over.
struct SubscribeNow {
    attempt: u64,
}

/// The time for an answer to SUBSCRIBE is over.
struct AnswerDue {
    attempt: u64,
}

/// How long a SUBSCRIBE may go unanswered before it is tried again.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The agent had its time to acknowledge what was sent before the stop.
struct StopNow;

/// How long a stopping executor waits for its last updates to be acknowledged by an agent that is there. Agents do not
/// acknowledge updates of a framework that is being torn down.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

impl Message for Incoming {
    type Reply = ();
}
impl<E: Executor> Message for Run<E> {
    type Reply = ();
}
impl Message for SubscribeNow {
    type Reply = ();
}
impl Message for AnswerDue {
    type Reply = ();
}
impl Message for StopNow {
    type Reply = ();
}

impl<E: Executor> ExecutorActor<E> {
    pub(crate) fn new(
        environment: Environment,
        agent: Option<Pid>,
        executor: E,
        ended: oneshot::Sender<Result<(), RunError>>,
    ) -> Self {
        ExecutorActor {
            executor,
            environment: Arc::new(environment.clone()),
            session: Session::new(environment),
            agent,
            link: Link::Closed,
            causes: BTreeMap::new(),
            attempt: 0,
            started: None,
            stopping: false,
            ended: Some(ended),
        }
    }

    fn subscribe(&mut self, cx: &mut ActorContext<Self>) {
        self.attempt += 1;
        cx.after(SUBSCRIBE_TIMEOUT, AnswerDue { attempt: self.attempt });
        let call = self.session.subscribe();
        self.link = match &self.agent {
            None => Link::Http(HttpLink::open(
                &self.environment.agent_endpoint,
                &call,
                cx.actor_ref(),
                self.attempt,
            )),
            Some(pid) => {
                cx.watch(pid);
                let tags = tags(&call);
                cx.tell_tagged(pid, call, &tags);
                Link::Actor(pid.clone())
            }
        };
    }

    fn send(&mut self, cx: &mut ActorContext<Self>, call: Call) {
        match &self.link {
            Link::Closed => {}
            Link::Http(link) => link.send(call),
            Link::Actor(pid) => {
                let tags = tags(&call);
                cx.tell_tagged(pid, call, &tags);
            }
        }
    }

    fn lost(&mut self, cx: &mut ActorContext<Self>, why: &str) {
        tracing::warn!(agent = self.environment.agent_endpoint, why, "disconnected from the agent");
        if let Link::Actor(pid) = std::mem::replace(&mut self.link, Link::Closed) {
            cx.unwatch(&pid);
        }
        let now = self.started.map_or(Duration::ZERO, |started| cx.now().since(started));
        let effect = self.session.lost(now, why);
        self.perform(cx, effect);
    }

    fn perform(&mut self, cx: &mut ActorContext<Self>, effect: Effect) {
        match effect {
            Effect::Subscribe { after } => {
                cx.after(after, SubscribeNow { attempt: self.attempt });
            }
            Effect::Call(call) => self.send(cx, *call),
            Effect::GiveUp(why) => self.end(cx, Err(RunError::AgentGone(why))),
        }
    }

    fn heard(&mut self, cx: &mut ActorContext<Self>, event: Event) {
        match event.r#type() {
            event::Type::Subscribed => {
                let Some(subscribed) = event.subscribed else { return };
                for effect in self.session.subscribed() {
                    self.perform(cx, effect);
                }
                let info = Subscribed {
                    executor: subscribed.executor_info,
                    framework: subscribed.framework_info,
                    agent: subscribed.agent_info,
                };
                self.call_back(cx, |executor, cx| executor.subscribed(cx, &info));
            }
            event::Type::Launch => {
                let Some(launch) = event.launch else { return };
                self.session.launched(&launch.task);
                self.note_cause(&launch.task.task_id);
                self.call_back(cx, |executor, cx| executor.launch(cx, launch.task));
            }
            event::Type::LaunchGroup => {
                let Some(launch) = event.launch_group else { return };
                for task in &launch.task_group.tasks {
                    self.session.launched(task);
                    self.note_cause(&task.task_id);
                }
                self.call_back(cx, |executor, cx| executor.launch_group(cx, launch.task_group.tasks));
            }
            event::Type::Kill => {
                let Some(kill) = event.kill else { return };
                self.note_cause(&kill.task_id);
                self.call_back(cx, |executor, cx| executor.kill(cx, &kill.task_id, kill.kill_policy));
            }
            event::Type::Acknowledged => {
                let Some(acknowledged) = event.acknowledged else { return };
                self.session.acknowledged(&acknowledged.task_id, &acknowledged.uuid);
                self.call_back(cx, |executor, cx| {
                    executor.acknowledged(cx, &acknowledged.task_id, &acknowledged.uuid);
                });
                self.stop_when_told(cx);
            }
            event::Type::Message => {
                let Some(message) = event.message else { return };
                self.call_back(cx, |executor, cx| executor.message(cx, message.data));
            }
            event::Type::Shutdown => self.call_back(cx, |executor, cx| executor.shutdown(cx)),
            event::Type::Error => {
                let why = event.error.map_or_else(String::new, |error| error.message);
                self.end(cx, Err(RunError::Refused(why)));
            }
            event::Type::Heartbeat | event::Type::Unknown => {}
        }
    }

    /// Runs a callback, then does what it asked for.
    fn call_back(&mut self, cx: &mut ActorContext<Self>, callback: impl FnOnce(&mut E, &mut Context<E>)) {
        let mut context = Context {
            environment: self.environment.clone(),
            handle: Handle(cx.actor_ref()),
            now: cx.now(),
            commands: Vec::new(),
        };
        callback(&mut self.executor, &mut context);
        for command in context.commands {
            self.obey(cx, command);
        }
    }

    fn obey(&mut self, cx: &mut ActorContext<Self>, command: Command<E>) {
        match command {
            Command::Update(status) => {
                let cause = self.cause_of(&status);
                if let Some(effect) = self.session.update(*status) {
                    cause.during(|| self.perform(cx, effect));
                }
            }
            Command::Message(data) => {
                if let Some(effect) = self.session.message(data) {
                    self.perform(cx, effect);
                }
            }
            Command::After(pause, work) => {
                cx.after(pause, Run(work));
            }
            Command::Stop => {
                if !std::mem::replace(&mut self.stopping, true) {
                    cx.after(STOP_TIMEOUT, StopNow);
                    self.stop_when_told(cx);
                }
            }
        }
    }

    fn note_cause(&mut self, task: &v1::TaskId) {
        self.causes.insert(task.value.clone(), Cause::current());
    }

    /// What an update follows from: what is being handled, or what was last heard of its task.
    fn cause_of(&mut self, status: &v1::TaskStatus) -> Cause {
        let task = &status.task_id.value;
        let heard = match task_state::is_terminal(status.state()) {
            true => self.causes.remove(task),
            false => self.causes.get(task).copied(),
        };
        let current = Cause::current();
        if current == Cause::default() { heard.unwrap_or_default() } else { current }
    }

    /// Ends a stopping executor once the agent has all its updates.
    fn stop_when_told(&mut self, cx: &mut ActorContext<Self>) {
        if self.stopping && self.session.all_acknowledged() {
            self.end(cx, Ok(()));
        }
    }

    fn end(&mut self, cx: &mut ActorContext<Self>, outcome: Result<(), RunError>) {
        self.link = Link::Closed;
        cx.stop();
        if let Some(ended) = self.ended.take() {
            // Nobody may be waiting for the outcome any more; then it matters to nobody.
            let _ = ended.send(outcome);
        }
    }
}

/// What a call or an event is, and is about, for those who read traces.
fn tags<M: About + Kind>(message: &M) -> Vec<Tag> {
    let kind = [("kind", message.kind().to_owned())];
    kind.into_iter().chain(message.about()).collect()
}

impl<E: Executor> Actor for ExecutorActor<E> {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Event>();
    }

    fn started(&mut self, cx: &mut ActorContext<Self>) {
        self.started = Some(cx.now());
        self.subscribe(cx);
    }

    fn exited(&mut self, cx: &mut ActorContext<Self>, pid: &Pid, why: Exit) {
        if matches!(&self.link, Link::Actor(agent) if agent == pid) {
            self.lost(cx, &why.to_string());
        }
    }
}

impl<E: Executor> Receive<Event> for ExecutorActor<E> {
    fn receive(&mut self, cx: &mut ActorContext<Self>, from: &Pid, event: Event) {
        match &self.link {
            Link::Actor(agent) if agent == from => {
                tags(&event).iter().for_each(|(key, value)| cx.tag(key, value));
                self.heard(cx, event);
            }
            _ => tracing::warn!(%from, "dropped an event that is not from our agent"),
        }
    }
}

impl<E: Executor> Handler<Incoming> for ExecutorActor<E> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, incoming: Incoming) {
        if incoming.attempt != self.attempt || !matches!(self.link, Link::Http(_)) {
            return;
        }
        match incoming.news {
            News::Event(event) => self.heard(cx, *event),
            News::Lost(why) => self.lost(cx, &why),
        }
    }
}

impl<E: Executor> Handler<Run<E>> for ExecutorActor<E> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, run: Run<E>) {
        self.call_back(cx, run.0);
    }
}

impl<E: Executor> Handler<SubscribeNow> for ExecutorActor<E> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, due: SubscribeNow) {
        if due.attempt == self.attempt {
            self.subscribe(cx);
        }
    }
}

impl<E: Executor> Handler<AnswerDue> for ExecutorActor<E> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, due: AnswerDue) {
        let waits = !self.session.is_subscribed() && !matches!(self.link, Link::Closed);
        if due.attempt == self.attempt && waits {
            self.lost(cx, "no answer to SUBSCRIBE");
        }
    }
}

impl<E: Executor> Handler<StopNow> for ExecutorActor<E> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, _: StopNow) {
        // An agent that is away may come back for what it has not heard; until when is the session's to say.
        if self.session.is_subscribed() {
            self.end(cx, Ok(()));
        } else {
            cx.after(STOP_TIMEOUT, StopNow);
        }
    }
}
