//! Filters: what a framework refused, it is not offered again for a while.

use std::time::Duration;

use tepui_model::{Resources, Time, duration};

/// How long a refusal lasts that does not say (`Filters.refuse_seconds`).
pub const DEFAULT_REFUSAL: Duration = Duration::from_secs(5);

/// The longest refusal: a year. A framework that wants nothing for longer suppresses or leaves.
pub const LONGEST_REFUSAL: Duration = Duration::from_secs(365 * 24 * 3600);

/// So many refusals are kept per framework, role and agent. More than one matters only if none covers the other, as
/// with ports refused now and memory then; the oldest goes first, which costs its framework an offer to decline.
const MOST_FILTERS: usize = 32;

/// The duration of a refusal from the `refuse_seconds` of a call's filters, if it has filters: negative or impossible
/// numbers are the default, long ones are cut to a year. Zero is no refusal.
pub fn refusal(refuse_seconds: f64) -> Option<Duration> {
    let refused = match duration::from_secs(refuse_seconds) {
        Ok(refused) => refused,
        Err(duration::InvalidDuration::TooLong(_)) => LONGEST_REFUSAL,
        Err(_) => DEFAULT_REFUSAL,
    };
    (!refused.is_zero()).then_some(refused.min(LONGEST_REFUSAL))
}

/// Refusals of one framework in one role on one agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters(Vec<Filter>);

#[derive(Clone, Debug)]
struct Filter {
    /// Not allocated; what is part of this is not offered.
    refused: Resources,
    until: Time,
    /// How many batch runs there were before. A refusal outlives the next batch run; otherwise a short one would
    /// lapse before it was ever consulted.
    batch: u64,
}

impl Filters {
    /// Adds a refusal; those it covers are dropped.
    pub(crate) fn add(&mut self, refused: Resources, until: Time, batch: u64) {
        self.0.retain(|filter| filter.until > until || !refused.contains(&filter.refused));
        if self.0.len() == MOST_FILTERS {
            self.0.remove(0);
        }
        self.0.push(Filter { refused, until, batch });
    }

    /// Until when an offer is part of what was refused, if it is.
    pub(crate) fn cover(&self, offer: &Resources) -> Option<Time> {
        self.0.iter().filter(|filter| filter.refused.contains(offer)).map(|filter| filter.until).max()
    }

    /// When the first of them ends; `None` if there are none.
    pub(crate) fn first_end(&self) -> Option<Time> {
        self.0.iter().map(|filter| filter.until).min()
    }

    /// What is refused at the time of a run.
    #[cfg(test)]
    pub(crate) fn live(&self, now: Time, batch: u64) -> Vec<Resources> {
        let live = self.0.iter().filter(|filter| now <= filter.until || batch <= filter.batch);
        live.map(|filter| filter.refused.clone()).collect()
    }

    /// Drops what has lapsed by the time of a run; says whether anything has.
    pub(crate) fn lapse(&mut self, now: Time, batch: u64) -> bool {
        let before = self.0.len();
        self.0.retain(|filter| now <= filter.until || batch <= filter.batch);
        self.0.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_clamped_as_mesos_clamps_it() {
        assert_eq!(refusal(0.0), None);
        assert_eq!(refusal(0.5), Some(Duration::from_millis(500)));
        assert_eq!(refusal(-1.0), Some(DEFAULT_REFUSAL));
        assert_eq!(refusal(f64::NAN), Some(DEFAULT_REFUSAL));
        assert_eq!(refusal(1e9), Some(LONGEST_REFUSAL));
        assert_eq!(refusal(f64::INFINITY), Some(LONGEST_REFUSAL));
    }
}
