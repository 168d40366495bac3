//! Third-party clients, unmodified, against our master and agents.

use tepui_tests::clients::{run_node, run_python};
use tepui_tests::cluster::{Cluster, Plan};

fn pymesos(cluster: &Cluster, arguments: &[&str]) {
    let mut all = vec![cluster.master.address()];
    all.extend_from_slice(arguments);
    run_python("pymesos_tasks.py", &all);
}

#[test]
fn pymesos_runs_a_hundred_command_tasks() {
    pymesos(&Cluster::of(2), &["command", "100"]);
}

/// The executor runs on the Python of the driver, whose packages lie beside it.
#[test]
fn pymesos_runs_a_hundred_tasks_of_its_own_executor() {
    pymesos(&Cluster::of(1), &["custom", "100"]);
}

#[test]
fn pymesos_kills_a_task() {
    pymesos(&Cluster::of(1), &["kill"]);
}

#[test]
fn pymesos_declines_with_filters() {
    pymesos(&Cluster::of(1), &["decline"]);
}

#[test]
fn pymesos_fails_over_by_framework_id() {
    pymesos(&Cluster::of(1), &["failover"]);
}

#[test]
fn avmesos_runs_tasks() {
    let cluster = Cluster::of(1);

    run_python("avmesos_tasks.py", &[cluster.master.address(), "4"]);
}

#[test]
fn the_npm_client_runs_tasks() {
    let cluster = Plan::agents(1).start();
    let (host, port) = cluster.master.address().split_once(':').expect("host and port");

    run_node("npm_tasks.js", &[host, port], cluster.directory());
}
