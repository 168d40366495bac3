//! Starting again over what an earlier life left behind.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::TaskState::{TaskFinished, TaskRunning};
use tepui_proto::v1::executor::call;

use super::world::{MASTER, World, reregistered, status, task};
use crate::ContainerEvent::Exited;
use crate::{
    Input, Pid, Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask, Termination,
    Write,
};

/// What a shell would read back from these writes.
fn read_back(world: &World) -> Recovered {
    let mut recovered = Recovered::default();
    for write in &world.disk {
        match write.clone() {
            Write::Agent(info) => recovered.info = Some(*info),
            Write::ForgetAgent => recovered = Recovered::default(),
            Write::Assets(state) => recovered.assets = *state,
            Write::Drain { config, .. } => recovered.drain = config,
            Write::Framework { info, pid, .. } => {
                recovered.frameworks.push(RecoveredFramework {
                    info: (*info).clone(),
                    pid,
                    executors: vec![],
                });
            }
            Write::Executor { run, info, generated } => {
                let latest = RecoveredRun {
                    container: run.container,
                    completed: false,
                    pid: Some(100),
                    driver: None,
                    tasks: vec![],
                };
                let executor = RecoveredExecutor {
                    info: (*info).clone(),
                    generated,
                    latest: Some(latest),
                    older: vec![],
                };
                recovered.frameworks.last_mut().unwrap().executors.push(executor);
            }
            Write::Task { task, .. } => {
                latest(&mut recovered).tasks.push(RecoveredTask { task: *task, records: vec![] });
            }
            Write::Update { record, .. } => {
                latest(&mut recovered).tasks.last_mut().unwrap().records.push(*record)
            }
            Write::Sentinel(_) => latest(&mut recovered).completed = true,
            Write::Subscription { pid, .. } => latest(&mut recovered).driver = pid,
        }
    }
    recovered
}

fn latest(recovered: &mut Recovered) -> &mut RecoveredRun {
    recovered.frameworks.last_mut().unwrap().executors.last_mut().unwrap().latest.as_mut().unwrap()
}

pub fn restart(world: World) -> (World, String) {
    let recovered = read_back(&world);
    let (mut world, text) = world.restarted(recovered);
    world.step(Input::MasterDetected(Pid::new(MASTER)));
    (world, text)
}

pub fn all_alive(world: &mut World) -> String {
    let alive = world.containers.clone();
    world.step(Input::ContainersRecovered { alive })
}

