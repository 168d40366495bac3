//! Metrics as Prometheus reads them.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use metrics::Key;

use super::summary::Summary;
use super::{SHARED, Shared, system};

/// The content type of [`prometheus`].
pub const PROMETHEUS: &str = "text/plain; version=0.0.4";

/// Every metric as Prometheus reads it, and these gauges, which the program keeps elsewhere. Slashes and whatever else it does not allow
/// in names become underscores.
pub fn prometheus(elsewhere: impl IntoIterator<Item = (String, f64)>) -> String {
    let mut text = String::new();
    let Some(shared) = SHARED.get() else { return text };
    let mut counters = BTreeMap::new();
    shared.registry.visit_counters(|key, value| {
        counters.insert(key.clone(), value.load(Ordering::Relaxed).to_string());
    });
    write_family(&mut text, shared, "counter", counters);
    let mut gauges: BTreeMap<Key, String> =
        elsewhere.into_iter().map(|(name, value)| (Key::from_name(name), value.to_string())).collect();
    gauges.extend(
        system::figures().into_iter().map(|(name, value)| (Key::from_static_name(name), value.to_string())),
    );
    shared.registry.visit_gauges(|key, value| {
        gauges.insert(key.clone(), f64::from_bits(value.load(Ordering::Relaxed)).to_string());
    });
    write_family(&mut text, shared, "gauge", gauges);
    let mut summaries = BTreeMap::new();
    shared.registry.visit_histograms(|key, summary| {
        summaries.insert(key.clone(), summary.clone());
    });
    write_summaries(&mut text, shared, &summaries);
    text
}

fn write_summaries(text: &mut String, shared: &Shared, summaries: &BTreeMap<Key, Arc<Summary>>) {
    let mut last = String::new();
    for (key, summary) in summaries {
        let name = prometheus_name(key.name());
        if name != last {
            write_head(text, shared, key, &name, "summary");
            last.clone_from(&name);
        }
        let (count, sum) = summary.totals();
        for (share, value) in summary.recent().quantiles() {
            let labels = labels(key, Some(("quantile", &share.to_string())));
            let _ = writeln!(text, "{name}{labels} {value}");
        }
        let labels = labels(key, None);
        let _ = writeln!(text, "{name}_sum{labels} {sum}\n{name}_count{labels} {count}");
    }
}

fn write_head(text: &mut String, shared: &Shared, key: &Key, name: &str, kind: &str) {
    let descriptions = shared.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(description) = descriptions.get(key.name()) {
        let _ = writeln!(text, "# HELP {name} {}", description.replace('\\', "\\\\").replace('\n', "\\n"));
    }
    let _ = writeln!(text, "# TYPE {name} {kind}");
}

/// In braces; nothing if there are none.
fn labels(key: &Key, more: Option<(&str, &str)>) -> String {
    let own = key.labels().map(|label| (label.key(), label.value()));
    let written: Vec<String> = own
        .chain(more)
        .map(|(name, value)| format!("{}=\"{}\"", prometheus_name(name), escaped(value)))
        .collect();
    if written.is_empty() { String::new() } else { format!("{{{}}}", written.join(",")) }
}

fn write_family(text: &mut String, shared: &Shared, kind: &str, values: BTreeMap<Key, String>) {
    let mut last = String::new();
    for (key, value) in values {
        let name = prometheus_name(key.name());
        if name != last {
            write_head(text, shared, &key, &name, kind);
            last.clone_from(&name);
        }
        let _ = writeln!(text, "{name}{} {value}", labels(&key, None));
    }
}

fn prometheus_name(name: &str) -> String {
    let mut clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == ':' { c } else { '_' })
        .collect();
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert(0, '_');
    }
    clean
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
