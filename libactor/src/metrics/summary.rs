//! What is kept of a histogram's values: as much as Mesos' timers keep.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values that quantiles are taken of.
const RECENT: usize = 1000;

/// Quantiles by the names that Mesos gives them.
const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

/// The values of one histogram.
#[derive(Default)]
pub(super) struct Summary(Mutex<Values>);

#[derive(Default)]
struct Values {
    count: u64,
    sum: f64,
    recent: VecDeque<f64>,
}

impl Summary {
    /// How many values there were, and their sum.
    pub(super) fn totals(&self) -> (u64, f64) {
        let values = self.lock();
        (values.count, values.sum)
    }

    pub(super) fn recent(&self) -> Recent {
        let values = self.lock();
        let (last, mut sorted) =
            (values.recent.back().copied(), Vec::from_iter(values.recent.iter().copied()));
        drop(values);
        sorted.sort_by(f64::total_cmp);
        Recent { last, sorted }
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl metrics::HistogramFn for Summary {
    fn record(&self, value: f64) {
        let mut values = self.lock();
        values.count += 1;
        values.sum += value;
        if values.recent.len() == RECENT {
            values.recent.pop_front();
        }
        values.recent.push_back(value);
    }
}

/// The last values of a histogram.
pub(super) struct Recent {
    last: Option<f64>,
    sorted: Vec<f64>,
}

impl Recent {
    pub(super) fn last(&self) -> Option<f64> {
        self.last
    }

    /// By the names of Mesos; of a single value there are none.
    pub(super) fn statistics(&self) -> Vec<(&'static str, f64)> {
        let ([min, .., max], count) = (self.sorted.as_slice(), self.sorted.len()) else { return Vec::new() };
        let mut statistics = vec![("count", count as f64), ("min", *min), ("max", *max)];
        statistics.extend(QUANTILES.map(|(name, share)| (name, self.quantile(share))));
        statistics
    }

    /// Each with the share of values that are not above it. None without values.
    pub(super) fn quantiles(&self) -> Vec<(f64, f64)> {
        if self.sorted.is_empty() {
            return Vec::new();
        }
        QUANTILES.map(|(_, share)| (share, self.quantile(share))).to_vec()
    }

    /// Between two values it is as far as the share is between theirs.
    fn quantile(&self, share: f64) -> f64 {
        let position = share * (self.sorted.len() - 1) as f64;
        let (below, rest) = (position.floor() as usize, position.fract());
        let lower = self.sorted[below];
        let upper = self.sorted.get(below + 1).copied().unwrap_or(lower);
        lower + rest * (upper - lower)
    }
}

#[cfg(test)]
mod tests {
    use metrics::HistogramFn as _;

    use super::{RECENT, Summary};

    #[test]
    fn one_value_has_no_statistics_yet() {
        let summary = Summary::default();
        assert_eq!(summary.recent().last(), None);
        assert_eq!(summary.recent().quantiles(), []);

        summary.record(7.0);

        assert_eq!(summary.recent().last(), Some(7.0));
        assert_eq!(summary.recent().statistics(), []);
    }

    #[test]
    fn quantiles_lie_between_the_values_around_them() {
        let summary = Summary::default();
        [30.0, 10.0, 20.0].into_iter().for_each(|value| summary.record(value));

        let statistics = summary.recent().statistics();

        assert_eq!(statistics[..3], [("count", 3.0), ("min", 10.0), ("max", 30.0)]);
        assert_eq!(statistics[3..5], [("p50", 20.0), ("p90", 28.0)]);
        assert_eq!(summary.recent().last(), Some(20.0));
    }

    #[test]
    fn statistics_are_about_the_last_values_and_totals_about_all() {
        let summary = Summary::default();
        (0..RECENT + 10).for_each(|value| summary.record(value as f64));

        let statistics = summary.recent().statistics();

        assert_eq!(statistics[..2], [("count", RECENT as f64), ("min", 10.0)]);
        assert_eq!(summary.totals().0, RECENT as u64 + 10);
    }
}
