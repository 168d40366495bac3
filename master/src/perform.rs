//! What the core asks for, done.

use std::time::Duration;

use libactor::trace::Cause;
use libactor::{Context, Pid};
use tepui_master_core::{Alarm, Connection, Effect, Fact, Level, Peer, Timer, ToAgent};
use tepui_model::Time;
use tepui_model::about::{About, Kind as _, Tag};
use tepui_proto::v1::scheduler::Event;

use crate::actor::{MasterActor, Outcome, StreamEnded, TimerDue};
use crate::registrar::Change;
use crate::{recorded, stream};

impl MasterActor {
    /// Performs the effects of one step, and leaves none. The readers hear of changes first, so that whoever is answered or told something
    /// finds it when reading.
    pub(crate) fn perform(&mut self, cx: &mut Context<Self>, effects: &mut Vec<Effect>) {
        let changed = |effect: &mut Effect| matches!(effect, Effect::Changed(_));
        let changes = effects.extract_if(.., changed).filter_map(|effect| match effect {
            Effect::Changed(change) => Some(change),
            _ => None,
        });
        let changes: Vec<_> = changes.collect();
        if let Some(activity) = &self.activity {
            changes.iter().for_each(|change| activity.changed(change));
        }
        if !changes.is_empty() {
            self.reads.changed(changes);
        }
        for effect in effects.drain(..) {
            self.perform_one(cx, effect);
        }
    }

    fn perform_one(&mut self, cx: &mut Context<Self>, effect: Effect) {
        if let (Some(activity), Effect::Event { to, event }) = (&self.activity, &effect)
            && let Some(framework) = self.core.framework_of(to)
        {
            activity.told(framework, event);
        }
        match effect {
            Effect::Answer { request, answer } => match self.operators.remove(&request) {
                Some(operator) => operator.send(answer),
                None => self.call.outcome = Some(Outcome::Answer(answer)),
            },
            Effect::Open { connection, .. } => self.open(cx, connection),
            Effect::Event { to: Peer::Http(connection), event } => self.stream(cx, connection, &event),
            Effect::Event { to: Peer::Actor(pid), event } => {
                let kind = [("kind", event.kind().to_owned())];
                tell_about(cx, &pid, (*event).clone(), kind.into_iter().chain(event.about()).collect());
            }
            Effect::Event { to: Peer::Driver(pid), event } => self.tell_driver(cx, &pid, event),
            Effect::Close(connection) => drop(self.streams.remove(&connection)),
            Effect::Send { to, message } => send(cx, &to, message),
            Effect::Persist { ticket, operation } => self.registrar.persist(Change { ticket, operation }),
            Effect::Arm { timer, at } => self.arm(cx, timer, at),
            Effect::Disarm(timer) => self.disarm(cx, timer),
            Effect::Allocator(call) => self.allocation.call(call),
            Effect::Watch(pid) => watch(cx, &pid),
            Effect::Changed(change) => self.reads.changed(vec![change]),
            Effect::Count(counter) => metrics::counter!(counter.name().to_string()).increment(1),
            Effect::Log(fact) => log(&fact),
            Effect::Abdicate(why) => abdicate(&why),
        }
    }

    fn open(&mut self, cx: &Context<Self>, connection: Connection) {
        let Some(new) = self.call.stream.take() else { return };
        let (outlet, stream) = stream::open(new, recorded::client(cx, None), connection, cx.actor_ref());
        self.streams.insert(connection, outlet);
        self.call.outcome = Some(Outcome::Stream(stream));
    }

    fn stream(&mut self, cx: &mut Context<Self>, connection: Connection, event: &Event) {
        let Some(outlet) = self.streams.get_mut(&connection) else { return };
        if let Some(subscribed) = &event.subscribed {
            outlet.client = recorded::client(cx, Some(&subscribed.framework_id));
        }
        let (body, client) = (outlet.encode(event), outlet.client.clone());
        let cause = self.record_event(cx, &client, event, body.len());
        let Some(outlet) = self.streams.get(&connection) else { return };
        if !outlet.send(body, cause) {
            cx.node().recorder().ended(cause.message, libactor::trace::Outcome::Overflow);
            // Its end counts from now: a reader that does not read may take minutes to be noticed as gone.
            cx.actor_ref().tell(StreamEnded(connection));
            tracing::warn!(%connection, "closed an event stream: its reader is too slow or gone");
            self.streams.remove(&connection);
        }
    }

