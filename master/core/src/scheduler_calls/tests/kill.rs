//! KILL, SHUTDOWN and MESSAGE: what reaches agents, and what waits for them.

use expect_test::expect;
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::{AgentId, DurationInfo, ExecutorId, KillPolicy, TaskId, TaskState};

use crate::cluster::{Cluster, cluster, executor_task};

fn running() -> Cluster {
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| info.checkpoint = Some(true))
        .running("web", "a1", executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"))
}

#[test]
fn a_kill_goes_to_the_agent_each_time() {
    let mut cluster = running();

    cluster.kill("web", "t1", None);
    cluster.call("web", call::Type::Kill, |call| {
        let policy = KillPolicy { grace_period: Some(DurationInfo { nanoseconds: 3_000_000_000 }) };
        let task_id = TaskId { value: "t1".into() };
        call.kill = Some(Box::new(call::Kill { task_id, agent_id: None, kill_policy: Some(policy) }));
    });

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- KillTask t1
        request 4 <- 202
        slave(1)@10.0.0.1:5051 <- KillTask t1 within 3secs
        request 5 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_kill_of_an_unknown_task_is_answered_with_what_became_of_it() {
    let mut cluster = running();

    cluster.kill("web", "none", None);
    cluster.kill("web", "none", Some("m-S0"));
    cluster.kill("web", "none", Some("other"));

    expect![[r#"
        stream 1 <- UPDATE none TASK_LOST REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        request 4 <- 202
        stream 1 <- UPDATE none TASK_LOST on m-S0 REASON_RECONCILIATION 'Reconciliation: Task is unknown to the agent'
        request 5 <- 202
        stream 1 <- UPDATE none TASK_LOST on other REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        request 6 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_kill_that_names_the_wrong_agent_is_dropped() {
    let mut cluster = running();

    cluster.kill("web", "t1", Some("other"));

    expect![[r#"
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_kill_waits_for_a_disconnected_agent() {
    let mut cluster = running();
    let message = cluster.reintroduce_busy("a1", &["web"]);
    cluster.lose("a1");
    cluster.forget();

    cluster.kill("web", "t1", None);
    cluster.reregister("a1", message);

    expect![[r#"
        request 4 <- 202
        slave(1)@10.0.0.1:5051 <- Reregistered as m-S0
        slave(1)@10.0.0.1:5051 <- KillTask t1
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_killed_task_is_told_of_by_its_agent() {
    let mut cluster = running();
    cluster.kill("web", "t1", None);
    cluster.forget();

    cluster.update("a1", "web", "t1", TaskState::TaskKilled, 2);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_KILLED on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn executors_are_shut_down_and_spoken_to_by_way_of_their_agents() {
    let mut cluster = running();
    let executor_id = || ExecutorId { value: "e1".into() };

    for agent in ["m-S0", "none"] {
        let agent_id = || AgentId { value: agent.into() };
        cluster.call("web", call::Type::Shutdown, |call| {
            call.shutdown =
                Some(Box::new(call::Shutdown { executor_id: executor_id(), agent_id: agent_id() }));
        });
        cluster.call("web", call::Type::Message, |call| {
            let message =
                call::Message { agent_id: agent_id(), executor_id: executor_id(), data: "hello".into() };
            call.message = Some(Box::new(message));
        });
    }

    expect![[r#"
        slave(1)@10.0.0.1:5051 <- ShutdownExecutor e1
        request 4 <- 202
        slave(1)@10.0.0.1:5051 <- Message for e1: hello
        request 5 <- 202
        request 6 <- 202
        request 7 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}
