//! Which message told of what: for clients whose answers name what they answer, but carry no trace.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::Cause;

/// The last things that messages told of, by name. The oldest are forgotten first.
#[derive(Debug)]
pub struct Causes<K> {
    limit: usize,
    known: HashMap<K, Cause>,
    /// In the order of being noted first.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash> Causes<K> {
    /// Remembers so many things.
    pub fn new(limit: usize) -> Causes<K> {
        Causes { limit, known: HashMap::new(), order: VecDeque::new() }
    }

    /// `cause` told of `key`, later than any message noted before.
    pub fn note(&mut self, key: K, cause: Cause) {
        if self.known.insert(key.clone(), cause).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// The last message that told of `key`.
    pub fn find(&self, key: &K) -> Option<Cause> {
        self.known.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{MessageId, TraceId};

    #[test]
    fn the_last_message_counts_and_the_oldest_things_are_forgotten() {
        let cause = |id| Cause { trace: TraceId(1), message: MessageId(id) };
        let mut causes = Causes::new(2);

        causes.note("a", cause(1));
        causes.note("b", cause(2));
        causes.note("b", cause(3));
        causes.note("c", cause(4));

        assert_eq!(["a", "b", "c"].map(|key| causes.find(&key)), [None, Some(cause(3)), Some(cause(4))]);
    }
}
