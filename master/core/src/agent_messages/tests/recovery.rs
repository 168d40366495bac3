//! A new master on the registry of an earlier one.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::internal;
use tepui_proto::v1::TaskState;

use crate::cluster::{Cluster, cluster, executor_task, task};
use crate::{Config, Input};

fn running() -> Cluster {
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .agent("a2", "cpus:4; mem:1024")
        .framework_like("web", |info| info.failover_timeout = Some(60.0))
        .running("web", "a1", executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"))
}

#[test]
fn a_master_serves_once_it_is_written_down_as_the_leader() {
    let mut cluster = Cluster::elected(Config::default()).slow_disk();

    cluster.step(Input::RegistryRecovered(Box::default()));
    expect![[r#"
        registry <- master is m
    "#]]
    .assert_eq(&cluster.effects());
    assert!(!cluster.master.is_serving());

    cluster.write();
    expect![[r#"
        arm registry pruning at 15:00
    "#]]
    .assert_eq(&cluster.effects());
    assert!(cluster.master.is_serving());
}

#[test]
fn readers_see_the_agents_that_are_expected() {
    let running = running();
    let mut cluster = Cluster::elected(Config::default());

    cluster.step(Input::RegistryRecovered(Box::new(running.registry)));

    expect![[r#"
        changed master: serving since 0:00
        changed agent m-S0: recovered
        changed agent m-S1: recovered
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn agents_bring_their_tasks_and_frameworks_and_schedulers_find_them() {
    let cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    let mut cluster = cluster.failover();

    cluster.reregister("a1", message);
    expect![[r#"
        allocator <- add f0 m-0000 as *, inactive
        arm ping of a0 at 0:15
        watch slave(1)@10.0.0.1:5051
        allocator <- add a0 cpus:4; mem:1024, f0 uses cpus(allocated: *):1.1; mem(allocated: *):160
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
    "#]]
    .assert_eq(&cluster.effects());

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster.allocate();
    expect![[r#"
        request 4 <- stream 4
        allocator <- update f0 m-0000 as *
        arm heartbeat of f0 at 0:15
        allocator <- activate f0
        stream 4 <- SUBSCRIBED m-0000
        stream 4 <- HEARTBEAT
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
        stream 4 <- OFFERS m2-O0 on m-S0 (cpus:2.9; mem:864) with e1
    "#]]
    .assert_eq(&cluster.effects());

    cluster.reconcile("web", &[]);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.acknowledge("web", "a1", "t1", 2);
    expect![[r#"
        stream 4 <- UPDATE t1 TASK_RUNNING on m-S0 by e1 REASON_RECONCILIATION 'Reconciliation: Latest task state'
        request 5 <- 202
        stream 4 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 6 <- 202
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn schedulers_that_are_faster_than_agents_see_their_tasks_come() {
    let cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    let mut cluster = cluster.failover();

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster.reregister("a1", message);

    expect![[r#"
        request 4 <- stream 4
        stream 4 <- SUBSCRIBED m-0000
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_recovered_framework_waits_for_its_scheduler_without_end() {
    let cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    let mut cluster = cluster.failover();
    cluster.reregister("a1", message);

    cluster.advance(Duration::from_secs(24 * 3600));

    assert_eq!(cluster.master.frameworks.registered.len(), 1);
}

#[test]
fn agents_that_do_not_come_back_are_given_up() {
    let mut cluster = running().failover();
    let message = cluster.reintroduce("a1");
    cluster.reregister("a1", message);
    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster.advance(Duration::from_secs(599));
    cluster.forget();

    cluster.advance(Duration::from_secs(1));

    expect![[r#"
        stream 4 <- FAILURE of m-S1
    "#]]
    .assert_eq(&cluster.heard());
    let unreachable = cluster.registry.unreachable.as_ref().map(|all| all.slaves.clone()).unwrap_or_default();
    let ids: Vec<&str> = unreachable.iter().map(|slave| slave.id.value.as_str()).collect();
    assert_eq!(ids, ["m-S1"]);
}

#[test]
fn an_agent_that_changed_meanwhile_is_written_anew() {
    let mut cluster = running().failover();
    let mut message = cluster.reintroduce("a1");
    message.slave.hostname = "renamed.example".into();

    cluster.reregister("a1", message);

    expect![[r#"
        registry <- update m-S0
        arm ping of a0 at 0:15
        watch slave(1)@10.0.0.1:5051
        allocator <- add a0 cpus:4; mem:1024
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- Ping
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn too_many_missing_agents_end_the_master_not_the_agents() {
    let config = Config { recovery_agent_removal_limit: 50.0, ..Config::default() };
    let mut cluster = Cluster::with(config);
    cluster = cluster.agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024");
    cluster = cluster.failover();

    cluster.advance(Duration::from_secs(600));

    expect![[r#"
        abdicate: 2 (100%) of the agents in the registry did not re-register within 600s after master failover, more than --recovery_agent_removal_limit=50% allows; find out why, or raise the limit
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn agents_marked_gone_stay_gone() {
    let cluster = running();
    let message = cluster.reintroduce("a1");
    let mut registry = cluster.registry.clone();
    let id = registry.slaves.as_mut().unwrap().slaves.remove(0).info.id.unwrap();
    let gone = internal::registry::GoneSlave { id, timestamp: Default::default() };
    registry.gone = Some(internal::registry::GoneSlaves { slaves: vec![gone] });
    let mut cluster = cluster;
    cluster.registry = registry;
    let mut cluster = cluster.failover();

    cluster.reregister("a1", message);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Shutdown: Agent has been marked gone
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_registry_of_a_more_able_version_is_left_alone() {
    let mut cluster = Cluster::elected(Config::default());
    let capability = internal::registry::MinimumCapability { capability: "QUOTA_V9".into() };
    let registry = internal::Registry { minimum_capabilities: vec![capability], ..Default::default() };

    cluster.step(Input::RegistryRecovered(Box::new(registry)));

    expect![[r#"
        abdicate: the registry needs the master capability QUOTA_V9, which this version lacks; start the version that wrote it, undo what needs QUOTA_V9 there, and come back
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn two_masters_with_the_same_inputs_are_the_same() {
    let mut one = running();
    let mut other = running();
    assert_eq!(one.master.digest(), other.master.digest());

    one.kill("web", "t1", None);
    assert_ne!(one.master.digest(), other.master.digest());

    other.kill("web", "t1", None);
    assert_eq!(one.master.digest(), other.master.digest());
}

#[test]
fn an_agents_history_of_ended_tasks_comes_back() {
    let cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:128"),
    );
    let mut message = cluster.reintroduce_busy("a1", &["web"]);
    let archived = internal::archive::Framework {
        framework_info: message.frameworks[0].clone(),
        pid: None,
        tasks: std::mem::take(&mut message.tasks),
    };
    message.completed_frameworks = vec![archived];
    let mut cluster = cluster.failover();

    cluster.reregister("a1", message);

    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
        changed framework m-0000: recovered, uses {}, offered {}
        changed task t1 (record 1): completed, TASK_RUNNING, statuses [TASK_RUNNING]
    "#]]
    .assert_eq(&cluster.changes());
}
