//! The network: one link between the master and each agent and each scheduler's process.
//!
//! A link carries one connection after another. What is sent on a connection arrives in order and late, or is lost with
//! it. A cut link delays everything until it is whole again, unless its connection gives up first.

use std::sync::Arc;

use tepui_agent_core::MasterMessage;
use tepui_master_core::{Answer, Connection, FromAgent, Input};
use tepui_model::Time;
use tepui_proto::v1;

use crate::event::Event;
use crate::names;
use crate::world::World;

/// Names a link.
pub(crate) type LinkId = u64;

/// The two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Master = 0,
    Peer = 1,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Agent(usize),
    /// A framework's `process`-th scheduler, reached as an actor or over HTTP.
    Scheduler {
        framework: usize,
        process: u64,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    pub end: End,
    /// The current connection.
    connection: u64,
    /// The oldest connection whose packets still arrive, by side.
    oldest: [u64; 2],
    /// The connection at which the process at a side began: what was lost before is no news to it.
    born: [u64; 2],
    /// When the last packet arrives, by side.
    last: [Time; 2],
    /// Whether a side wants to hear that the connection is lost.
    pub watched: [bool; 2],
    cut: Option<Cut>,
    cuts: u64,
    /// The event stream that the master has open here.
    pub stream: Option<Connection>,
}

#[derive(Debug)]
struct Cut {
    number: u64,
    /// Waiting for the link to be whole; `None` once the connection gave up.
    held: Option<Vec<(Side, Packet)>>,
}

/// What travels.
#[derive(Debug)]
pub(crate) enum Packet {
    FromAgent(FromAgent),
    ToAgent(MasterMessage),
    Call {
        call: Box<v1::scheduler::Call>,
        stream_id: Option<String>,
    },
    /// The stream of a SUBSCRIBE is open.
    Opened {
        stream_id: String,
    },
    Event(Arc<v1::scheduler::Event>),
    Answer(Answer),
    /// The stream has ended.
    End,
    /// The connection is lost.
    Loss,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Master => Side::Peer,
            Side::Peer => Side::Master,
        }
    }
}

impl Link {
    pub fn new(end: End) -> Link {
        Link {
            end,
            connection: 0,
            oldest: [0; 2],
            born: [0; 2],
            last: [Time::ZERO; 2],
            watched: [false; 2],
            cut: None,
            cuts: 0,
            stream: None,
        }
    }

    fn is_dead(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.held.is_none())
    }
}

impl World {
    /// Sends a packet to a side of a link.
    pub(crate) fn send(&mut self, id: LinkId, to: Side, packet: Packet) {
        if !self.is_there(id, to) {
            return self.counters.add("packets to nobody");
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        match &mut link.cut {
            Some(Cut { held: Some(held), .. }) => held.push((to, packet)),
            Some(Cut { held: None, .. }) => self.counters.add("packets lost"),
            None => self.transmit(id, to, packet),
        }
    }

    fn transmit(&mut self, id: LinkId, to: Side, packet: Packet) {
        let late = self.chance.per_mille(5);
        let latency = if late { self.chance.millis(10..400) } else { self.chance.micros(100..3000) };
        let Some(link) = self.links.get_mut(&id) else { return };
        let at = link.last[to as usize].max(self.now + latency);
        link.last[to as usize] = at;
        let connection = link.connection;
        self.queue.push(at, Event::Arrives { link: id, to, connection, packet });
    }

    fn is_there(&self, id: LinkId, side: Side) -> bool {
        match (side, self.links.get(&id).map(|link| link.end)) {
            (_, None) => false,
            (Side::Master, Some(_)) => self.master.core.is_some(),
            (Side::Peer, Some(End::Agent(agent))) => self.machines[agent].core.is_some(),
            (Side::Peer, Some(End::Scheduler { .. })) => true,
        }
    }

    /// A side wants to hear when the connection is lost. Without a connection it hears so soon.
    pub(crate) fn watch(&mut self, id: LinkId, side: Side) {
        let there = self.is_there(id, side.other());
        let Some(link) = self.links.get_mut(&id) else { return };
        link.watched[side as usize] = true;
        if link.is_dead() || !there {
            self.tell_loss(id, side);
        }
    }

    fn tell_loss(&mut self, id: LinkId, side: Side) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if std::mem::take(&mut link.watched[side as usize]) {
            self.transmit(id, side, Packet::Loss);
        }
    }

