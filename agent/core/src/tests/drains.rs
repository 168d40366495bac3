//! Draining: what runs is killed, what comes is refused, and the end of it.

use expect_test::expect;
use tepui_proto::internal::{DrainSlaveMessage, ShutdownFrameworkMessage};
use tepui_proto::v1::TaskState::{TaskKilled, TaskKilling, TaskRunning};
use tepui_proto::v1::framework_info::{Capability, capability};
use tepui_proto::v1::{DrainConfig, DurationInfo, KillPolicy};

use super::recoveries::restart;
use super::world::{World, custom_task, run, status};
use crate::{ContainerEvent, MasterMessage};

fn drain(world: &mut World, seconds: Option<i64>, mark_gone: bool) -> String {
    let max_grace_period = seconds.map(|seconds| DurationInfo { nanoseconds: seconds * 1_000_000_000 });
    let config = DrainConfig { max_grace_period, mark_gone: Some(mark_gone) };
    world.master(MasterMessage::Drain(DrainSlaveMessage { config }))
}

#[test]
fn a_running_task_is_killed_and_its_framework_told_why() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();
    world.acknowledge("f1", "t1", 1);
    world.stored();

    expect![[r#"
        stream 1 <- KILL t1
        disk #6 <- drain
    "#]]
    .assert_eq(&drain(&mut world, Some(5), false));
    world.stored();
    world.update("f1", "t1", status("t1", TaskKilling, 2));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_KILLING REASON_AGENT_DRAINING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
    world.acknowledge("f1", "t1", 2);
    world.stored();
    world.update("f1", "t1", status("t1", TaskKilled, 3));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_KILLED REASON_AGENT_DRAINING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
    expect![[r#"
        master <- StatusUpdate t2 TASK_LOST REASON_AGENT_DRAINING (Task was received while agent was already draining)
        timer: retry of t2 in 10secs
    "#]].assert_eq(&world.run("f1", "t2"));
    world.exited(1, 0);
    world.acknowledge("f1", "t1", 3);

    expect![[r#"
        disk #11 <- sentinel of t1
        collect f1/t1/C1
        disk #12 <- drained
    "#]]
    .assert_eq(&world.stored());
    assert_eq!(world.agent.drain(), None);
}

#[test]
fn a_task_that_is_killed_for_good_is_gone_by_operator_to_those_who_know_the_word() {
    let mut world = World::registered();
    let mut message = run("f1", custom_task("t1", "e1"), Some(true));
    if let MasterMessage::RunTask(message) = &mut message {
        let aware = capability::Type::PartitionAware as i32;
        message.framework.capabilities = vec![Capability { r#type: Some(aware) }];
    }
    world.master(message);
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world.subscribe("f1", "e1", 1);
    world.stored();
    drain(&mut world, None, true);
    world.stored();

    world.update("f1", "e1", status("t1", TaskKilling, 1));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_KILLING REASON_AGENT_DRAINING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
    world.acknowledge("f1", "t1", 1);
    world.stored();
    world.update("f1", "e1", status("t1", TaskKilled, 2));
    expect![[r#"
        stream 1 <- ACKNOWLEDGED t1
        master <- StatusUpdate t1 TASK_GONE_BY_OPERATOR REASON_AGENT_DRAINING
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
    world.acknowledge("f1", "t1", 2);

    // The executor may stay: it has no task.
    expect![[r#"
        disk #9 <- drained
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn a_task_keeps_a_grace_period_that_is_shorter() {
    let grace = |seconds: i64| DurationInfo { nanoseconds: seconds * 1_000_000_000 };
    let mut world = World::registered();
    for (id, own) in [("t1", Some(2)), ("t2", Some(60)), ("t3", None)] {
        let mut info = custom_task(id, "e1");
        info.kill_policy = own.map(|own| KillPolicy { grace_period: Some(grace(own)) });
        world.master(run("f1", info, None));
    }
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world.subscribe("f1", "e1", 1);
    world.stored();
    world.container(1, ContainerEvent::Updated);
    world.stored();

    drain(&mut world, Some(5), false);

    let kills = world.last.iter().filter_map(|effect| match effect {
        crate::Effect::Event { event, .. } => event.kill.as_ref(),
        _ => None,
    });
    let periods = kills.map(|kill| {
        let period = kill.kill_policy.and_then(|policy| policy.grace_period);
        (kill.task_id.value.as_str(), period.map(|period| period.nanoseconds / 1_000_000_000))
    });
    assert_eq!(periods.collect::<Vec<_>>(), [("t1", None), ("t2", Some(5)), ("t3", Some(5))]);
}

#[test]
fn a_task_that_waits_for_its_executor_ends_at_once() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();

    expect![[r#"
        disk #3 <- update t1 TASK_KILLED
        container C1 <- destroy
        disk #4 <- drain
    "#]]
    .assert_eq(&drain(&mut world, None, false));
    expect![[r#"
        master <- StatusUpdate t1 TASK_KILLED REASON_AGENT_DRAINING (Killed before delivery to the executor)
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn an_agent_with_nothing_on_it_has_nothing_to_drain() {
    let mut world = World::registered();

    assert_eq!(drain(&mut world, None, false), "");

    assert_eq!(world.agent.drain(), None);
}

#[test]
fn the_drain_goes_on_when_the_agent_is_back() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();
    drain(&mut world, Some(5), false);
    world.stored();
    let container = world.containers[0].clone();
    let (mut world, _) = restart(world);
    world.step(crate::Input::ContainersRecovered { alive: vec![container] });

    expect![[r#"
        request 3 <- 200
        stream 2 <- SUBSCRIBED
        disk #1 <- http marker of t1
        stream 2 <- KILL t1
    "#]]
    .assert_eq(&world.subscribe("f1", "t1", 2));
}

#[test]
fn a_drain_that_cannot_be_written_goes_on_and_is_written_later() {
    let mut world = World::running();

    expect![[r#"
        stream 1 <- KILL t1
        disk #4 <- drain
    "#]]
    .assert_eq(&drain(&mut world, None, false));
    expect![[r#"
        timer: rewrite #4 in 10secs
    "#]]
    .assert_eq(&world.disk_full());
    expect![[r#"
        disk #4 <- drain
    "#]]
    .assert_eq(&world.pass(crate::limits::REWRITE_AFTER));
}

#[test]
fn the_end_of_a_framework_ends_the_drain_of_its_tasks() {
    let mut world = World::running();
    drain(&mut world, None, false);
    world.stored();
    assert!(world.agent.drain().is_some());
    let framework_id = tepui_proto::v1::FrameworkId { value: "f1".into() };

    world.master(MasterMessage::ShutdownFramework(ShutdownFrameworkMessage { framework_id }));

    assert_eq!(world.agent.drain(), None);
}
