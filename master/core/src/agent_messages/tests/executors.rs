//! ExitedExecutor and ExecutorToFramework.

use expect_test::expect;
use tepui_proto::internal::{ExecutorToFrameworkMessage, ExitedExecutorMessage};
use tepui_proto::v1::{AgentId, ExecutorId, FrameworkId, TaskState};

use crate::FromAgent;
use crate::cluster::{Cluster, cluster, executor_task};

fn running() -> Cluster {
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| info.failover_timeout = Some(60.0))
        .running("web", "a1", executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"))
}

fn exited(framework: &str, executor: &str) -> FromAgent {
    FromAgent::ExitedExecutor(ExitedExecutorMessage {
        slave_id: AgentId { value: "m-S0".into() },
        framework_id: FrameworkId { value: framework.into() },
        executor_id: ExecutorId { value: executor.into() },
        status: 32512,
    })
}

fn message(framework: &str) -> FromAgent {
    FromAgent::ExecutorToFramework(ExecutorToFrameworkMessage {
        slave_id: AgentId { value: "m-S0".into() },
        framework_id: FrameworkId { value: framework.into() },
        executor_id: ExecutorId { value: "e1".into() },
        data: "hello".into(),
    })
}

#[test]
fn an_executors_exit_is_told_and_its_resources_are_free() {
    let mut cluster = running();

    cluster.say("a1", exited("m-0000", "e1"));
    cluster.update("a1", "web", "t1", TaskState::TaskFailed, 2);

    expect![[r#"
        allocator <- recovered used cpus(allocated: *):0.1; mem(allocated: *):32 on a0 from f0
        stream 1 <- FAILURE of e1 on m-S0, status 32512
        stream 1 <- UPDATE t1 TASK_FAILED on m-S0, to acknowledge
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn the_exit_of_an_unknown_executor_is_not_told() {
    let mut cluster = running();

    cluster.say("a1", exited("m-0000", "e1"));
    cluster.forget();
    for (framework, executor) in [("m-0000", "e1"), ("m-0000", "command"), ("none", "e1"), ("m-0000", "a/b")]
    {
        cluster.say("a1", exited(framework, executor));
    }

    expect![[""]].assert_eq(&cluster.effects());
}

#[test]
fn the_last_executor_may_go_while_its_scheduler_is_away() {
    let mut cluster = running();
    cluster.disconnect("web");
    cluster.forget();

    cluster.say("a1", exited("m-0000", "e1"));

    expect![[r#"
        allocator <- recovered used cpus(allocated: *):0.1; mem(allocated: *):32 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_executors_words_reach_a_scheduler_that_is_there() {
    let mut cluster = running();

    cluster.say("a1", message("m-0000"));
    expect![[r#"
        stream 1 <- MESSAGE from e1 on m-S0: hello
    "#]]
    .assert_eq(&cluster.effects());

    cluster.say("a1", message("none"));
    cluster.disconnect("web");
    cluster.forget();
    cluster.say("a1", message("m-0000"));
    expect![[r#"
        count master/messages_executor_to_framework
        count master/invalid_executor_to_framework_messages
    "#]]
    .assert_eq(&cluster.counts());
}
