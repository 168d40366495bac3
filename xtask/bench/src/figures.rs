//! What comes out of one run, and what is made of several.

use std::collections::BTreeMap;
use std::time::Duration;

/// What one run of one side measured, by name. Rates are per second, times in seconds, memory in bytes.
pub type Figures = BTreeMap<String, f64>;

/// The figure `rate`.
pub fn rate(count: u64, took: Duration) -> Figures {
    Figures::from([("rate".to_owned(), count as f64 / took.as_secs_f64())])
}

/// The figures `p50`, `p99` and `p99.9`.
///
/// # Panics
/// There are no samples.
pub fn percentiles(samples: &mut [Duration]) -> Figures {
    samples.sort_unstable();
    let at = |share: f64| {
        let index = (samples.len() as f64 * share).ceil() as usize;
        samples[index.clamp(1, samples.len()) - 1].as_secs_f64()
    };
    [("p50", at(0.5)), ("p99", at(0.99)), ("p99.9", at(0.999))]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// Half of the values are not above it.
///
/// # Panics
/// There are no values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    (below + above) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_in_the_middle() {
        assert_eq!(median(&mut [5.0, 1.0, 9.0]), 5.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 9.0]), 3.0);
    }

    #[test]
    fn percentiles_are_samples_that_so_many_do_not_exceed() {
        let mut samples: Vec<Duration> = (1..=1000).rev().map(Duration::from_secs).collect();

        let figures = percentiles(&mut samples);

        assert_eq!(figures.values().copied().collect::<Vec<_>>(), [500.0, 990.0, 999.0]);
    }
}
