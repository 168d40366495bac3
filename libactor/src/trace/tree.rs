//! What led to a message and what followed from it, out of all that was collected. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::trace::merge::age;
use crate::trace::wire::{Message, Tag};

/// What a tree grows around.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Root {
    Message(u64),
    Tag(Tag),
}

/// The messages of the tree, each behind its cause, otherwise by time.
///
/// It holds the messages asked for, all their causes, and all that follows from them. When a tag was asked for, what carries
/// its key with other values only is about something else: it is left out, with everything beneath it. One message may start
/// twenty tasks, and each has its own tree.
pub(crate) fn tree(messages: Vec<Message>, root: &Root) -> Vec<Message> {
    let places: HashMap<u64, usize> =
        messages.iter().enumerate().map(|(n, message)| (message.id, n)).collect();
    let parent = |n: usize| places.get(&messages[n].cause).copied().filter(|parent| *parent != n);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); messages.len()];
    for n in 0..messages.len() {
        if let Some(parent) = parent(n) {
            children[parent].push(n);
        }
    }
    let asked: Vec<usize> = (0..messages.len()).filter(|n| is_asked_for(&messages[*n], root)).collect();
    let mut kept: HashSet<usize> = HashSet::new();
    let mut open = asked.clone();
    while let Some(n) = open.pop() {
        if kept.insert(n) {
            open.extend(children[n].iter().copied().filter(|child| !is_strange(&messages[*child], root)));
        }
    }
    for n in asked {
        let mut above = parent(n);
        while let Some(cause) = above.filter(|cause| kept.insert(*cause)) {
            above = parent(cause);
        }
    }
    let order = in_causal_order(&messages, &kept, &children, parent);
    let mut messages: Vec<Option<Message>> = messages.into_iter().map(Some).collect();
    let mut hops: Vec<Message> = order.into_iter().filter_map(|n| messages[n].take()).collect();
    count_repeats(&mut hops);
    hops
}

fn is_asked_for(message: &Message, root: &Root) -> bool {
    match root {
        Root::Message(id) => message.id == *id,
        Root::Tag(tag) => message.tags.contains(tag),
    }
}

fn is_strange(message: &Message, root: &Root) -> bool {
    let Root::Tag(wanted) = root else { return false };
    message.tags.iter().any(|tag| tag.key == wanted.key) && !message.tags.contains(wanted)
}

fn in_causal_order(
    messages: &[Message],
    kept: &HashSet<usize>,
    children: &[Vec<usize>],
    parent: impl Fn(usize) -> Option<usize>,
) -> Vec<usize> {
    let mut ready: BinaryHeap<Reverse<((u64, u64), usize)>> = BinaryHeap::new();
    let first = |n: &usize| parent(*n).is_none_or(|parent| !kept.contains(&parent));
    ready.extend(kept.iter().copied().filter(first).map(|n| Reverse((age(&messages[n]), n))));
    let (mut order, mut placed) = (Vec::with_capacity(kept.len()), HashSet::new());
    loop {
        while let Some(Reverse((_, n))) = ready.pop() {
            if placed.insert(n) {
                order.push(n);
                let below = children[n].iter().copied().filter(|child| kept.contains(child));
                ready.extend(below.map(|child| Reverse((age(&messages[child]), child))));
            }
        }
        // Causes that go in a circle are made up, but not by us: it is cut at its oldest message.
        let rest = kept.iter().copied().filter(|n| !placed.contains(n));
        let Some(oldest) = rest.min_by_key(|n| age(&messages[*n])) else { return order };
        ready.push(Reverse((age(&messages[oldest]), oldest)));
    }
}

/// The same message between the same two, for the same cause and about the same, is the same one again.
fn count_repeats(hops: &mut [Message]) {
    let mut seen: HashMap<_, u32> = HashMap::new();
    for hop in hops.iter_mut().filter(|hop| hop.cause != 0) {
        let same = (hop.cause, hop.from.clone(), hop.to.clone(), hop.message.clone(), hop.tags.clone());
        let before = seen.entry(same).or_default();
        hop.repeats = *before;
        *before += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id`, which follows from `cause` and is about these tasks.
    fn message(id: u64, cause: u64, tasks: &[&str]) -> Message {
        let tags = tasks.iter().map(|task| tag(task)).collect();
        let text = format!("m{id}");
        Message { id, cause, logical: id, message: text, tags, ..Message::default() }
    }

    fn tag(task: &str) -> Tag {
        Tag { key: "task".into(), value: task.into() }
    }

    fn ids(messages: Vec<Message>, root: Root) -> Vec<u64> {
        tree(messages, &root).iter().map(|hop| hop.id).collect()
    }

    #[test]
    fn a_message_has_its_causes_before_it_and_what_follows_behind_it() {
        let all = vec![
            message(4, 3, &[]),
            message(3, 1, &[]),
            message(2, 1, &[]),
            message(1, 0, &[]),
            message(5, 4, &[]),
            message(9, 0, &[]),
        ];

        assert_eq!(ids(all.clone(), Root::Message(3)), [1, 3, 4, 5]);
        assert_eq!(ids(all.clone(), Root::Message(1)), [1, 2, 3, 4, 5]);
        assert_eq!(ids(all, Root::Message(7)), [0; 0]);
    }

    #[test]
    fn a_tags_tree_holds_every_hop_and_no_stranger() {
        // One message launches two tasks, each is run by another, which is answered and acknowledged.
        let all = vec![
            message(1, 0, &[]),
            message(2, 1, &["t1", "t2"]),
            message(3, 2, &["t1"]),
            message(4, 2, &["t2"]),
            message(5, 3, &[]),
            message(6, 4, &[]),
            message(7, 4, &["t1"]),
            message(8, 2, &[]),
            message(9, 0, &["t1"]),
        ];

        // 7 is of t1 though a message of t2 led to it; that one stands as its cause, without what else follows from it.
        assert_eq!(ids(all.clone(), Root::Tag(tag("t1"))), [1, 2, 3, 4, 5, 7, 8, 9]);
        assert_eq!(ids(all, Root::Tag(tag("t2"))), [1, 2, 4, 6, 8]);
    }

    #[test]
    fn a_cause_comes_first_though_clocks_differ() {
        let late = Message { logical: 100, ..message(1, 0, &[]) };

        assert_eq!(ids(vec![message(2, 1, &[]), late, message(3, 2, &[])], Root::Message(2)), [1, 2, 3]);
    }

    #[test]
    fn a_hop_whose_cause_is_forgotten_is_still_shown() {
        assert_eq!(ids(vec![message(5, 4, &["t1"])], Root::Tag(tag("t1"))), [5]);
    }

    #[test]
    fn what_is_sent_again_for_the_same_cause_is_a_repetition() {
        let again = |id| Message { message: "update".into(), ..message(id, 1, &["t1"]) };
        let other = Message { tags: vec![tag("t2")], ..again(5) };

        let hops = tree(vec![message(1, 0, &[]), again(2), again(3), again(4), other], &Root::Message(1));

        let repeats: Vec<u32> = hops.iter().map(|hop| hop.repeats).collect();
        assert_eq!(repeats, [0, 0, 1, 2, 0]);
    }

    #[test]
    fn causes_in_a_circle_end() {
        let circle = vec![message(1, 3, &[]), message(2, 1, &[]), message(3, 2, &[]), message(4, 4, &[])];

        assert_eq!(ids(circle.clone(), Root::Message(2)), [1, 2, 3]);
        assert_eq!(ids(circle, Root::Message(4)), [4]);
    }
}
