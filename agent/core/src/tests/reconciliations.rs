//! What the master asks to be told again.

use expect_test::expect;
use tepui_proto::internal::ReconcileTasksMessage;
use tepui_proto::v1;

use super::world::{World, framework, reregistered, status};
use crate::{Input, MasterMessage, Pid};

fn reconcile(of: v1::FrameworkInfo, tasks: &[&str]) -> ReconcileTasksMessage {
    ReconcileTasksMessage {
        framework_id: of.id.clone().unwrap(),
        statuses: tasks.iter().map(|task| status(task, v1::TaskState::TaskRunning, 0)).collect(),
        framework: Some(Box::new(of)),
    }
}

#[test]
fn only_what_is_not_here_is_answered() {
    let mut world = World::running();

    let text =
        world.master(MasterMessage::ReconcileTasks(Box::new(reconcile(framework("f1"), &["t1", "t2"]))));

    expect![[r#"
        master <- StatusUpdate t2 TASK_LOST REASON_RECONCILIATION (Reconciliation: task unknown to the agent)
        timer: retry of t2 in 10secs
    "#]]
    .assert_eq(&text);
}

#[test]
fn partition_aware_frameworks_learn_that_it_was_dropped() {
    let mut world = World::running();
    let mut aware = framework("f1");
    let capability = v1::framework_info::capability::Type::PartitionAware as i32;
    aware.capabilities.push(v1::framework_info::Capability { r#type: Some(capability) });

    let text = world.master(MasterMessage::ReconcileTasks(Box::new(reconcile(aware, &["t2"]))));

    expect![[r#"
        master <- StatusUpdate t2 TASK_DROPPED REASON_RECONCILIATION (Reconciliation: task unknown to the agent)
        timer: retry of t2 in 10secs
    "#]].assert_eq(&text);
}

#[test]
fn a_reregistration_may_bring_reconciliations() {
    let mut world = World::running();
    world.step(Input::MasterExited(Pid::new(super::world::MASTER)));

    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
        master <- StatusUpdate t3 TASK_LOST REASON_RECONCILIATION (Reconciliation: task unknown to the agent)
        timer: retry of t3 in 10secs
    "#]]
    .assert_eq(&world.master(reregistered(vec![reconcile(framework("f1"), &["t1", "t3"])])));
}

#[test]
fn task_groups_are_refused_task_by_task() {
    let mut world = World::registered();
    let tasks = vec![super::world::task("t1", "cpus:1"), super::world::task("t2", "cpus:1")];
    let message = tepui_proto::internal::RunTaskGroupMessage {
        framework: framework("f1"),
        task_group: v1::TaskGroupInfo { tasks },
        ..Default::default()
    };

    expect![[r#"
        master <- StatusUpdate t1 TASK_ERROR REASON_TASK_GROUP_INVALID (Task groups are not supported by this agent: launch the tasks one by one)
        timer: retry of t1 in 10secs
        master <- StatusUpdate t2 TASK_ERROR REASON_TASK_GROUP_INVALID (Task groups are not supported by this agent: launch the tasks one by one)
        timer: retry of t2 in 10secs
    "#]].assert_eq(&world.master(MasterMessage::RunTaskGroup(Box::new(message))));
}
