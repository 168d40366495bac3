//! The process's metrics, behind the `metrics` facade: `metrics::counter!("master/offers_sent").increment(1)`.
//!
//! Names are Mesos', with slashes. All nodes of a process share them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};

static SHARED: OnceLock<Shared> = OnceLock::new();

struct Shared {
    registry: Registry<Key, Store>,
    descriptions: Mutex<BTreeMap<String, String>>,
}

/// Makes this process's metrics ours, once. If the program has installed a recorder of its own, that one gets them, and
/// [`snapshot`] stays empty. Every node calls it.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        SHARED.get_or_init(|| Shared { registry: Registry::new(Store), descriptions: Mutex::default() });
        if metrics::set_global_recorder(Handle).is_err() {
            tracing::debug!("the program has its own metrics recorder");
        }
        crate::counters::describe();
    });
}

/// Every metric by its name, in order. A histogram gives `name/count`, `/sum`, `/min` and `/max`. Labels follow the name as
/// `name{key=value}`.
pub fn snapshot() -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let Some(shared) = SHARED.get() else { return all };
    shared.registry.visit_counters(|key, value| {
        all.insert(flat(key), value.load(Ordering::Relaxed) as f64);
    });
    shared.registry.visit_gauges(|key, value| {
        all.insert(flat(key), f64::from_bits(value.load(Ordering::Relaxed)));
    });
    shared.registry.visit_histograms(|key, summary| {
        let (name, numbers) = (flat(key), summary.numbers());
        all.insert(format!("{name}/count"), numbers.count as f64);
        all.insert(format!("{name}/sum"), numbers.sum);
        all.insert(format!("{name}/min"), numbers.min);
        all.insert(format!("{name}/max"), numbers.max);
    });
    all
}

/// Every metric as Prometheus reads it. Slashes and whatever else it does not allow in names become underscores.
pub fn prometheus() -> String {
    let mut text = String::new();
    let Some(shared) = SHARED.get() else { return text };
    let mut counters = BTreeMap::new();
    shared.registry.visit_counters(|key, value| {
        counters.insert(key.clone(), value.load(Ordering::Relaxed).to_string());
    });
    write_family(&mut text, shared, "counter", counters);
    let mut gauges = BTreeMap::new();
    shared.registry.visit_gauges(|key, value| {
        gauges.insert(key.clone(), f64::from_bits(value.load(Ordering::Relaxed)).to_string());
    });
    write_family(&mut text, shared, "gauge", gauges);
    let mut sums = BTreeMap::new();
    let mut counts = BTreeMap::new();
    shared.registry.visit_histograms(|key, summary| {
        let numbers = summary.numbers();
        sums.insert(renamed(key, "_sum"), numbers.sum.to_string());
        counts.insert(renamed(key, "_count"), numbers.count.to_string());
    });
    write_family(&mut text, shared, "counter", sums);
    write_family(&mut text, shared, "counter", counts);
    text
}

fn write_family(text: &mut String, shared: &Shared, kind: &str, values: BTreeMap<Key, String>) {
    let descriptions = shared.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
    let mut last = String::new();
    for (key, value) in values {
        let name = prometheus_name(key.name());
        if name != last {
            if let Some(description) = descriptions.get(key.name()) {
                let _ = writeln!(
                    text,
                    "# HELP {name} {}",
                    description.replace('\\', "\\\\").replace('\n', "\\n")
                );
            }
            let _ = writeln!(text, "# TYPE {name} {kind}");
            last.clone_from(&name);
        }
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}=\"{}\"", prometheus_name(label.key()), escaped(label.value())))
            .collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "{name}{labels} {value}");
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

fn renamed(key: &Key, suffix: &str) -> Key {
    Key::from_parts(format!("{}{suffix}", key.name()), key.labels().cloned().collect::<Vec<_>>())
}

fn flat(key: &Key) -> String {
    let labels: Vec<String> =
        key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    if labels.is_empty() { key.name().to_owned() } else { format!("{}{{{}}}", key.name(), labels.join(",")) }
}

/// How the registry keeps values: atomics, and a summary instead of all samples for histograms.
struct Store;

impl Storage<Key> for Store {
    type Counter = Arc<std::sync::atomic::AtomicU64>;
    type Gauge = Arc<std::sync::atomic::AtomicU64>;
    type Histogram = Arc<Summary>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Arc::default()
    }
}

#[derive(Default)]
struct Summary(Mutex<Numbers>);

#[derive(Clone, Copy, Default)]
struct Numbers {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Summary {
    fn numbers(&self) -> Numbers {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl metrics::HistogramFn for Summary {
    fn record(&self, value: f64) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = numbers.count == 0;
        *numbers = Numbers {
            count: numbers.count + 1,
            sum: numbers.sum + value,
            min: if first { value } else { numbers.min.min(value) },
            max: if first { value } else { numbers.max.max(value) },
        };
    }
}

/// What the facade calls; everything is in [`SHARED`].
struct Handle;

impl Handle {
    fn describe(&self, name: &KeyName, description: &SharedString) {
        let Some(shared) = SHARED.get() else { return };
        let mut descriptions = shared.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
        descriptions.insert(name.as_str().to_owned(), description.to_string());
    }
}

impl Recorder for Handle {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&name, &description);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&name, &description);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&name, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        SHARED.get().map_or_else(Counter::noop, |shared| {
            shared.registry.get_or_create_counter(key, |counter| counter.clone().into())
        })
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        SHARED.get().map_or_else(Gauge::noop, |shared| {
            shared.registry.get_or_create_gauge(key, |gauge| gauge.clone().into())
        })
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        SHARED.get().map_or_else(Histogram::noop, |shared| {
            shared.registry.get_or_create_histogram(key, |histogram| histogram.clone().into())
        })
    }
}
