//! Performs what the core asks for: one match, one line for each.

use libactor::{Context, Pid};
use prost::Name;
use tepui_agent_core::{Effect, Fact, Input, Level, Peer, Pid as CorePid, ToMaster};
use tepui_proto::v1;
use tracing::{debug, error, info, warn};

use crate::actor::{AgentActor, Happened};

impl AgentActor {
    pub(crate) fn perform(&mut self, cx: &mut Context<Self>, effect: Effect) {
        match effect {
            Effect::Master { to, message } => tell_master(cx, &to, message),
            Effect::Event { to, event } => self.send_event(cx, &to, &event),
            Effect::Close(peer) => self.close(&peer),
            Effect::Reply { request, reply } => drop(self.replies.insert(request, reply)),
            Effect::Checkpoint { ticket, writes } => {
                let me = cx.actor_ref();
                let answer =
                    move |ticket, outcome| me.tell(Happened(Input::Checkpointed { ticket, outcome }));
                self.writer.write(ticket, writes, answer);
            }
            Effect::RecoverContainers(runs) => self.recover_containers(cx, runs),
            Effect::Launch(launch) => self.launch_container(cx, *launch),
            Effect::Update { container, resources } => self.update_container(cx, container, &resources),
            Effect::Destroy(container) => self.destroy_container(cx, &container),
            Effect::Arm { timer, after } => drop(cx.after(after, Happened(Input::TimerDue(timer)))),
            Effect::Watch(pid) => watch(cx, &pid),
            Effect::Collect(run) => self.world.collect(run),
            Effect::Log(fact) => log(&fact),
            Effect::Terminate { why } => drop(self.ended.send_replace(Some(why))),
        }
    }

    /// An executor that does not read loses its stream, not our memory.
    pub(crate) fn send_event(&mut self, cx: &mut Context<Self>, to: &Peer, event: &v1::executor::Event) {
        match to {
            Peer::Actor(pid) => tell(cx, pid, event.clone()),
            Peer::Http(connection) => {
                let Some(stream) = self.streams.get(connection) else { return };
                if !stream.send(event) {
                    warn!(%connection, "executor does not read its events; stream closed");
                    self.streams.remove(connection);
                    cx.actor_ref().tell(Happened(Input::ExecutorGone(to.clone())));
                }
            }
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
        ToMaster::Pong(message) => tell(cx, to, message),
    }
}

fn tell<M: Name + Default + 'static>(cx: &mut Context<AgentActor>, to: &CorePid, message: M) {
    match to.as_str().parse::<Pid>() {
        Ok(to) => cx.tell(&to, message),
        Err(why) => warn!(%why, message = M::full_name(), "message without an address dropped"),
    }
}

fn watch(cx: &mut Context<AgentActor>, pid: &CorePid) {
    match pid.as_str().parse::<Pid>() {
        Ok(pid) => cx.watch(&pid),
        Err(why) => warn!(%why, "address cannot be watched"),
    }
}

fn log(fact: &Fact) {
    let what = fact.what;
    let fields: String = fact.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    match fact.level {
        Level::Error => error!("{what}{fields}"),
        Level::Warn => warn!("{what}{fields}"),
        Level::Info => info!("{what}{fields}"),
        Level::Debug => debug!("{what}{fields}"),
    }
}
