//! Which addresses speak the libprocess wire: those declared, and those heard speaking it.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::LIBPROCESS_SPEAKERS;

#[derive(Default)]
pub(crate) struct Speakers {
    // False for ever in a cluster of our own nodes, where every message asks.
    any: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    declared: HashSet<SocketAddr>,
    heard: HashSet<SocketAddr>,
    // Those heard, oldest first; also some that were forgotten since.
    order: VecDeque<SocketAddr>,
}

impl Speakers {
    pub(crate) fn declare(&self, address: SocketAddr) {
        self.known().declared.insert(address);
        self.any.store(true, Ordering::Release);
    }

    /// A message came from there. When there are too many, the one heard first is forgotten: of those that are not `linked`, because
    /// anybody can name an address.
    pub(crate) fn hear(&self, address: SocketAddr, linked: impl Fn(SocketAddr) -> bool) {
        let mut known = self.known();
        if !known.heard.insert(address) {
            return;
        }
        self.any.store(true, Ordering::Release);
        known.order.push_back(address);
        while known.order.len() > LIBPROCESS_SPEAKERS {
            let place = known.order.iter().position(|known| !linked(*known)).unwrap_or_default();
            let oldest = known.order.remove(place);
            oldest.map(|oldest| known.heard.remove(&oldest));
        }
    }

    /// One of our nodes is there.
    pub(crate) fn forget(&self, address: SocketAddr) {
        let mut known = self.known();
        if known.heard.remove(&address) {
            known.order.retain(|other| *other != address);
        }
    }

    pub(crate) fn contains(&self, address: SocketAddr) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let known = self.known();
        known.declared.contains(&address) || known.heard.contains(&address)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_heard_first_are_forgotten_and_those_declared_never() {
        let address = |number: usize| {
            let [high, low] = u16::try_from(number % 65_536).unwrap().to_be_bytes();
            SocketAddr::from(([10, u8::try_from(number / 65_536).unwrap(), high, low], 5050))
        };
        let speakers = Speakers::default();
        speakers.declare(address(0));

        for number in 0..=LIBPROCESS_SPEAKERS {
            speakers.hear(address(number), |_| false);
        }

        assert!(speakers.contains(address(0)) && speakers.contains(address(LIBPROCESS_SPEAKERS)));
        speakers.hear(address(LIBPROCESS_SPEAKERS + 1), |_| false);
        assert!(!speakers.contains(address(1)) && speakers.contains(address(2)));
        speakers.forget(address(2));
        assert!(!speakers.contains(address(2)));
        speakers.hear(address(2), |_| false);
        speakers.hear(address(LIBPROCESS_SPEAKERS + 2), |linked| linked == address(3));
        assert!(speakers.contains(address(3)) && !speakers.contains(address(4)));
    }
}
