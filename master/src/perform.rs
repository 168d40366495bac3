//! What the core asks for, done.

use std::time::Duration;

use libactor::{Context, Pid};
use tepui_master_core::{Connection, Effect, Fact, Level, Peer, Timer, ToAgent};
use tepui_model::Time;
use tepui_proto::v1::scheduler::Event;

use crate::actor::{MasterActor, Outcome, StreamEnded, TimerDue};
use crate::registrar::Change;
use crate::stream;

impl MasterActor {
    /// Performs the effects of one step. The readers hear of changes first, so that whoever is answered or told something
    /// finds it when reading.
    pub(crate) fn perform(&mut self, cx: &mut Context<Self>, effects: Vec<Effect>) {
        let mut changes = Vec::new();
        let mut rest = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Changed(change) => changes.push(change),
                other => rest.push(other),
            }
        }
        if !changes.is_empty() {
            self.reads.changed(changes);
        }
        for effect in rest {
            self.perform_one(cx, effect);
        }
    }

    fn perform_one(&mut self, cx: &mut Context<Self>, effect: Effect) {
        match effect {
            Effect::Answer { answer, .. } => self.call.outcome = Some(Outcome::Answer(answer)),
            Effect::Open { connection, .. } => self.open(cx, connection),
            Effect::Event { to: Peer::Http(connection), event } => self.stream(cx, connection, &event),
            Effect::Event { to: Peer::Actor(pid), event } => tell(cx, &pid, (*event).clone()),
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
        let Some((id, encoding)) = self.call.stream.take() else { return };
        let (outlet, stream) = stream::open(id, encoding, connection, cx.actor_ref());
        self.streams.insert(connection, outlet);
        self.call.outcome = Some(Outcome::Stream(stream));
    }

    fn stream(&mut self, cx: &mut Context<Self>, connection: Connection, event: &Event) {
        let Some(outlet) = self.streams.get(&connection) else { return };
        if !outlet.send(event) {
            // Its end counts from now: a reader that does not read may take minutes to be noticed as gone.
            cx.actor_ref().tell(StreamEnded(connection));
            tracing::warn!(%connection, "closed an event stream: its reader is too slow or gone");
            self.streams.remove(&connection);
        }
    }

    fn arm(&mut self, cx: &mut Context<Self>, timer: Timer, at: Time) {
        let now = Time::from_nanos(cx.now().as_nanos());
        let handle = cx.after(at.since(now).max(Duration::ZERO), TimerDue(timer));
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

fn tell<M: libactor::WireMessage>(cx: &Context<MasterActor>, to: &tepui_master_core::Pid, message: M) {
    if let Some(pid) = pid_of(to) {
        cx.tell(&pid, message);
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
        ToAgent::RunTask(message) => {
            cx.tag("task", &message.task.task_id.value);
            tell(cx, to, *message);
        }
        ToAgent::KillTask(message) => tell(cx, to, message),
        ToAgent::StatusUpdateAcknowledgement(message) => tell(cx, to, message),
        ToAgent::OperationStatusAcknowledgement(message) => tell(cx, to, message),
        ToAgent::FrameworkToExecutor(message) => tell(cx, to, message),
        ToAgent::UpdateFramework(message) => tell(cx, to, *message),
        ToAgent::ShutdownFramework(message) => tell(cx, to, message),
        ToAgent::ShutdownExecutor(message) => tell(cx, to, message),
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
