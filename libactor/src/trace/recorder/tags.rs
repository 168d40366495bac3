//! What messages are about, in the words of those who handled them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::texts::Texts;
use crate::limits::TAG_BYTES;
use crate::trace::{MessageId, TraceId};

/// Tags that are looked at, or copied, before others get their turn at the lock.
const PIECE: u64 = 1024;

/// A message is tagged by its handler: the same tag again is among the last ones.
const RECENT: usize = 64;

pub(super) struct Tags(Mutex<State>);

struct State {
    entries: VecDeque<Tag>,
    // The number of the first entry.
    first: u64,
    pairs: Texts,
}

#[derive(Clone, Copy)]
struct Tag {
    message: MessageId,
    trace: TraceId,
    pair: u64,
}

impl Tags {
    pub(super) fn new(room: usize) -> Tags {
        // About as much for the tags as for their texts, of which many messages share one.
        let entries = VecDeque::with_capacity(room / 2 / size_of::<Tag>());
        Tags(Mutex::new(State { entries, first: 0, pairs: Texts::new(room - room / 2) }))
    }

    /// The oldest give way to new ones.
    pub(super) fn add(&self, trace: TraceId, message: MessageId, key: &str, value: &str) {
        let pair = encode(cut(key), cut(value));
        let mut state = self.lock();
        let recent = state.entries.iter().rev().take(RECENT);
        if recent.filter(|tag| tag.message == message).any(|tag| state.pairs.is(tag.pair, &pair)) {
            return;
        }
        if state.entries.len() == state.entries.capacity() {
            state.entries.pop_front();
            state.first += 1;
        }
        let pair = state.pairs.number(&pair);
        state.entries.push_back(Tag { message, trace, pair });
    }

    /// The traces that hold a message of this tag.
    pub(super) fn traces(&self, key: &str, value: &str) -> BTreeSet<TraceId> {
        let pair = encode(cut(key), cut(value));
        let mut found = BTreeSet::new();
        self.visit(|tag, pairs| {
            if pairs.is(tag.pair, &pair) {
                found.insert(tag.trace);
            }
        });
        found
    }

    /// The tags of these messages, each with its oldest first.
    pub(super) fn of(&self, messages: &[MessageId]) -> HashMap<MessageId, Vec<(String, String)>> {
        let mut found: HashMap<_, Vec<_>> = messages.iter().map(|id| (*id, Vec::new())).collect();
        self.visit(|tag, pairs| {
            if let Some(tags) = found.get_mut(&tag.message)
                && let Some(pair) = pairs.get(tag.pair)
            {
                tags.extend(decode(&pair));
            }
        });
        found
    }

    /// What all of it takes when it is full.
    #[cfg(test)]
    pub(super) fn most_bytes(&self) -> usize {
        let state = self.lock();
        state.entries.capacity() * size_of::<Tag>() + state.pairs.most_bytes()
    }

    fn visit(&self, mut see: impl FnMut(&Tag, &Texts)) {
        let mut next = 0;
        loop {
            let state = self.lock();
            let skip = next.max(state.first) - state.first;
            let piece = state.entries.iter().skip(skip as usize).take(PIECE as usize);
            let mut seen = 0;
            for tag in piece {
                see(tag, &state.pairs);
                seen += 1;
            }
            if seen == 0 {
                return;
            }
            next = state.first + skip + seen;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(key: &str, value: &str) -> Vec<u8> {
    let length = (key.len() as u16).to_be_bytes();
    [&length[..], key.as_bytes(), value.as_bytes()].concat()
}

fn decode(pair: &[u8]) -> Option<(String, String)> {
    let (length, pair) = pair.split_first_chunk::<2>()?;
    let (key, value) = pair.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(value).into_owned()))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TAG_BYTES)]
}
