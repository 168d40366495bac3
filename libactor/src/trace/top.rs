//! What the actors of many nodes are busy with, and the rings of those that wait for each other across nodes. Pure.

use std::cmp::Reverse;
use std::time::Duration;

use crate::limits::MOST_WAITS;
use crate::pid::Pid;
use crate::top::{Load, Top, Wait, cycles, united};
use crate::trace::wire::{ActorLoad, OpenQuestion, Report, Ring, TopAnswer};

/// What one node says of itself.
pub(crate) fn of_node(top: Top, limit: usize) -> Report {
    let node = top.node.to_string();
    let mut actors: Vec<ActorLoad> = top.actors.into_iter().map(|load| row(&node, load)).collect();
    let left_out = most_urgent(&mut actors, limit);
    let mut waits: Vec<OpenQuestion> = top.waits.into_iter().map(question).collect();
    oldest(&mut waits);
    Report { actors, waits, left_out, ..Report::default() }
}

/// What all say, with the rings that only all together show.
pub(crate) fn answer(mut report: Report) -> TopAnswer {
    // A question between two nodes is known to both, to each in part.
    let waits = united(&report.waits.iter().filter_map(wait).collect::<Vec<Wait>>());
    let cycles = cycles(&waits);
    report.waits = waits.into_iter().map(question).collect();
    oldest(&mut report.waits);
    let ring = |pids: Vec<Pid>| Ring { actors: pids.iter().map(ToString::to_string).collect() };
    TopAnswer {
        nodes: Some(report.nodes()),
        actors: report.actors,
        waits: report.waits,
        cycles: cycles.into_iter().map(ring).collect(),
        left_out: report.left_out,
    }
}

/// Keeps those that may never be answered.
pub(crate) fn oldest(waits: &mut Vec<OpenQuestion>) {
    waits.sort_by_key(|wait| Reverse(wait.waited));
    waits.truncate(MOST_WAITS);
}

/// Keeps those that somebody should look at first; how many others there were.
pub(crate) fn most_urgent(actors: &mut Vec<ActorLoad>, limit: usize) -> u64 {
    actors.sort_by(|a, b| b.urgency().cmp(&a.urgency()).then_with(|| a.actor.cmp(&b.actor)));
    let left_out = actors.len().saturating_sub(limit);
    actors.truncate(limit);
    left_out as u64
}

impl ActorLoad {
    fn urgency(&self) -> (bool, u64, u64, u64) {
        // A share and a rate order as whole numbers well enough.
        (self.stuck, self.depth, self.age, (self.busy * 1000.0) as u64)
    }
}

fn row(node: &str, load: Load) -> ActorLoad {
    ActorLoad {
        node: node.to_owned(),
        actor: load.actor.to_string(),
        depth: load.depth,
        age: nanos(load.age),
        handled: load.handled,
        rate: load.rate,
        busy: load.busy,
        handling: load.handling.map(str::to_owned),
        handling_for: nanos(load.handling_for),
        stuck: load.stuck,
    }
}

fn question(wait: Wait) -> OpenQuestion {
    OpenQuestion {
        from: wait.from.to_string(),
        to: wait.to.to_string(),
        message: wait.message.into_owned(),
        waited: nanos(wait.waited),
        blocks: wait.blocks,
        deferred: wait.deferred,
    }
}

/// None if another node wrote what is no pid.
fn wait(question: &OpenQuestion) -> Option<Wait> {
    Some(Wait {
        from: question.from.parse().ok()?,
        to: question.to.parse().ok()?,
        message: question.message.clone().into(),
        waited: Duration::from_nanos(question.waited),
        blocks: question.blocks,
        deferred: question.deferred,
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(from: &str, to: &str, blocks: bool, deferred: bool) -> OpenQuestion {
        let pid = |name: &str| format!("{name}@127.0.0.1:{}", name.len());
        OpenQuestion {
            from: pid(from),
            to: pid(to),
            message: "Ask".into(),
            waited: 1_000_000_000,
            blocks,
            deferred,
        }
    }

    #[test]
    fn a_ring_across_nodes_is_found_by_what_all_of_them_know() {
        let here = [question("a", "bb", true, false), question("bb", "a", false, false)];
        let there = [question("bb", "a", true, false), question("a", "bb", false, false)];
        let report = Report { waits: [here, there].concat(), ..Report::default() };

        let answer = answer(report);

        assert_eq!(answer.cycles, [Ring { actors: vec!["a@127.0.0.1:1".into(), "bb@127.0.0.1:2".into()] }]);
        let known: Vec<_> = answer.waits.iter().map(|wait| (&*wait.from, wait.blocks)).collect();
        assert_eq!(known, [("a@127.0.0.1:1", true), ("bb@127.0.0.1:2", true)]);
    }

    #[test]
    fn the_stuck_and_the_flooded_come_first_and_others_are_left_out() {
        let actor =
            |name: &str, depth, stuck| ActorLoad { actor: name.into(), depth, stuck, ..ActorLoad::default() };
        let mut actors = vec![actor("idle", 0, false), actor("stuck", 0, true), actor("flooded", 9, false)];

        let left_out = most_urgent(&mut actors, 2);

        let names: Vec<&str> = actors.iter().map(|actor| actor.actor.as_str()).collect();
        assert_eq!((names, left_out), (vec!["stuck", "flooded"], 1));
    }
}
