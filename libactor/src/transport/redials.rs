//! How long to wait before a node is dialled again whose connection failed: longer with each failure in a row, with jitter, and
//! not at all once it is heard of.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::{REDIAL_FIRST, REDIAL_LAST, REDIALS};

/// The failures in a row of each address.
#[derive(Default)]
pub(crate) struct Redials(Mutex<HashMap<SocketAddr, Failing>>);

struct Failing {
    in_a_row: u32,
    until: Instant,
    heard_of: Arc<Notify>,
}

impl Redials {
    /// Until it is time to dial.
    pub(crate) async fn wait(&self, address: SocketAddr) {
        let Some((until, heard_of)) =
            self.failing().get(&address).map(|failing| (failing.until, failing.heard_of.clone()))
        else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = heard_of.notified() => {}
        }
    }

    /// A connection ended after so long; zero if there was none. One that was worth while starts over.
    pub(crate) fn ended(&self, address: SocketAddr, after: Duration) {
        let now = Instant::now();
        let mut failing = self.failing();
        if after >= REDIAL_LAST {
            failing.remove(&address);
            return;
        }
        if failing.len() >= REDIALS {
            failing.retain(|_, other| other.until > now);
        }
        let earlier = failing.get(&address).map_or(0, |earlier| earlier.in_a_row);
        let until = now + pause(earlier, crate::trace::random());
        failing.insert(
            address,
            Failing { in_a_row: earlier.saturating_add(1), until, heard_of: Arc::default() },
        );
    }

    /// The node is there: it dialled this one.
    pub(crate) fn worked(&self, address: SocketAddr) {
        if let Some(failing) = self.failing().remove(&address) {
            failing.heard_of.notify_waiters();
        }
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<SocketAddr, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between half of the doubled first wait and all of it, so that those who lost the same node do not come back together.
fn pause(earlier: u32, random: u64) -> Duration {
    let whole = REDIAL_FIRST.saturating_mul(1 << earlier.min(16)).min(REDIAL_LAST);
    let half = whole / 2;
    half + half.mul_f64((random % 1024) as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_last_and_is_spread_over_its_half() {
        for (earlier, whole) in
            [(0, REDIAL_FIRST), (1, REDIAL_FIRST * 2), (3, REDIAL_FIRST * 8), (40, REDIAL_LAST)]
        {
            assert_eq!(pause(earlier, 0), whole / 2);
            assert!(pause(earlier, 1023) > whole * 9 / 10 && pause(earlier, 1023) < whole);
        }
    }

    #[test]
    fn a_node_that_is_heard_of_is_dialled_at_once() {
        crate::run(async {
            let redials = Redials::default();
            let address = "127.0.0.1:1".parse().unwrap();
            for _ in 0..30 {
                redials.ended(address, Duration::ZERO);
            }
            let since = std::time::Instant::now();

            futures::future::join(redials.wait(address), async { redials.worked(address) }).await;
            redials.wait(address).await;

            assert!(since.elapsed() < REDIAL_LAST / 4);
        });
    }
}
