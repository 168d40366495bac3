use expect_test::expect;

use super::world::World;
use crate::ContainerEvent;

#[test]
fn a_running_task_is_killed_by_its_executor() {
    let mut world = World::running();

    expect![[""]].assert_eq(&world.kill("f1", "t1"));
}

#[test]
fn a_task_that_waits_for_its_executor_is_killed_at_once_and_so_is_the_executor() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();

    expect![[""]].assert_eq(&world.kill("f1", "t1"));
    expect![[""]].assert_eq(&world.stored());
    world.exited(1, 9);
    world.acknowledge_last("f1", "t1");
    expect![[""]].assert_eq(&world.stored());
}

#[test]
fn a_task_that_is_killed_before_its_container_is_made_never_gets_one() {
    let mut world = World::registered();
    world.run("f1", "t1");

    expect![[""]].assert_eq(&world.kill("f1", "t1"));
    expect![[""]].assert_eq(&world.stored());
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

    expect![[""]].assert_eq(&world.subscribe("f1", "e1", 1));
}

#[test]
fn a_kill_of_something_unknown_is_answered() {
    let mut world = World::running();

    expect![[""]].assert_eq(&world.kill("f1", "t9"));
    expect![[""]].assert_eq(&world.kill("f9", "t9"));
}
