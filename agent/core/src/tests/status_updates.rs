//! Updates on their way: in order, written down, sent again.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::TaskState::{TaskFinished, TaskRunning, TaskStarting};

use super::world::{MASTER, World, reregistered, status};
use crate::{Effect, Input, Pid, ToMaster};

#[test]
fn an_update_is_on_disk_before_anybody_hears_of_it() {
    let mut world = World::running();

    expect![[r#"
        request 2 <- 202
        disk #4 <- update t1 TASK_RUNNING
    "#]]
    .assert_eq(&world.update("f1", "t1", status("t1", TaskRunning, 1)));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_RUNNING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn readers_do_not_see_an_update_before_it_is_on_disk() {
    let mut world = World::running();
    let shown = |world: &World| {
        let framework = world.agent.frameworks().next().unwrap();
        framework
            .executors
            .values()
            .next()
            .unwrap()
            .launched
            .values()
            .next()
            .unwrap()
            .task
            .state()
            .as_str_name()
    };

    world.update("f1", "t1", status("t1", TaskRunning, 1));
    assert_eq!(shown(&world), "TASK_STAGING");
    world.stored();

    assert_eq!(shown(&world), "TASK_RUNNING");
}

#[test]
fn only_the_oldest_update_is_in_flight_and_it_tells_the_latest_state() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskStarting, 1));
    world.stored();
    world.update("f1", "t1", status("t1", TaskRunning, 2));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
    "#]]
    .assert_eq(&world.stored());

    world.acknowledge("f1", "t1", 1);
    expect![[r#"
        master <- StatusUpdate t1 TASK_RUNNING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn an_unacknowledged_update_is_sent_again_with_doubling_pauses() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();

    let mut sent_after = Vec::new();
    for second in 1..=3000 {
        if world.pass(Duration::from_secs(1)).contains("StatusUpdate") {
            sent_after.push(second);
        }
        let from = Pid::new("slave-observer(1)@10.0.0.1:5050");
        let message = crate::MasterMessage::Ping(tepui_proto::internal::PingSlaveMessage { connected: true });
        world.step(Input::Master { from, message });
    }

    assert_eq!(sent_after, [10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
}

#[test]
fn while_no_master_serves_us_updates_wait_and_then_all_heads_are_sent() {
    let mut world = World::running();
    world.step(Input::MasterExited(Pid::new(MASTER)));
    world.update("f1", "t1", status("t1", TaskRunning, 1));

    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
    "#]]
    .assert_eq(&world.stored());
    world.pass(Duration::from_secs(1));
    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
        master <- StatusUpdate t1 TASK_RUNNING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.master(reregistered(vec![])));
}

#[test]
fn a_duplicate_is_acknowledged_again_and_not_queued_again() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    assert_eq!(world.update("f1", "t1", status("t1", TaskRunning, 1)), "request 3 <- 202\n");
    world.stored();

    expect![[r#"
        request 4 <- 202
        stream 1 <- ACKNOWLEDGED t1
    "#]]
    .assert_eq(&world.update("f1", "t1", status("t1", TaskRunning, 1)));
}

#[test]
fn a_second_terminal_update_is_forwarded_as_its_own() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskFinished, 1));
    world.update("f1", "t1", status("t1", TaskFinished, 2));
    world.stored();

    world.acknowledge("f1", "t1", 1);
    expect![[r#"
        master <- StatusUpdate t1 TASK_FINISHED
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
    world.acknowledge("f1", "t1", 2);
    world.stored();
    assert!(world.agent.updates().is_empty());
}

#[test]
fn a_status_says_where_the_task_runs_and_keeps_the_executor_unnamed() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();

    let sent = world.last.iter().find_map(|effect| match effect {
        Effect::Master { message: ToMaster::StatusUpdate(message), .. } => {
            Some(message.update.status.clone())
        }
        _ => None,
    });
    let sent = sent.expect("the update was sent");
    let container = sent.container_status.unwrap();
    assert_eq!(container.executor_pid, Some(100));
    assert_eq!(container.container_id.unwrap().value, world.containers[0].to_string());
    assert_eq!(container.network_infos[0].ip_addresses[0].ip_address(), "10.0.0.7");
    assert_eq!(sent.agent_id.unwrap().value, "m-S0");
    assert_eq!(sent.executor_id, None);
}

#[test]
fn a_write_that_failed_is_tried_again() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));

    expect![[r#"
        timer: rewrite #4 in 10secs
    "#]]
    .assert_eq(&world.disk_full());
    expect![[r#"
        disk #4 <- update t1 TASK_RUNNING
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(10)));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_RUNNING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn an_update_does_not_overtake_one_that_must_be_written_again() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.disk_full();

    let meanwhile = world.update("f1", "t1", status("t1", TaskFinished, 2));
    world.pass(Duration::from_secs(10));

    assert_eq!(meanwhile, "request 3 <- 202\n");
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_RUNNING
        timer: retry of t1 in 10secs
        disk #5 <- update t1 TASK_FINISHED
        stream 1 <- ACKNOWLEDGED t1
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn an_executor_that_reconnected_hears_of_its_update_on_the_new_stream() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stream_lost(1);
    world.subscribe("f1", "t1", 2);

    expect![[r#"
        stream 2 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_RUNNING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}
