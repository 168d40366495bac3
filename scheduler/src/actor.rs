//! The framework as an actor: events in, calls out.

use std::collections::BTreeSet;
use std::time::Duration;

use libactor::{
    Actor, ActorRef, Context as ActorContext, Exit, Handler, Message, Pid, Receive, Routes, Timestamp,
};
use tepui_model::Credential;
use tepui_model::about::{About, Kind, Tag};
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, Event, call, event};
use tokio::sync::oneshot;

use crate::context::{Command, End, Work};
use crate::link::{HttpLink, Link, Master};
use crate::session::{Effect, Session};
use crate::{Context, Framework, MasterAddress, Offer, Origin, RunError, Settings};

/// Holds the framework and performs what its session and its callbacks ask for.
pub(crate) struct SchedulerActor<F: Framework> {
    /// Handed back when the framework ends.
    framework: Option<F>,
    session: Session,
    started: Option<Timestamp>,
    master: MasterAddress,
    credential: Option<Credential>,
    link: Link,
    /// Counts subscriptions, so that what an earlier one still says is not taken for the present one's.
    attempt: u64,
    /// Offers of the callback under way that are neither used nor kept yet.
    unused: BTreeSet<String>,
    ended: Option<oneshot::Sender<Result<F, RunError>>>,
    ending: Option<End>,
}

/// A way back to the framework from other threads and tasks.
pub struct Handle<F: Framework>(ActorRef<SchedulerActor<F>>);

impl<F: Framework> Clone for Handle<F> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<F: Framework> Handle<F> {
    /// Runs `work` on the framework, between two of its callbacks. Nothing happens once the framework has ended.
    pub fn run(&self, work: impl FnOnce(&mut F, &mut Context<F>) + Send + 'static) {
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

struct Run<F: Framework>(Work<F>);

/// A pause is over.
struct Due {
    attempt: u64,
    what: Wake,
}

enum Wake {
    Subscribe,
    Answer,
    Heartbeat,
    Reconcile,
    Finish,
}

/// How long a SUBSCRIBE may go unanswered before it is tried again.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a torn-down framework waits for the master to end its stream.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl Message for Incoming {
    type Reply = ();
}
impl<F: Framework> Message for Run<F> {
    type Reply = ();
}
impl Message for Due {
    type Reply = ();
}

impl<F: Framework> SchedulerActor<F> {
    pub(crate) fn new(settings: Settings, framework: F, ended: oneshot::Sender<Result<F, RunError>>) -> Self {
        SchedulerActor {
            framework: Some(framework),
            started: None,
            session: Session::new(settings.framework, settings.explicit_acknowledgements),
            master: settings.master,
            credential: settings.credential,
            link: Link::Closed,
            attempt: 0,
            unused: BTreeSet::new(),
            ended: Some(ended),
            ending: None,
        }
    }

    fn subscribe(&mut self, cx: &mut ActorContext<Self>) {
        self.attempt += 1;
        // A master that is there but does not serve yet drops what actors send it.
        self.wake(cx, SUBSCRIBE_TIMEOUT, Wake::Answer);
        let call = self.session.subscribe();
        self.link = match &self.master {
            MasterAddress::Http(host) => {
                let master = Master::new(host, false, self.credential.as_ref());
                Link::Http(HttpLink::open(master, &call, cx.actor_ref(), self.attempt))
            }
            MasterAddress::Https(host) => {
                let master = Master::new(host, true, self.credential.as_ref());
                Link::Http(HttpLink::open(master, &call, cx.actor_ref(), self.attempt))
            }
            MasterAddress::Actor(pid) => {
                cx.watch(pid);
                let tags = tags(&call);
                cx.tell_tagged(pid, call, &tags);
                Link::Actor(pid.clone())
            }
        };
    }

    fn send(&mut self, cx: &mut ActorContext<Self>, call: Call) {
        match &self.link {
            Link::Closed => {
                tracing::debug!(call = call.r#type().as_str_name(), "dropped a call: not subscribed")
            }
            Link::Http(link) => link.send(call),
            Link::Actor(pid) => {
                let tags = tags(&call);
                cx.tell_tagged(pid, call, &tags);
            }
        }
    }

    fn lost(&mut self, cx: &mut ActorContext<Self>, why: &str) {
        if self.ending.is_some() {
            return self.finish(cx);
        }
        tracing::info!(master = %self.master, why, "disconnected from the master");
        if let Link::Actor(pid) = std::mem::replace(&mut self.link, Link::Closed) {
            cx.unwatch(&pid);
        }
        if self.session.is_subscribed() {
            self.call_back(cx, |framework, cx| framework.disconnected(cx, why));
        }
        let effects = self.session.lost();
        self.perform(cx, effects);
    }

    fn heard(&mut self, cx: &mut ActorContext<Self>, event: Event) {
        let effects = self.session.heard(self.elapsed(cx), event);
        self.perform(cx, effects);
    }

    fn perform(&mut self, cx: &mut ActorContext<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Subscribe { after } => self.wake(cx, after, Wake::Subscribe),
                Effect::WatchHeartbeat { after } => self.wake(cx, after, Wake::Heartbeat),
                Effect::Reconcile { after } => self.wake(cx, after, Wake::Reconcile),
                Effect::Call(call) => self.send(cx, *call),
                Effect::Show(event) => self.show(cx, *event),
                Effect::Refused(message) => self.end(cx, Err(RunError::Refused(message))),
            }
        }
    }