#[test]
fn a_restarted_agent_finds_its_containers_and_waits_for_their_executors() {
    let (mut world, text) = restart(World::running());

    expect![[r#"
        containers: recover f1/t1/C1
    "#]]
    .assert_eq(&text);
    expect![[r#"
        timer: reregistration of executors in 2secs
    "#]]
    .assert_eq(&all_alive(&mut world));
}

#[test]
fn a_reconnected_executor_goes_on_and_the_master_hears_of_its_task() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();
    let (mut world, _) = restart(world);
    all_alive(&mut world);

    expect![[r#"
        request 3 <- 200
        stream 2 <- SUBSCRIBED
        disk #1 <- http marker of t1
    "#]]
    .assert_eq(&world.subscribe("f1", "t1", 2));
    expect![[r#"
        timer: register in 899.891491ms
        master <- ReregisterSlave 0 executors, tasks [t1 TASK_RUNNING]
        timer: register in 1.509669432secs
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(4)));
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
fn an_update_that_the_old_agent_never_saw_comes_with_the_subscription() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();
    let (mut world, _) = restart(world);
    all_alive(&mut world);

    let told = call::Subscribe {
        unacknowledged_tasks: vec![task("t1", "cpus:1;mem:128")],
        unacknowledged_updates: vec![
            call::Update { status: status("t1", TaskRunning, 1) },
            call::Update { status: status("t1", TaskFinished, 2) },
        ],
    };
    expect![[r#"
        request 3 <- 200
        stream 2 <- SUBSCRIBED
        disk #1 <- http marker of t1
        stream 2 <- ACKNOWLEDGED t1
        disk #2 <- update t1 TASK_FINISHED
    "#]]
    .assert_eq(&world.subscribe_with("f1", "t1", 2, told));
    expect![[r#"
        stream 2 <- ACKNOWLEDGED t1
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn a_finished_update_during_recovery_is_taken() {
    let (mut world, _) = restart(World::running());
    all_alive(&mut world);
    world.subscribe("f1", "t1", 2);

    let text = world.update("f1", "t1", status("t1", TaskFinished, 2));

    assert!(text.contains("202"), "{text}");
}

#[test]
fn before_its_executor_is_back_it_may_not_speak() {
    let (mut world, _) = restart(World::running());

    let text = world.update("f1", "t1", status("t1", TaskFinished, 2));

    expect![[r#"
        request 2 <- 503 Agent has not finished recovery
    "#]]
    .assert_eq(&text);
}

#[test]
fn an_executor_that_ended_meanwhile_fails_its_task_with_the_status_it_left() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();
    let (mut world, _) = restart(world);
    world.step(Input::ContainersRecovered { alive: vec![] });

    let text = world.container(1, Exited(Termination { status: Some(9), ..Termination::default() }));

    expect![[r#"
        disk #1 <- update t1 TASK_FAILED
    "#]]
    .assert_eq(&text);
    world.stored();
    world.pass(Duration::from_secs(1));
    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
        master <- StatusUpdate t1 TASK_RUNNING, latest TASK_FAILED
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.master(reregistered(vec![])));
}

#[test]
fn an_executor_that_does_not_come_back_is_destroyed() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskRunning, 1));
    world.stored();
    let (mut world, _) = restart(world);
    all_alive(&mut world);

    expect![[r#"
        container C1 <- destroy
        timer: register in 899.891491ms
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(2)));
    world.exited(1, 9);
    let text = world.stored();
    world.pass(Duration::from_secs(2));
    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
        master <- StatusUpdate t1 TASK_RUNNING, latest TASK_LOST
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&format!("{text}{}", world.master(reregistered(vec![]))));
}

#[test]
fn a_task_that_the_executor_never_got_is_lost() {
    let (mut world, _) = restart(World::running());
    all_alive(&mut world);

    world.subscribe("f1", "t1", 2);

    expect![[""]].assert_eq(&world.stored());
    expect![[r#"
        timer: register in 814.560229ms
        master <- ReregisterSlave 0 executors, tasks [t1 TASK_LOST]
        timer: register in 440.604944ms
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(3)));
}

#[test]
fn an_acknowledged_end_is_not_told_again() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskFinished, 1));
    world.stored();
    world.acknowledge("f1", "t1", 1);
    world.stored();
    let (mut world, _) = restart(world);
    world.step(Input::ContainersRecovered { alive: vec![] });

    let text = world.container(1, Exited(Termination { status: Some(0), ..Termination::default() }));

    expect![[r#"
        disk #1 <- sentinel of t1
        collect f1/t1/C1
    "#]]
    .assert_eq(&text);
    assert!(world.agent.updates().is_empty());
}

#[test]
fn an_unacknowledged_end_is_told_again_after_registration() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskFinished, 1));
    world.stored();
    let (mut world, _) = restart(world);
    world.step(Input::ContainersRecovered { alive: vec![] });
    world.container(1, Exited(Termination { status: Some(0), ..Termination::default() }));

    world.pass(Duration::from_secs(1));
    expect![[r#"
        watch master
        timer: ping in 75secs
        master <- UpdateSlave
        master <- StatusUpdate t1 TASK_FINISHED
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.master(reregistered(vec![])));
}

#[test]
fn completed_and_older_runs_are_collected() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskFinished, 1));
    world.stored();
    world.acknowledge("f1", "t1", 1);
    world.stored();
    world.exited(1, 0);
    world.stored();

    let (world, text) = restart(world);

    expect![[r#"
        collect f1/t1/C1
        containers: recover
    "#]]
    .assert_eq(&text);
    assert_eq!(world.agent.frameworks().count(), 0);
}

#[test]
fn cleanup_ends_executors_and_then_the_agent() {
    let world = World::running();
    let recovered = read_back(&world);
    let mut settings = super::world::settings();
    settings.recover = crate::Recover::Cleanup;
    let containers = world.containers.clone();
    let (mut world, _) = world.restarted_with(settings, recovered);
    world.step(Input::ContainersRecovered { alive: containers });

    expect![[r#"
        request 2 <- 200
        stream 2 <- SHUTDOWN
    "#]]
    .assert_eq(&world.subscribe("f1", "t1", 2));
    expect![[r#"
        container C1 <- destroy
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(2)));
    expect![[r#"
        disk #1 <- sentinel of t1
        collect f1/t1/C1
        terminate: recovered executors were shut down (--recover=cleanup)
    "#]]
    .assert_eq(&world.exited(1, 0));
}

#[test]
fn changed_resources_are_written_down() {
    let world = World::registered();
    let mut recovered = read_back(&world);
    recovered.info.as_mut().unwrap().resources.pop();

    let (_, text) = world.restarted(recovered);

    expect![[r#"
        disk #1 <- agent m-S0
        containers: recover
    "#]]
    .assert_eq(&text);
}

#[test]
fn an_agent_without_checkpoints_has_what_an_earlier_one_left_destroyed() {
    let world = World::registered();

    let (mut world, started) = world.restarted(Recovered::default());

    expect![[r#"
        containers: recover
    "#]]
    .assert_eq(&started);
    world.step(Input::MasterDetected(Pid::new(MASTER)));
    expect![[r#"
        timer: register in 899.891491ms
    "#]]
    .assert_eq(&world.step(Input::ContainersRecovered { alive: Vec::new() }));
}
