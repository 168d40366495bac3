//! Metrics by the names that dashboards know, and as Prometheus reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tepui_tests::cluster::Cluster;
use tepui_tests::daemon::Daemon;
use tepui_tests::recording::cases;
use tepui_tests::waiting::{secs, until};

/// Names of a real master and its agent that ours do not have, by what they begin with, and why.
const NOT_THERE: [(&str, &str); 13] = [
    ("allocator/event_queue_dispatches", "calls that wait for the allocator are not counted"),
    ("allocator/mesos/event_queue_dispatches", "calls that wait for the allocator are not counted"),
    ("allocator/mesos/offer_filters/", "the allocator does not publish what it knows of roles"),
    ("allocator/mesos/quota/", "the allocator does not publish what it knows of roles"),
    ("allocator/mesos/roles/", "the allocator does not publish what it knows of roles"),
    ("containerizer/fetcher/cache_", "the fetcher has no cache"),
    ("containerizer/mesos/provisioner/", "the native containerizer has no images"),
    ("master/event_queue_", "`tepui trace top` shows the queues of actors"),
    ("master/frameworks/", "those of the recording are not here"),
    ("master/http_cache_hits", "answers are not cached"),
    ("resource_provider_manager/", "there are no resource providers"),
    ("slave/executors_preempted", "no executor is ended for another's sake"),
    ("slave/recovery_time_secs", "not measured"),
];

/// What a daemon says of itself.
fn snapshot(daemon: &Daemon) -> BTreeMap<String, Value> {
    let snapshot = daemon.get("/metrics/snapshot").json();
    snapshot.as_object().expect("metrics are an object").clone().into_iter().collect()
}

#[test]
fn a_real_masters_metrics_are_there_or_it_is_known_why_not() {
    let cluster = Cluster::of(1);
    // Two runs, so that they have statistics.
    until("the allocator to run", secs(20), || {
        snapshot(&cluster.master).contains_key("allocator/mesos/allocation_run_ms/p99").then_some(())
    });
    let mut ours = snapshot(&cluster.master);
    ours.extend(snapshot(cluster.agent()));
    let recorded = cases("running.json");
    let recorded = recorded.iter().find(|case| case.request(&[]).path.starts_with("/metrics/snapshot"));
    let recorded: BTreeMap<String, Value> =
        serde_json::from_slice(&recorded.expect("a snapshot was recorded").body).expect("it is JSON");

    let missing: BTreeSet<&String> = recorded.keys().filter(|name| !ours.contains_key(*name)).collect();

    let known = |name: &str| NOT_THERE.iter().any(|(start, _)| name.starts_with(start));
    let unknown: Vec<_> = missing.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "not there: {unknown:#?}");
    for (start, why) in NOT_THERE {
        assert!(missing.iter().any(|name| name.starts_with(start)), "{start} is there, but: {why}");
    }
}

#[test]
fn prometheus_reads_counters_gauges_and_timers_of_master_and_agent() {
    let cluster = Cluster::of(1);
    let of_master = until("the allocator to run", secs(20), || {
        let text = cluster.master.get("/metrics").text();
        text.contains("\nallocator_mesos_allocation_run_ms_count ").then_some(text)
    });
    let of_agent = cluster.agent().get("/metrics").text();

    for line in [
        "# TYPE master_slave_registrations counter\nmaster_slave_registrations 1\n",
        "# TYPE master_slaves_active gauge\nmaster_slaves_active 1\n",
        "# TYPE master_cpus_total gauge\nmaster_cpus_total 4\n",
        "# TYPE allocator_mesos_allocation_run_ms summary\nallocator_mesos_allocation_run_ms{quantile=\"0.5\"} ",
        "# TYPE registrar_state_store_ms summary\n",
    ] {
        assert!(of_master.contains(line), "{line} is not in {of_master}");
    }
    for line in
        ["# TYPE slave_registered gauge\nslave_registered 1\n", "# TYPE system_mem_total_bytes gauge\n"]
    {
        assert!(of_agent.contains(line), "{line} is not in {of_agent}");
    }
    for text in [of_master, of_agent] {
        let is_sample =
            |line: &str| line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok());
        let odd: Vec<_> = text.lines().filter(|line| !line.starts_with("# ") && !is_sample(line)).collect();
        assert!(odd.is_empty(), "{odd:#?}");
    }
}
