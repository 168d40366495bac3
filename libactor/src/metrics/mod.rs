//! The process's metrics, behind the `metrics` facade: `metrics::counter!("master/offers_sent").increment(1)`.
//!
//! Names are Mesos', with slashes. All nodes of a process share them.

mod prometheus;
mod summary;
mod system;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};

use summary::Summary;

pub use prometheus::{PROMETHEUS, prometheus};

static SHARED: OnceLock<Shared> = OnceLock::new();

struct Shared {
    registry: Registry<Key, Store>,
    descriptions: Mutex<BTreeMap<String, String>>,
}

/// Makes this process's metrics ours, once. If the program has installed a recorder of its own, that one gets them, and
/// [`snapshot`] stays without them. Every node calls it.
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

/// Every metric by its name, in order, and the machine's under `system/`. A histogram is what Mesos calls a timer: its name gives the
/// last value; `name/count`, `/min`, `/max`, `/p50`, `/p90`, `/p95`, `/p99`, `/p999` and `/p9999` are about the last 1,000 values,
/// if there are two. Labels follow the name as `name{key=value}`.
pub fn snapshot() -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, f64> =
        system::figures().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let Some(shared) = SHARED.get() else { return all };
    shared.registry.visit_counters(|key, value| {
        all.insert(flat(key), value.load(Ordering::Relaxed) as f64);
    });
    shared.registry.visit_gauges(|key, value| {
        all.insert(flat(key), f64::from_bits(value.load(Ordering::Relaxed)));
    });
    shared.registry.visit_histograms(|key, summary| {
        let name = flat(key);
        let recent = summary.recent();
        all.extend(recent.statistics().into_iter().map(|(of, value)| (format!("{name}/{of}"), value)));
        all.extend(recent.last().map(|last| (name, last)));
    });
    all
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
