//! How long tasks take to their agents: from their framework's ACCEPT until the agent asks for their container. What comes after is
//! simulated and says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_model::Time;

/// Of tasks that bring no executor of their own.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// Accepted and not begun, by framework and id.
    accepted: BTreeMap<(String, String), Time>,
    began: Vec<Duration>,
}

impl Latencies {
    pub fn accepted(&mut self, framework: String, task: String, now: Time) {
        self.accepted.insert((framework, task), now);
    }

    /// Only the first time counts: an agent that was killed begins again.
    pub fn began(&mut self, framework: String, task: String, now: Time) {
        if let Some(accepted) = self.accepted.remove(&(framework, task)) {
            self.began.push(now.since(accepted));
        }
    }

    /// So many of a thousand took no longer.
    pub fn permille(&self, share: usize) -> Duration {
        let mut sorted = self.began.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * share).div_ceil(1000).saturating_sub(1);
        sorted.get(index).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_launches_the_slowest_but_one_is_the_ninety_ninth() {
        let mut latencies = Latencies::default();
        for number in 1..=100_u64 {
            latencies.accepted("f".into(), number.to_string(), Time::ZERO);
            latencies.began("f".into(), number.to_string(), Time::from_secs(number));
            // It counts once.
            latencies.began("f".into(), number.to_string(), Time::from_secs(1000));
        }

        let seconds = [500, 990, 1000].map(|share| latencies.permille(share).as_secs());

        assert_eq!(seconds, [50, 99, 100]);
        assert_eq!(Latencies::default().permille(990), Duration::ZERO);
    }
}
