//! What will happen, in the order it will: by time, and at the same time in the order it was decided.

use std::collections::BTreeMap;

use tepui_model::Time;

use crate::event::Event;

/// Names an event that has not happened.
pub(crate) type Key = (Time, u64);

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<Key, Event>,
    next: u64,
}

impl Queue {
    pub fn push(&mut self, at: Time, event: Event) -> Key {
        let key = (at, self.next);
        self.next += 1;
        self.events.insert(key, event);
        key
    }

    pub fn remove(&mut self, key: Key) {
        self.events.remove(&key);
    }

    /// The next event, if it is not later than `end`.
    pub fn pop(&mut self, end: Time) -> Option<(Time, Event)> {
        let (key, _) = self.events.first_key_value()?;
        if key.0 > end {
            return None;
        }
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}
