//! Finding the master, and being found by it.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::internal;

use super::world::{AGENT_ID, World, registered, reregistered};
use crate::{Input, MasterMessage, Phase, Pid};

const SECOND: Duration = Duration::from_secs(1);

fn ping(connected: bool) -> MasterMessage {
    MasterMessage::Ping(internal::PingSlaveMessage { connected })
}

#[test]
fn a_fresh_agent_registers_within_the_back_off() {
    let mut world = World::new();

    expect![[r#"
        master <- RegisterSlave
        timer: register in 246.103356ms
        master <- RegisterSlave
        timer: register in 2.336353142secs
    "#]]
    .assert_eq(&world.pass(SECOND));
}

#[test]
fn attempts_repeat_with_growing_pauses_until_answered() {
    let mut world = World::new();

    let attempts = world.pass(Duration::from_secs(600)).matches("RegisterSlave").count();

    // Pauses are drawn below 1 s, 2 s, 4 s, … 60 s: around twenty-five attempts in ten minutes.
    assert!((12..60).contains(&attempts), "{attempts} attempts");
}

#[test]
fn an_id_is_written_down_and_the_agent_serves() {
    let mut world = World::new();
    world.pass(SECOND);

    expect![[r#"
        disk #1 <- agent m-S0
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
    "#]]
    .assert_eq(&world.master(registered(AGENT_ID)));
    assert!(matches!(world.agent.phase(), Phase::Running { .. }));
}

#[test]
fn a_second_answer_to_the_same_registration_changes_nothing() {
    let mut world = World::registered();

    assert_eq!(world.master(registered(AGENT_ID)), "");
}

#[test]
fn an_agent_never_takes_another_id() {
    let mut world = World::registered();

    expect![[r#"
        terminate: the master registered this agent as m-S1, but it is m-S0: start it with another work directory
    "#]].assert_eq(&world.master(registered("m-S1")));
}

#[test]
fn a_ping_is_answered_to_whoever_sent_it() {
    let mut world = World::registered();

    let from = Pid::new("slave-observer(3)@10.0.0.1:5050");
    let text = world.step(Input::Master { from, message: ping(true) });

    expect![[r#"
        slave-observer(3)@10.0.0.1:5050 <- PongSlave
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_ping_that_thinks_us_disconnected_makes_us_register_again() {
    let mut world = World::registered();
    world.pass(Duration::from_secs(5));

    world.master(ping(false));
    let text = world.pass(SECOND);

    expect![[r#"
        master <- ReregisterSlave 0 executors, tasks []
        timer: register in 970.868608ms
    "#]]
    .assert_eq(&text);
}

#[test]
fn silence_of_the_master_makes_us_register_again() {
    let mut world = World::registered();
    for _ in 0..10 {
        world.pass(Duration::from_secs(15));
        world.master(ping(true));
    }
    assert!(matches!(world.agent.phase(), Phase::Running { .. }));

    world.pass(Duration::from_secs(74));
    assert!(matches!(world.agent.phase(), Phase::Running { .. }));
    world.pass(Duration::from_secs(2));

    assert!(matches!(world.agent.phase(), Phase::Disconnected { .. }));
}

#[test]
fn a_lost_master_is_asked_again() {
    let mut world = World::registered();

    world.step(Input::MasterExited(Pid::new(super::world::MASTER)));

    assert!(world.pass(SECOND).contains("ReregisterSlave 0 executors, tasks []"));
    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
    "#]]
    .assert_eq(&world.master(reregistered(vec![])));
}

#[test]
fn a_new_master_gets_everything_that_runs_here() {
    let mut world = World::running();
    world.run_on("f2", "t2", Some(true));
    world.stored();

    world.step(Input::MasterDetected(Pid::new("master@10.0.0.2:5050")));

    expect![[r#"
        master@10.0.0.2:5050 <- ReregisterSlave 1 executors, tasks [t1 TASK_STAGING, t2 TASK_STAGING]
        timer: register in 292.048441ms
        master@10.0.0.2:5050 <- ReregisterSlave 1 executors, tasks [t1 TASK_STAGING, t2 TASK_STAGING]
        timer: register in 3.63240819secs
    "#]]
    .assert_eq(&world.pass(SECOND));
}

#[test]
fn messages_of_another_master_are_ignored() {
    let mut world = World::registered();

    let text = world.step(Input::Master { from: Pid::new("master@10.0.0.9:5050"), message: registered("x") });

    assert_eq!(text, "");
}

#[test]
fn the_master_can_end_the_agent() {
    let mut world = World::running();

    let text =
        world.master(MasterMessage::Shutdown(internal::ShutdownMessage { message: Some("gone".into()) }));
    expect![[r#"
        disk #4 <- forget agent
        stream 1 <- SHUTDOWN
        timer: shutdown grace of C1 in 5secs
    "#]]
    .assert_eq(&text);
    expect![[r#"
        stream 1 closed
        disk #5 <- sentinel of t1
        collect f1/t1/C1
        terminate: the master asked this agent to shut down: gone
    "#]]
    .assert_eq(&world.exited(1, 0));
}
