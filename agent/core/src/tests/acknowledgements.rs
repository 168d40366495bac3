//! What an acknowledgement sets free, and which ones are refused.

use expect_test::expect;
use tepui_proto::v1::TaskState::{TaskFinished, TaskRunning};

use super::world::{World, status};

#[test]
fn an_acknowledgement_is_written_down_before_the_next_update_is_sent() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.update("f1", "t1", status("t1", TaskFinished, 2));
    world.stored();

    expect![[r#"
        disk #6 <- ack t1
    "#]]
    .assert_eq(&world.acknowledge("f1", "t1", 1));
    assert_eq!(world.acknowledge("f1", "t1", 1), "", "a repeated acknowledgement is not written twice");
    expect![[r#"
        master <- StatusUpdate t1 TASK_FINISHED
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn an_acknowledgement_of_something_else_is_ignored() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();

    assert_eq!(world.acknowledge("f1", "t1", 9), "");
    assert_eq!(world.acknowledge("f1", "t9", 1), "");
}

#[test]
fn the_last_acknowledgement_ends_a_terminated_executor() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskFinished, 1));
    world.stored();
    assert_eq!(world.exited(1, 0), "stream 1 closed\n");

    world.acknowledge("f1", "t1", 1);
    expect![[r#"
        disk #6 <- sentinel of t1
        collect f1/t1/C1
    "#]]
    .assert_eq(&world.stored());
    assert_eq!(world.agent.frameworks().count(), 0);
    assert_eq!(world.agent.completed_frameworks().count(), 1);
}

#[test]
fn the_end_of_the_container_completes_an_executor_whose_tasks_were_all_acknowledged() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskFinished, 1));
    world.stored();
    world.acknowledge("f1", "t1", 1);
    world.stored();

    expect![[r#"
        stream 1 closed
        disk #6 <- sentinel of t1
        collect f1/t1/C1
    "#]]
    .assert_eq(&world.exited(1, 0));
}