    /// Time since the framework started, the session's only clock.
    fn elapsed(&self, cx: &ActorContext<Self>) -> Duration {
        self.started.map_or(Duration::ZERO, |started| cx.now().since(started))
    }

    fn wake(&mut self, cx: &mut ActorContext<Self>, after: Duration, what: Wake) {
        cx.after(after, Due { attempt: self.attempt, what });
    }

    /// Shows the framework an event.
    fn show(&mut self, cx: &mut ActorContext<Self>, event: Event) {
        match event.r#type() {
            event::Type::Subscribed => {
                let Some(subscribed) = event.subscribed else { return };
                tracing::info!(framework = subscribed.framework_id.value, master = %self.master, "subscribed");
                self.call_back(cx, |framework, cx| framework.subscribed(cx, &subscribed.framework_id));
            }
            event::Type::Offers => {
                let messages: Vec<_> = event.offers.into_iter().flat_map(|offers| offers.offers).collect();
                self.unused = messages.iter().map(|offer| offer.id.value.clone()).collect();
                let offers = messages.into_iter().filter_map(read_offer).collect();
                self.call_back(cx, |framework, cx| framework.offers(cx, offers));
                self.decline_unused(cx);
            }
            event::Type::Rescind => {
                let Some(rescind) = event.rescind else { return };
                self.call_back(cx, |framework, cx| framework.rescinded(cx, &rescind.offer_id));
            }
            event::Type::Update => {
                let Some(update) = event.update else { return };
                self.call_back(cx, |framework, cx| framework.update(cx, &update.status));
            }
            event::Type::Message => {
                let Some(message) = event.message else { return };
                let event::Message { agent_id, executor_id, data } = *message;
                let from = Origin { agent_id, executor_id };
                self.call_back(cx, |framework, cx| framework.message(cx, from, data));
            }
            event::Type::Failure => {
                let Some(failure) = event.failure else { return };
                self.call_back(cx, |framework, cx| framework.failure(cx, &failure));
            }
            // Inverse offers and operations are answered through `Context::call` by those who ask for them.
            _ => {}
        }
    }

    fn decline_unused(&mut self, cx: &mut ActorContext<Self>) {
        let offer_ids: Vec<_> =
            std::mem::take(&mut self.unused).into_iter().map(|value| v1::OfferId { value }).collect();
        if offer_ids.is_empty() {
            return;
        }
        let decline = Some(call::Decline { offer_ids, filters: None }.into());
        let call = Call { decline, ..self.session.call(call::Type::Decline) };
        self.send(cx, call);
    }

    /// Runs a callback, then does what it asked for.
    fn call_back(&mut self, cx: &mut ActorContext<Self>, callback: impl FnOnce(&mut F, &mut Context<F>)) {
        let framework_id = self.session.framework_id().cloned();
        let mut context = Context { framework_id, handle: Handle(cx.actor_ref()), commands: Vec::new() };
        let Some(framework) = &mut self.framework else { return };
        callback(framework, &mut context);
        for command in context.commands {
            self.obey(cx, command);
        }
    }

    fn obey(&mut self, cx: &mut ActorContext<Self>, command: Command<F>) {
        match command {
            Command::Call(call) => {
                self.session.note(&call);
                let call = Call { framework_id: self.session.framework_id().cloned(), ..*call };
                self.send(cx, call);
            }
            Command::Launch { offers, tasks, filters } => self.launch(cx, offers, tasks, filters),
            Command::Keep(offer) => {
                self.unused.remove(&offer.value);
            }
            Command::Ask(tasks) => {
                let effects = self.session.ask(tasks);
                self.perform(cx, effects);
            }
            Command::Acknowledge(status) => {
                let effect = self.session.acknowledgement(&status);
                self.perform(cx, effect.into_iter().collect());
            }
            Command::After(pause, work) => {
                cx.after(pause, Run(work));
            }
            Command::End(end) => self.end_with(cx, end),
        }
    }

    fn launch(
        &mut self,
        cx: &mut ActorContext<Self>,
        offer_ids: Vec<v1::OfferId>,
        task_infos: Vec<v1::TaskInfo>,
        filters: Option<v1::Filters>,
    ) {
        for offer in &offer_ids {
            self.unused.remove(&offer.value);
        }
        if task_infos.is_empty() {
            let decline = Some(call::Decline { offer_ids, filters }.into());
            let call = Call { decline, ..self.session.call(call::Type::Decline) };
            return self.send(cx, call);
        }
        self.session.launching(&task_infos);
        let launch = v1::offer::operation::Launch { task_infos };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(launch),
            ..Default::default()
        };
        let accept = Some(call::Accept { offer_ids, operations: vec![operation], filters }.into());
        let call = Call { accept, ..self.session.call(call::Type::Accept) };
        self.send(cx, call);
    }

    fn end_with(&mut self, cx: &mut ActorContext<Self>, end: End) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(end.clone());
        if end == End::Left || !self.session.is_subscribed() {
            return self.finish(cx);
        }
        let call = self.session.call(call::Type::Teardown);
        self.send(cx, call);
        match self.link {
            // The master ends the stream once it has torn the framework down.
            Link::Http(_) => self.wake(cx, TEARDOWN_TIMEOUT, Wake::Finish),
            // Actor messages are on their way before the actor ends; nothing comes back.
            Link::Actor(_) | Link::Closed => self.finish(cx),
        }
    }

    fn finish(&mut self, cx: &mut ActorContext<Self>) {
        let outcome = match self.ending.take() {
            Some(End::Failed(why)) => Err(RunError::Failed(why)),
            Some(End::Stopped | End::Left) | None => Ok(()),
        };
        self.end(cx, outcome);
    }

    fn end(&mut self, cx: &mut ActorContext<Self>, outcome: Result<(), RunError>) {
        self.link = Link::Closed;
        cx.stop();
        let (Some(ended), Some(framework)) = (self.ended.take(), self.framework.take()) else { return };
        // Nobody may be waiting for the outcome any more; then it matters to nobody.
        let _ = ended.send(outcome.map(|()| framework));
    }
}

