//! Finds actors that wait for each other, soon after they began to.
//!
//! Somebody looks only while a question is held: asked by an actor that waits, or taken by one that answers later.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures::future::BoxFuture;

use crate::counters;
use crate::limits::LOOK_EVERY;
use crate::node::Node;
use crate::observer;
use crate::pid::Pid;
use crate::top::{Wait, cycles};
use crate::waits::{End, Known};

/// A question is held from now on: somebody is to look, on the node's clock.
pub(crate) fn look_out(node: &Node) {
    let questions = &node.inner().questions;
    if questions.is_watched.swap(true, Ordering::AcqRel) {
        return;
    }
    // The first pause begins now, and not when the task runs.
    let pause = node.clock().sleep(LOOK_EVERY);
    let ours = node.clone();
    if node.clock().is_virtual() {
        // Here, where whoever moves the clock sees to it that the look is done.
        actix_rt::spawn(watch(ours, Box::pin(pause)));
    } else {
        // Elsewhere, in case this thread is what hangs.
        node.inner().transport.run(move || watch(ours, Box::pin(pause)));
    }
}

async fn watch(node: Node, mut pause: BoxFuture<'static, ()>) {
    let closing = node.inner().transport.closing();
    let mut known: BTreeSet<Vec<Pid>> = BTreeSet::new();
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = pause => {}
        }
        let waits = waits(&node);
        let found: BTreeSet<Vec<Pid>> = cycles(&waits).into_iter().collect();
        for ring in found.difference(&known) {
            tracing::error!(?ring, "actors wait for each other: none of them will be answered");
            counters::count(counters::WAIT_CYCLES);
        }
        known = found;
        if !waits.iter().any(is_held) && !goes_on(&node) {
            return;
        }
        pause = Box::pin(node.clock().sleep(LOOK_EVERY));
    }
}

/// Nothing was held at the last look. True if something is now, whose asker relied on this one to look.
fn goes_on(node: &Node) -> bool {
    let questions = &node.inner().questions;
    questions.is_watched.store(false, Ordering::Release);
    let missed = questions.all().iter().any(|known| known.blocks || known.is_deferred);
    missed && !questions.is_watched.swap(true, Ordering::AcqRel)
}

fn is_held(wait: &Wait) -> bool {
    wait.blocks || wait.deferred
}

/// Every open question that this node knows of.
pub(crate) fn waits(node: &Node) -> Vec<Wait> {
    let questions = node.inner().questions.all();
    if questions.is_empty() {
        return Vec::new();
    }
    let (pids, now) = (observer::pids(node), node.clock().now());
    let wait = |known: Known| {
        let from = match known.asker {
            End::Here(serial) => pids.get(&serial)?.clone(),
            End::Pid(pid) => pid,
        };
        Some(Wait {
            from,
            to: known.asked,
            message: known.message,
            waited: now.since(known.since),
            blocks: known.blocks,
            deferred: known.is_deferred,
        })
    };
    // Who has ended asks no more, though its question may still wait somewhere.
    questions.into_iter().filter_map(wait).collect()
}
