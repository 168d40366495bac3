//! ACKNOWLEDGE, and how states of which updates are told one by one end a task.

use expect_test::expect;
use tepui_proto::v1::TaskState;

use crate::cluster::{Cluster, cluster, task};

fn running() -> Cluster {
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| info.failover_timeout = Some(60.0))
        .running("web", "a1", task("t1", "cpus:1; mem:128"))
}

#[test]
fn only_the_acknowledgement_of_the_end_is_the_end() {
    let mut cluster = running();
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.forget();

    cluster.acknowledge("web", "a1", "t1", 1);
    expect![[""]].assert_eq(&cluster.changes());

    cluster.acknowledge("web", "a1", "t1", 2);
    expect![[r#"
        changed task t1 (record 1): completed, TASK_FINISHED, statuses [TASK_RUNNING, TASK_FINISHED]
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn resources_are_free_when_the_agent_knows_of_the_end_even_if_the_framework_does_not_yet() {
    let mut cluster = running();

    let (running, finished) = (TaskState::TaskRunning, TaskState::TaskFinished);
    cluster.update_ahead("a1", "web", "t1", running, Some(finished), 2);
    expect![[r#"
        stream 1 <- UPDATE t1 TASK_RUNNING on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());

    cluster.acknowledge("web", "a1", "t1", 2);
    cluster.update_ahead("a1", "web", "t1", finished, Some(finished), 3);
    cluster.acknowledge("web", "a1", "t1", 3);
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 4 <- 202
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
        slave(1)@10.0.0.1:5051 <- Acknowledgement of t1
        request 5 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_acknowledgement_of_what_this_master_never_sent_is_dropped() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);
    cluster.forget();

    cluster.acknowledge("web", "a1", "t1", 7);

    expect![[r#"
        request 3 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_acknowledgement_of_an_unknown_task_reaches_the_agent() {
    let mut cluster = running();

    cluster.acknowledge("web", "a1", "long-gone", 7);

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- Acknowledgement of long-gone
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn an_acknowledgement_for_a_disconnected_agent_is_dropped() {
    let mut cluster = running();
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.lose("a1");
    cluster.forget();

    cluster.acknowledge("web", "a1", "t1", 2);

    expect![[r#"
        count master/messages_status_update_acknowledgement
        count master/invalid_status_update_acknowledgements
    "#]]
    .assert_eq(&cluster.counts());
}

#[test]
fn the_same_end_told_twice_is_forwarded_twice() {
    let mut cluster = running();

    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 3);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0, to acknowledge
    "#]]
    .assert_eq(&cluster.effects());
}
