//! Who looks at all actors now and then, and remembers what it takes to say since when something is so.
//!
//! Actors show two words and pay nothing for it; what needs a clock is dated here, at each look.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::deadlocks;
use crate::limits::{LOOK_EVERY, STUCK_AFTER};
use crate::node::{Inner, Node};
use crate::pid::Pid;
use crate::registry::Look;
use crate::time::Timestamp;
use crate::top::{Load, Top, cycles};

/// Looks that are remembered of one mailbox that is not empty.
const REMEMBERED: usize = 64;

/// A look at all actors may take one part in so many of the time.
const SHARE: u32 = 50;

/// For each mailbox that is not empty, how many messages had been told at the last looks.
#[derive(Default)]
pub(crate) struct Observer(Mutex<HashMap<u64, VecDeque<(Timestamp, u64)>>>);

impl Node {
    /// What the actors of this node are busy with, which of them are stuck, and who waits for whom.
    ///
    /// What needs two looks to be known, such as rates, is there after a second. With a virtual clock nobody looks but this call.
    pub fn top(&self) -> Top {
        let mut actors = self.inner().observer.look(self);
        actors.sort_by(|a, b| a.actor.cmp(&b.actor));
        let waits = deadlocks::waits(self);
        let cycles = cycles(&waits);
        Top { node: self.address(), actors, waits, cycles }
    }
}

/// Looks at the actors of a node until it is shut down.
pub(crate) async fn run(node: Weak<Inner>) {
    let Some(closing) = node.upgrade().map(|inner| inner.transport.closing()) else { return };
    let mut pause = LOOK_EVERY;
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Some(inner) = node.upgrade() else { return };
        let node = Node::of(inner);
        let began = Instant::now();
        node.inner().observer.look(&node);
        pause = LOOK_EVERY.max(began.elapsed() * SHARE);
    }
}

impl Observer {
    fn look(&self, node: &Node) -> Vec<Load> {
        let now = node.clock().now();
        let looks = node.inner().registry.looks(now);
        let mut mailboxes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut loads = Vec::with_capacity(looks.len());
        let mut waiting = HashMap::new();
        for look in looks {
            let depth = look.told.saturating_sub(look.taken);
            let age = if depth == 0 {
                Duration::ZERO
            } else {
                let mut told = mailboxes.remove(&look.serial).unwrap_or_default();
                let age = age(&mut told, now, &look);
                waiting.insert(look.serial, told);
                age
            };
            loads.push(load(look, depth, age));
        }
        // Mailboxes that were emptied, and actors that ended, are forgotten.
        *mailboxes = waiting;
        loads
    }
}

/// How long ago the first look was that saw the message which is first now.
fn age(told: &mut VecDeque<(Timestamp, u64)>, now: Timestamp, look: &Look) -> Duration {
    while told.front().is_some_and(|(_, told)| *told <= look.taken) {
        told.pop_front();
    }
    if told.back().is_none_or(|(_, told)| *told < look.told) {
        if told.len() >= REMEMBERED {
            // Every second one: what waits for long needs no sharp date.
            let mut odd = false;
            told.retain(|_| {
                odd = !odd;
                odd
            });
        }
        told.push_back((now, look.told));
    }
    told.front().map_or(Duration::ZERO, |(seen, _)| now.since(*seen))
}

fn load(look: Look, depth: u64, age: Duration) -> Load {
    let handling_for = if look.handling.is_some() { look.unchanged } else { Duration::ZERO };
    Load {
        actor: look.pid,
        depth,
        age,
        handled: look.taken,
        rate: look.rate,
        busy: look.busy,
        handling: look.handling,
        handling_for,
        stuck: handling_for >= STUCK_AFTER,
    }
}

/// The names by which the askers of a node's questions are known.
pub(crate) fn pids(node: &Node) -> HashMap<u64, Pid> {
    node.inner().registry.pids().into_iter().collect()
}
