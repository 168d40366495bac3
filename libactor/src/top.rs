//! What the actors of a node are busy with, and who waits for whom: plain data, for whoever shows it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::pid::Pid;

/// A ring of actors that wait for each other is reported at once if all of them handle nothing meanwhile, and after this long if some
/// do: those might be about to answer.
const SETTLED: Duration = Duration::from_millis(500);

/// One look at a node. See [`Node::top`](crate::Node::top).
#[derive(Clone, Debug)]
pub struct Top {
    /// The node.
    pub node: SocketAddr,
    /// Its actors, by name.
    pub actors: Vec<Load>,
    /// The questions of its actors, and to them, that are not answered yet. One between two nodes is known to both.
    pub waits: Vec<Wait>,
    /// Rings among them, found here. Those across nodes are found by [`cycles`] of the waits of all.
    pub cycles: Vec<Vec<Pid>>,
}

/// One actor. Times and shares come from looks a quarter of a second apart, so that messages need not read the clock.
#[derive(Clone, Debug)]
pub struct Load {
    /// Who it is.
    pub actor: Pid,
    /// Messages in its mailbox.
    pub depth: u64,
    /// How long the first of them has been waiting, at least.
    pub age: Duration,
    /// Messages it has begun to handle since it was spawned.
    pub handled: u64,
    /// Messages per second, over the last second or more.
    pub rate: f64,
    /// In which share of the last looks, 64 at most, it was at work: 0 to 1.
    pub busy: f64,
    /// The name of the message that is being handled; `started`, `then`, `exited` and `stopped` for its other steps.
    pub handling: Option<&'static str>,
    /// For how long, at least.
    pub handling_for: Duration,
    /// In the same handler for a second or longer.
    pub stuck: bool,
}

/// A question that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who asked.
    pub from: Pid,
    /// Who was asked.
    pub to: Pid,
    /// What.
    pub message: Cow<'static, str>,
    /// How long ago.
    pub waited: Duration,
    /// The asker handles nothing else until it is answered. Known to the asker's node.
    pub blocks: bool,
    /// The asked has taken the question and answers later. Known to the asked one's node.
    pub deferred: bool,
}

/// The rings of actors that never get their answers: each waits for the next. A ring begins with the pid that sorts first.
///
/// The same question as two nodes know it counts as one. Actors that could still answer, because they do not wait and have not taken
/// the question, make no ring.
pub fn cycles(waits: &[Wait]) -> Vec<Vec<Pid>> {
    let questions = united(waits);
    let mut by_asker: BTreeMap<&Pid, Vec<&Wait>> = BTreeMap::new();
    for wait in questions.iter().filter(|wait| wait.blocks || wait.waited >= SETTLED) {
        by_asker.entry(&wait.from).or_default().push(wait);
    }
    let mut search =
        Search { by_asker: &by_asker, path: Vec::new(), done: BTreeSet::new(), found: BTreeSet::new() };
    for first in by_asker.values().flatten() {
        search.follow(first);
    }
    search.found.into_iter().collect()
}

/// Each question once, with what every node that told of it knows.
pub(crate) fn united(waits: &[Wait]) -> Vec<Wait> {
    let mut questions: BTreeMap<(&Pid, &Pid, &str), Wait> = BTreeMap::new();
    for wait in waits {
        let known = questions.entry((&wait.from, &wait.to, &wait.message)).or_insert_with(|| wait.clone());
        known.blocks |= wait.blocks;
        known.deferred |= wait.deferred;
        known.waited = known.waited.max(wait.waited);
    }
    questions.into_values().collect()
}

/// A walk along the questions; each is walked once.
struct Search<'a> {
    by_asker: &'a BTreeMap<&'a Pid, Vec<&'a Wait>>,
    path: Vec<&'a Wait>,
    done: BTreeSet<(&'a Pid, &'a Pid, &'a str)>,
    found: BTreeSet<Vec<Pid>>,
}

impl<'a> Search<'a> {
    fn follow(&mut self, first: &'a Wait) {
        // A stack of its own: chains may be longer than that of a thread.
        let mut steps = vec![(first, 0)];
        while let Some((wait, next)) = steps.pop() {
            if next == 0 {
                if !self.done.insert((&wait.from, &wait.to, &wait.message)) {
                    continue;
                }
                self.path.push(wait);
            }
            let after = self.by_asker.get(&wait.to).map_or(&[][..], Vec::as_slice);
            let Some(&candidate) = after.get(next) else {
                self.path.pop();
                continue;
            };
            steps.push((wait, next + 1));
            // The asked cannot answer before the next question is answered.
            if !(candidate.blocks || wait.deferred) {
                continue;
            }
            match self.path.iter().position(|earlier| std::ptr::eq(*earlier, candidate)) {
                Some(start) => self.report(start),
                None => steps.push((candidate, 0)),
            }
        }
    }

    fn report(&mut self, start: usize) {
        let mut ring: Vec<Pid> = self.path[start..].iter().map(|wait| wait.from.clone()).collect();
        let first = (0..ring.len()).min_by_key(|position| &ring[*position]).unwrap_or(0);
        ring.rotate_left(first);
        self.found.insert(ring);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(name: &str) -> Pid {
        format!("{name}@127.0.0.1:1").parse().unwrap()
    }

    fn wait(from: &str, to: &str, blocks: bool, deferred: bool) -> Wait {
        let waited = Duration::from_secs(1);
        Wait { from: pid(from), to: pid(to), message: "Ask".into(), waited, blocks, deferred }
    }

    #[test]
    fn a_long_chain_is_no_ring() {
        let name = |number: u32| format!("a{number}");
        let chain: Vec<Wait> =
            (0..10_000).map(|number| wait(&name(number), &name(number + 1), true, true)).collect();

        assert!(cycles(&chain).is_empty());
    }

    #[test]
    fn two_that_wait_for_each_other_are_one_ring_however_often_it_is_seen() {
        let waits = [wait("b", "a", true, false), wait("a", "b", true, false), wait("c", "a", true, false)];

        assert_eq!(cycles(&waits), [[pid("a"), pid("b")]]);
        assert_eq!(cycles(&[&waits[..], &waits[..]].concat()), [[pid("a"), pid("b")]]);
    }

    #[test]
    fn one_that_asks_itself_and_waits_is_a_ring() {
        assert_eq!(cycles(&[wait("a", "a", true, false)]), [[pid("a")]]);
    }

    #[test]
    fn what_two_nodes_know_of_a_question_makes_one() {
        let known_to_askers = [wait("a", "b", false, false), wait("b", "a", false, false)];
        let known_to_asked = [wait("a", "b", false, true), wait("b", "a", false, true)];

        assert!(cycles(&known_to_askers).is_empty());
        assert_eq!(cycles(&[known_to_askers, known_to_asked].concat()), [[pid("a"), pid("b")]]);
    }

    #[test]
    fn who_still_can_answer_breaks_the_ring() {
        let waits = [wait("a", "b", true, false), wait("b", "a", false, false)];

        assert!(cycles(&waits).is_empty());
    }
}
