//! RECONCILE: rule by rule.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::scheduler::call::{self, reconcile_operations};
use tepui_proto::v1::{AgentId, ContainerStatus, OperationId, TaskState};

use crate::cluster::{Cluster, capability, cluster, task};

fn running(aware: bool) -> Cluster {
    let capabilities = if aware { vec![capability(Capability::PartitionAware)] } else { vec![] };
    cluster()
        .agent("a1", "cpus:4; mem:1024")
        .agent("a2", "cpus:4; mem:1024")
        .framework_like("web", |info| info.capabilities = capabilities)
        .running("web", "a1", task("t1", "cpus:1; mem:128"))
}

#[test]
fn all_tasks_are_told_also_those_whose_end_is_not_acknowledged() {
    let mut cluster =
        running(false).running("web", "a2", crate::cluster::task_on("m-S1", "t2", "cpus:1; mem:32"));
    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 2);
    cluster.forget();

    cluster.reconcile("web", &[]);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_FINISHED on m-S0 REASON_RECONCILIATION 'Reconciliation: Latest task state'
        stream 1 <- UPDATE t2 TASK_RUNNING on m-S1 REASON_RECONCILIATION 'Reconciliation: Latest task state'
        request 6 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_answer_is_what_was_told_last_with_health_and_container() {
    let mut cluster = running(false);
    let handle = cluster.master.frameworks.registered.handles()[0];
    let (id, task) = cluster.master.frameworks.registered[handle].tasks.pop_first().unwrap();
    let mut known = task.clone();
    let message = std::sync::Arc::make_mut(&mut known.message);
    message.statuses[0].healthy = Some(true);
    message.statuses[0].container_status = Some(Box::<ContainerStatus>::default());
    cluster.master.frameworks.registered[handle].tasks.insert(id, known);
    cluster.update_ahead("a1", "web", "t1", TaskState::TaskRunning, Some(TaskState::TaskFailed), 2);
    cluster.forget();

    cluster.reconcile("web", &[("t1", None)]);

    expect![[r#"
        stream 1 <- UPDATE t1 TASK_RUNNING on m-S0 REASON_RECONCILIATION 'Reconciliation: Latest task state'
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn frameworks_that_know_no_partitions_are_told_lost() {
    let mut cluster = running(false);

    cluster.reconcile("web", &[("x", None), ("x", Some("m-S0")), ("x", Some("none"))]);

    expect![[r#"
        stream 1 <- UPDATE x TASK_LOST REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        stream 1 <- UPDATE x TASK_LOST on m-S0 REASON_RECONCILIATION 'Reconciliation: Task is unknown to the agent'
        stream 1 <- UPDATE x TASK_LOST on none REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        request 4 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn partition_aware_frameworks_are_told_where_a_task_was_lost() {
    let mut cluster = running(true);
    cluster.lose("a2");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();

    cluster.reconcile("web", &[("x", None), ("x", Some("m-S0")), ("x", Some("m-S1")), ("x", Some("none"))]);

    expect![[r#"
        stream 1 <- UPDATE x TASK_UNKNOWN REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        stream 1 <- UPDATE x TASK_GONE on m-S0 REASON_RECONCILIATION 'Reconciliation: Task is unknown to the agent'
        stream 1 <- UPDATE x TASK_UNREACHABLE on m-S1 REASON_RECONCILIATION 'Reconciliation: Task is unreachable' since 1:30
        stream 1 <- UPDATE x TASK_UNKNOWN on none REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        request 4 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn nothing_is_answered_while_an_agent_may_still_come_back() {
    let mut cluster = running(true).failover();
    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster.forget();

    cluster.reconcile("web", &[("t1", Some("m-S0")), ("t1", None), ("t1", Some("none"))]);

    expect![[r#"
        stream 4 <- UPDATE t1 TASK_UNKNOWN on none REASON_RECONCILIATION 'Reconciliation: Task is unknown'
        request 5 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn operations_are_unknown_wherever_they_are_said_to_be() {
    let mut cluster = running(false);
    cluster.lose("a2");
    cluster.advance(Duration::from_secs(601));
    cluster.forget();

    let operation = |agent: Option<&str>| reconcile_operations::Operation {
        operation_id: OperationId { value: "op".into() },
        agent_id: agent.map(|id| AgentId { value: id.into() }),
        resource_provider_id: None,
    };
    let operations = vec![operation(None), operation(Some("m-S0")), operation(Some("m-S1"))];
    cluster.call("web", call::Type::ReconcileOperations, |call| {
        call.reconcile_operations = Some(call::ReconcileOperations { operations });
    });

    expect![[r#"
        stream 1 <- UPDATE_OPERATION_STATUS op OPERATION_UNKNOWN 'Reconciliation: Operation is unknown and no 'agent_id' was provided'
        stream 1 <- UPDATE_OPERATION_STATUS op OPERATION_UNKNOWN 'Reconciliation: Operation is unknown'
        stream 1 <- UPDATE_OPERATION_STATUS op OPERATION_UNREACHABLE 'Reconciliation: Agent is unreachable'
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}
