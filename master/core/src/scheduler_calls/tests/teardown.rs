//! TEARDOWN, by the framework and by an operator.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::scheduler::call;

use crate::OperatorCall;
use crate::cluster::{Cluster, cluster, executor_task, task_on};

fn busy() -> Cluster {
    cluster().agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"),
    )
}

#[test]
fn a_framework_ends_itself_and_everything_it_runs() {
    let mut cluster = busy();

    cluster.call("web", call::Type::Teardown, |_| {});

    expect![[r#"
        allocator <- deactivate f0
        disarm heartbeat of f0
        stream 1 closed
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a1 from f0
        slave(1)@10.0.0.1:5051 <- ShutdownFramework m-0000
        slave(1)@10.0.0.2:5051 <- ShutdownFramework m-0000
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        allocator <- recovered used cpus(allocated: *):0.1; mem(allocated: *):32 on a0 from f0
        allocator <- remove f0
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn readers_see_the_end() {
    let mut cluster = busy();

    cluster.call("web", call::Type::Teardown, |_| {});

    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
        changed agent m-S1: active, has cpus:4; mem:1024, used {}, offered {}
        changed offer m-O1: gone
        changed task t1 (record 1): active, TASK_KILLED, statuses [TASK_RUNNING, TASK_KILLED]
        changed task t1 (record 1): completed, TASK_KILLED, statuses [TASK_RUNNING, TASK_KILLED]
        changed executor e1 on m-S0: gone
        changed framework m-0000: completed, uses {}, offered {}
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn an_operator_ends_a_framework_and_is_answered() {
    let mut cluster = busy();

    for framework in ["m-0000", "m-0000", "no such"] {
        cluster.decide(OperatorCall::teardown(framework.into()));
    }

    let heard = cluster.heard();
    let answers: String =
        heard.lines().filter(|line| line.starts_with("request")).map(|l| format!("{l}\n")).collect();
    expect![[r#"
        request 4 <- 200
        request 5 <- 400 No framework found with specified ID
        request 6 <- 400 No framework found with specified ID
    "#]]
    .assert_eq(&answers);
}

#[test]
fn tasks_of_unreachable_agents_end_with_their_framework() {
    let mut cluster = cluster()
        .agent("a1", "cpus:4; mem:1024")
        .agent("a2", "cpus:4; mem:1024")
        .framework_like("web", |info| info.checkpoint = Some(true))
        .running("web", "a2", task_on("m-S1", "t1", "cpus:1; mem:128"));
    cluster.lose("a2");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();

    cluster.call("web", call::Type::Teardown, |_| {});

    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
        changed offer m-O0: gone
        changed task t1 (record 1): completed, TASK_LOST, statuses [TASK_RUNNING, TASK_LOST, TASK_KILLED]
        changed framework m-0000: completed, uses {}, offered {}
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn an_actor_framework_ends_without_a_word() {
    let mut cluster = cluster().actor_framework("web");

    cluster.call("web", call::Type::Teardown, |_| {});
    cluster.disconnect("web");

    expect![[r#"
        allocator <- deactivate f0
        disarm heartbeat of f0
        allocator <- remove f0
    "#]]
    .assert_eq(&cluster.effects());
}
