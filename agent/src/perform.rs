//! Performs what the core asks for: one match, one line for each.

use std::time::Duration;

use libactor::trace::Cause;
use libactor::{Context, Pid};
use prost::Name;
use tepui_agent_core::{Effect, Fact, Input, Level, Peer, Pid as CorePid, Timer, ToMaster};
use tepui_model::about::{About, Tag};
use tepui_proto::v1;
use tracing::{debug, error, info, warn};

use crate::actor::{AgentActor, Happened};

impl AgentActor {
    pub(crate) fn perform(&mut self, cx: &mut Context<Self>, effect: Effect) {
        match effect {
            Effect::Master { to, message } => tell_master(cx, &to, message),
            Effect::Authenticate { to, attempt } => self.authenticate(cx, &to, attempt),
            Effect::Event { to, event } => self.send_event(cx, &to, &event),
            Effect::Close(peer) => self.close(&peer),
            Effect::Reply { request, reply } => drop(self.replies.insert(request, reply)),
            Effect::Checkpoint { ticket, writes } => {
                let me = cx.actor_ref();
                // What goes on once it is written follows from what asked for it.
                let cause = Cause::current();
                let answer = move |ticket, outcome| {
                    cause.during(|| me.tell(Happened(Input::Checkpointed { ticket, outcome })));
                };
                self.writer.write(ticket, writes, answer);
            }
            Effect::RecoverContainers(runs) => self.recover_containers(cx, runs),
            Effect::Launch(launch) => {
                self.told.starts(launch.run.framework.as_ref(), launch.run.executor.as_ref());
                self.launch_container(cx, *launch);
            }
            Effect::Update { container, resources } => self.update_container(cx, container, &resources),
            Effect::Destroy(container) => self.destroy_container(cx, &container),
            Effect::Arm { timer, after } => arm(cx, timer, after),
            Effect::Watch(pid) => watch(cx, &pid),
            Effect::Reconnect { to, agent } => crate::v0::reconnect(cx, &to, agent.to_wire()),
            Effect::Collect(run) => self.world.collect(run),
            Effect::Log(fact) => log(&fact),
            Effect::Terminate { why } => drop(self.ended.send_replace(Some(why))),
        }
    }

    /// An executor that does not read loses its stream, not our memory.
    pub(crate) fn send_event(&mut self, cx: &mut Context<Self>, to: &Peer, event: &v1::executor::Event) {
        let sent = self.tell_executor(cx, to, event);
        if let (false, Peer::Http(connection)) = (sent, to) {
            warn!(%connection, "executor does not read its events; stream closed");
            self.streams.remove(connection);
            cx.actor_ref().tell(Happened(Input::ExecutorGone(to.clone())));
        }
    }

    fn close(&mut self, peer: &Peer) {
        if let Peer::Http(connection) = peer {
            self.streams.remove(connection);
        }
    }
}

fn tell_master(cx: &mut Context<AgentActor>, to: &CorePid, message: ToMaster) {
    match message {
        ToMaster::Register(message) => tell(cx, to, *message),
        ToMaster::Reregister(message) => tell(cx, to, *message),
        ToMaster::Unregister(message) => tell(cx, to, message),
        ToMaster::Update(message) => tell(cx, to, *message),
        ToMaster::StatusUpdate(message) => tell(cx, to, *message),
        ToMaster::ExitedExecutor(message) => tell(cx, to, message),
        ToMaster::ExecutorToFramework(message) => tell(cx, to, message),
        ToMaster::OperationStatus(message) => tell(cx, to, *message),
        ToMaster::Pong(message) => tell(cx, to, message),
    }
}

/// What comes again and again is no late consequence of what it began with.
fn arm(cx: &mut Context<AgentActor>, timer: Timer, after: Duration) {
    let begins_anew =
        matches!(timer, Timer::Register { .. } | Timer::Authentication { .. } | Timer::Ping { .. });
    let cause = if begins_anew { Cause::default() } else { Cause::current() };
    cause.during(|| cx.after(after, Happened(Input::TimerDue(timer))));
}

fn tell<M: Name + Default + About + 'static>(cx: &mut Context<AgentActor>, to: &CorePid, message: M) {
    let tags = message.about();
    tell_about(cx, to, message, tags);
}

pub(crate) fn tell_about<M: Name + Default + 'static>(
    cx: &mut Context<AgentActor>,
    to: &CorePid,
    message: M,
    tags: Vec<Tag>,
) {
    match to.as_str().parse::<Pid>() {
        Ok(to) => cx.tell_tagged(&to, message, &tags),
        Err(why) => warn!(%why, message = M::full_name(), "message without an address dropped"),
    }
}

fn watch(cx: &mut Context<AgentActor>, pid: &CorePid) {
    match pid.as_str().parse::<Pid>() {
        Ok(pid) => cx.watch(&pid),
        Err(why) => warn!(%why, "address cannot be watched"),
    }
}

/// The values stand behind the sentence as `name=value`: fields of a fact are not known when this is compiled, as
/// tracing's own would have to be.
fn log(fact: &Fact) {
    match fact.level {
        Level::Error => error!("{fact}"),
        Level::Warn => warn!("{fact}"),
        Level::Info => info!("{fact}"),
        Level::Debug => debug!("{fact}"),
    }
}
