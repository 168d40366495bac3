//! `/system/stats.json`: what the machine has, and how busy it is.

use serde_json::{Map, Number, Value};

/// Names of the endpoint, and of the metrics that say the same.
const NAMES: [(&str, &str); 6] = [
    ("avg_load_15min", "system/load_15min"),
    ("avg_load_1min", "system/load_1min"),
    ("avg_load_5min", "system/load_5min"),
    ("cpus_total", "system/cpus_total"),
    ("mem_free_bytes", "system/mem_free_bytes"),
    ("mem_total_bytes", "system/mem_total_bytes"),
];

/// Loads as they are, everything else in whole numbers. What the kernel does not say is left out.
#[must_use]
pub fn statistics() -> Map<String, Value> {
    let metrics = libactor::metrics::snapshot();
    let told = NAMES.iter().filter_map(|(name, metric)| {
        let figure = *metrics.get(*metric)?;
        let number = match name.starts_with("avg_load") {
            true => Number::from_f64(figure)?,
            false => Number::from(figure as u64),
        };
        Some(((*name).to_owned(), Value::Number(number)))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_and_memory_are_counted() {
        let statistics = statistics();

        assert!(statistics["cpus_total"].as_u64() >= Some(1), "{statistics:?}");
        assert!(
            statistics["mem_total_bytes"].as_u64() >= statistics["mem_free_bytes"].as_u64(),
            "{statistics:?}"
        );
        assert!(statistics["avg_load_1min"].is_f64(), "{statistics:?}");
    }
}
