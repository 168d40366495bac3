//! Killing a task in each phase of its life.

use expect_test::expect;
use tepui_proto::v1::TaskState;

use super::world::{World, custom_task, run, status};
use crate::ContainerEvent;

#[test]
fn a_running_task_is_killed_by_its_executor() {
    let mut world = World::running();

    expect![[r#"
        stream 1 <- KILL t1
    "#]]
    .assert_eq(&world.kill("f1", "t1"));
}

#[test]
fn a_task_that_waits_for_its_executor_is_killed_at_once_and_so_is_the_executor() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();

    expect![[r#"
        disk #3 <- update t1 TASK_KILLED
        container C1 <- destroy
    "#]]
    .assert_eq(&world.kill("f1", "t1"));
    expect![[r#"
        master <- StatusUpdate t1 TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH (Killed before delivery to the executor)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.stored());
    world.exited(1, 9);
    world.acknowledge_last("f1", "t1");
    expect![[r#"
        disk #5 <- sentinel of t1
        collect f1/t1/C1
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn a_task_that_is_killed_before_its_container_is_made_never_gets_one() {
    let mut world = World::registered();
    world.run("f1", "t1");

    // The task is being written down: so is its end, behind it. Otherwise a restart would end it once more.
    expect![[r#"
        disk #3 <- update t1 TASK_KILLED
    "#]]
    .assert_eq(&world.kill("f1", "t1"));
    expect![[r#"
        master <- StatusUpdate t1 TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH (Killed before delivery to the executor)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.stored());
}

#[test]
fn killing_one_of_two_waiting_tasks_leaves_the_other() {
    let mut world = World::registered();
    world.run_on("f1", "t1", Some(true));
    world.run_on("f1", "t2", Some(false));
    world.stored();
    world.kill("f1", "t1");
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });

    expect![[r#"
        request 1 <- 200
        stream 1 <- SUBSCRIBED
        disk #5 <- http marker of e1
        stream 1 <- LAUNCH t2
    "#]]
    .assert_eq(&world.subscribe("f1", "e1", 1));
}

#[test]
fn a_kill_of_an_unknown_task_of_a_known_framework_is_answered() {
    let mut world = World::running();

    expect![[r#"
        master <- StatusUpdate t9 TASK_LOST REASON_EXECUTOR_TERMINATED (Cannot find executor)
        timer: retry of t9 in 10secs
    "#]]
    .assert_eq(&world.kill("f1", "t9"));
    assert_eq!(world.kill("f9", "t9"), "");
}

#[test]
fn a_task_whose_id_was_used_before_is_killed_where_it_runs() {
    let mut world = World::registered();
    for (n, executor) in [(1, "e1"), (2, "e2")] {
        world.master(run("f1", custom_task("t1", executor), Some(true)));
        world.stored();
        world.container(n, ContainerEvent::Launched { pid: 100 });
        world.subscribe("f1", executor, n as u64);
        world.stored();
        if executor == "e1" {
            world.update("f1", "e1", status("t1", TaskState::TaskFinished, 1));
            world.stored();
            world.acknowledge("f1", "t1", 1);
            world.stored();
        }
    }

    expect![[r#"
        stream 2 <- KILL t1
    "#]]
    .assert_eq(&world.kill("f1", "t1"));
}