/// What a call or an event is, and is about, for those who read traces.
fn tags<M: About + Kind>(message: &M) -> Vec<Tag> {
    let kind = [("kind", message.kind().to_owned())];
    kind.into_iter().chain(message.about()).collect()
}

/// An offer with resources we cannot read is declined with the rest: better than a framework that ends over it.
fn read_offer(offer: v1::Offer) -> Option<Offer> {
    let id = offer.id.clone();
    Offer::new(offer)
        .inspect_err(|error| tracing::warn!(offer = id.value, %error, "an offer with unreadable resources"))
        .ok()
}

impl<F: Framework> Actor for SchedulerActor<F> {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Event>();
    }

    fn started(&mut self, cx: &mut ActorContext<Self>) {
        self.started = Some(cx.now());
        self.subscribe(cx);
    }

    fn exited(&mut self, cx: &mut ActorContext<Self>, pid: &Pid, why: Exit) {
        if matches!(&self.link, Link::Actor(master) if master == pid) {
            self.lost(cx, &why.to_string());
        }
    }
}

impl<F: Framework> Receive<Event> for SchedulerActor<F> {
    fn receive(&mut self, cx: &mut ActorContext<Self>, from: &Pid, event: Event) {
        match &self.link {
            Link::Actor(master) if master == from => {
                tags(&event).iter().for_each(|(key, value)| cx.tag(key, value));
                self.heard(cx, event);
            }
            _ => tracing::warn!(%from, "dropped an event that is not from our master"),
        }
    }
}

impl<F: Framework> Handler<Incoming> for SchedulerActor<F> {
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

impl<F: Framework> Handler<Run<F>> for SchedulerActor<F> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, run: Run<F>) {
        self.call_back(cx, run.0);
    }
}

impl<F: Framework> Handler<Due> for SchedulerActor<F> {
    fn handle(&mut self, cx: &mut ActorContext<Self>, due: Due) {
        if due.attempt != self.attempt {
            return;
        }
        match due.what {
            Wake::Subscribe => self.subscribe(cx),
            Wake::Answer => {
                if !self.session.is_subscribed() && !matches!(self.link, Link::Closed) {
                    self.lost(cx, "no answer to SUBSCRIBE");
                }
            }
            Wake::Reconcile => {
                let effects = self.session.reconcile();
                self.perform(cx, effects);
            }
            Wake::Heartbeat => match self.session.silent(self.elapsed(cx)) {
                Ok(effects) => self.perform(cx, effects),
                Err(silence) => {
                    self.lost(cx, &format!("no word from the master for {} s", silence.as_secs()))
                }
            },
            Wake::Finish => self.finish(cx),
        }
    }
}