    /// The connection breaks, with all that is under way on it.
    pub(crate) fn break_connection(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.connection += 1;
        link.oldest = [link.connection; 2];
        if let Some(cut) = &mut link.cut {
            cut.held = None;
        }
        self.tell_loss(id, Side::Master);
        self.tell_loss(id, Side::Peer);
    }

    /// The process at a side has ended. What it said before still arrives, and then the news of its end.
    pub(crate) fn side_died(&mut self, id: LinkId, side: Side) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.connection += 1;
        link.oldest[side as usize] = link.connection;
        link.born[side as usize] = link.connection;
        link.watched[side as usize] = false;
        match &mut link.cut {
            // Nobody can tell; it shows when the link is whole again.
            Some(cut) => cut.held = None,
            None => self.tell_loss(id, side.other()),
        }
    }

    /// Cuts a link. Its connection lasts for `patience`; if the link is whole again by then, it goes on.
    pub(crate) fn cut(&mut self, id: LinkId, length: std::time::Duration, patience: std::time::Duration) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.cut.is_some() {
            return;
        }
        link.cuts += 1;
        link.cut = Some(Cut { number: link.cuts, held: Some(Vec::new()) });
        let cut = link.cuts;
        self.counters.add("partitions");
        self.queue.push(self.now + patience, Event::CutBreaks { link: id, cut });
        self.queue.push(self.now + length, Event::CutHeals { link: id, cut });
    }

    pub(crate) fn cut_breaks(&mut self, id: LinkId, number: u64) {
        let Some(link) = self.links.get(&id) else { return };
        let gives_up = link.cut.as_ref().is_some_and(|cut| cut.number == number && cut.held.is_some());
        if gives_up {
            self.transcript.note(self.now, "network", format_args!("link {id} gives up"));
            self.break_connection(id);
        }
    }

    pub(crate) fn cut_heals(&mut self, id: LinkId, number: u64) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(cut) = link.cut.take_if(|cut| cut.number == number) else { return };
        self.transcript.note(self.now, "network", format_args!("link {id} is whole"));
        match cut.held {
            Some(held) => held.into_iter().for_each(|(to, packet)| self.transmit(id, to, packet)),
            None => {
                self.tell_loss(id, Side::Master);
                self.tell_loss(id, Side::Peer);
            }
        }
    }

    pub(crate) fn arrives(&mut self, id: LinkId, to: Side, connection: u64, packet: Packet) {
        let Some(link) = self.links.get(&id) else { return };
        let oldest = if matches!(packet, Packet::Loss) { &link.born } else { &link.oldest };
        if connection < oldest[to as usize] {
            return self.counters.add("packets lost");
        }
        match (link.end, to) {
            (End::Agent(agent), Side::Master) => self.agent_reaches_master(agent, packet),
            (End::Agent(agent), Side::Peer) => self.master_reaches_agent(agent, packet),
            (End::Scheduler { framework, process }, Side::Master) => {
                self.scheduler_reaches_master(id, framework, process, packet);
            }
            (End::Scheduler { framework, process }, Side::Peer) => {
                if self.schedulers[framework].process == process {
                    self.scheduler_hears(framework, packet);
                }
            }
        }
    }

    fn agent_reaches_master(&mut self, agent: usize, packet: Packet) {
        let from = tepui_master_core::Pid::new(names::agent(agent));
        match packet {
            Packet::FromAgent(message) => self.step_master(Input::Agent { from, message }),
            Packet::Loss => self.step_master(Input::Exited(from)),
            other => unreachable!("an agent does not send {other:?}"),
        }
    }

    fn master_reaches_agent(&mut self, agent: usize, packet: Packet) {
        use tepui_agent_core::{Input, Pid};
        let from = Pid::new(names::MASTER);
        match packet {
            Packet::ToAgent(message) => self.step_agent(agent, Input::Master { from, message }),
            Packet::Loss => self.step_agent(agent, Input::MasterExited(from)),
            other => unreachable!("a master does not send {other:?} to agents"),
        }
    }
}