    fn arm(&mut self, cx: &mut Context<Self>, timer: Timer, at: Time) {
        let now = Time::from_nanos(cx.now().as_nanos());
        let pause = at.since(now).max(Duration::ZERO);
        // What comes again and again is no late consequence of what it began with.
        let handle = match timer.alarm {
            Alarm::Heartbeat(_) | Alarm::Ping(_) | Alarm::RegistryPruning => {
                Cause::default().during(|| cx.after(pause, TimerDue(timer)))
            }
            Alarm::Failover(_) | Alarm::OfferTimeout(_) | Alarm::Reregistration(_) | Alarm::Recovery => {
                cx.after(pause, TimerDue(timer))
            }
        };
        self.timers.insert(timer, handle);
    }

    fn disarm(&mut self, cx: &mut Context<Self>, timer: Timer) {
        if let Some(handle) = self.timers.remove(&timer) {
            cx.cancel(&handle);
        }
    }
}

/// The core keeps addresses as text; whoever sent us one has printed it from a pid.
fn pid_of(pid: &tepui_master_core::Pid) -> Option<Pid> {
    let parsed = pid.as_str().parse();
    parsed.inspect_err(|error| tracing::warn!(%pid, %error, "not an address")).ok()
}

fn tell<M: libactor::WireMessage + About>(
    cx: &Context<MasterActor>,
    to: &tepui_master_core::Pid,
    message: M,
) {
    let tags = message.about();
    tell_about(cx, to, message, tags);
}

pub(crate) fn tell_about<M: libactor::WireMessage>(
    cx: &Context<MasterActor>,
    to: &tepui_master_core::Pid,
    message: M,
    tags: Vec<Tag>,
) {
    if let Some(pid) = pid_of(to) {
        cx.tell_tagged(&pid, message, &tags);
    }
}

fn watch(cx: &mut Context<MasterActor>, pid: &tepui_master_core::Pid) {
    if let Some(pid) = pid_of(pid) {
        cx.watch(&pid);
    }
}

fn send(cx: &Context<MasterActor>, to: &tepui_master_core::Pid, message: ToAgent) {
    match message {
        ToAgent::Registered(message) => tell(cx, to, message),
        ToAgent::Reregistered(message) => tell(cx, to, *message),
        ToAgent::Ping(message) => tell(cx, to, message),
        ToAgent::RunTask(message) => tell(cx, to, *message),
        ToAgent::KillTask(message) => tell(cx, to, message),
        ToAgent::StatusUpdateAcknowledgement(message) => tell(cx, to, message),
        ToAgent::ApplyOperation(message) => tell(cx, to, *message),
        ToAgent::CheckpointResources(message) => tell(cx, to, message),
        ToAgent::ReconcileOperations(message) => tell(cx, to, message),
        ToAgent::OperationStatusAcknowledgement(message) => tell(cx, to, message),
        ToAgent::FrameworkToExecutor(message) => tell(cx, to, message),
        ToAgent::UpdateFramework(message) => tell(cx, to, *message),
        ToAgent::ShutdownFramework(message) => tell(cx, to, message),
        ToAgent::ShutdownExecutor(message) => tell(cx, to, message),
        ToAgent::Drain(message) => tell(cx, to, message),
        ToAgent::Shutdown(message) => tell(cx, to, message),
    }
}

/// The values stand behind the sentence as `name=value`: fields of a fact are not known when this is compiled, as
/// tracing's own would have to be.
fn log(fact: &Fact) {
    match fact.level {
        Level::Error => tracing::error!("{fact}"),
        Level::Warn => tracing::warn!("{fact}"),
        Level::Info => tracing::info!("{fact}"),
        Level::Debug => tracing::debug!("{fact}"),
    }
}

/// A master that cannot write its registry must not go on deciding: the process ends, and whoever supervises it starts
/// the next one from what is durable.
fn abdicate(why: &str) -> ! {
    tracing::error!(why, "abdicated");
    std::process::exit(1)
}
