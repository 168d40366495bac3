//! StatusUpdate: what is forwarded, what is recorded, what is counted.

use expect_test::expect;
use tepui_proto::internal::{StatusUpdate, StatusUpdateMessage};
use tepui_proto::v1::{AgentId, TaskState, TaskStatus};

use crate::cluster::{Cluster, cluster, task, uuid};
use crate::{Effect, FromAgent};

fn staged() -> Cluster {
    let mut cluster = cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| info.failover_timeout = Some(60.0));
    cluster.allocate();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128")]);
    cluster.forget();
    cluster
}

#[test]
fn each_state_is_forwarded_and_recorded() {
    let mut cluster = staged();

    let states =
        [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskRunning, TaskState::TaskKilling];
    for (number, state) in states.into_iter().enumerate() {
        cluster.update("a1", "web", "t1", state, number as u8 + 1);
    }
    cluster.update("a1", "web", "t1", TaskState::TaskKilled, 9);

    expect![[r#"
        changed task t1 (record 1): active, TASK_STARTING, statuses [TASK_STARTING]
        changed task t1 (record 1): active, TASK_RUNNING, statuses [TASK_STARTING, TASK_RUNNING]
        changed task t1 (record 1): active, TASK_RUNNING, statuses [TASK_STARTING, TASK_RUNNING]
        changed task t1 (record 1): active, TASK_KILLING, statuses [TASK_STARTING, TASK_RUNNING, TASK_KILLING]
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
        changed framework m-0000: active, uses {}, offered {}
        changed task t1 (record 1): active, TASK_KILLED, statuses [TASK_STARTING, TASK_RUNNING, TASK_KILLING, TASK_KILLED]
    "#]].assert_eq(&cluster.changes());
}

#[test]
fn the_history_keeps_no_data_and_the_event_does() {
    let mut cluster = staged();

    cluster.update("a1", "web", "t1", TaskState::TaskRunning, 1);

    let told = cluster.raw_effects().into_iter().find_map(|effect| match effect {
        Effect::Event { event, .. } => event.update.clone(),
        _ => None,
    });
    assert_eq!(told.unwrap().status.data.as_deref(), Some(b"d".as_slice()));
    let handle = cluster.master.frameworks.registered.handles()[0];
    let (_, task) = cluster.master.frameworks.registered[handle].tasks.first_key_value().unwrap();
    assert_eq!(task.message.statuses[0].data, None);
}

#[test]
fn what_is_ended_stays_ended() {
    let mut cluster = staged();

    cluster.update("a1", "web", "t1", TaskState::TaskFailed, 1);
    cluster.update("a1", "web", "t1", TaskState::TaskRunning, 2);

    expect![[r#"
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
        changed framework m-0000: active, uses {}, offered {}
        changed task t1 (record 1): active, TASK_FAILED, statuses [TASK_FAILED]
        changed task t1 (record 1): active, TASK_FAILED, statuses [TASK_FAILED, TASK_RUNNING]
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn an_update_for_an_absent_scheduler_is_recorded_and_not_counted_as_told() {
    let mut cluster = staged();
    cluster.disconnect("web");
    cluster.forget();

    cluster.update("a1", "web", "t1", TaskState::TaskFinished, 1);

    let effects = cluster.raw_effects();
    let texts: Vec<String> =
        effects.iter().map(ToString::to_string).filter(|text| !text.starts_with("log")).collect();
    expect![[r#"
        count master/messages_status_update
        allocator <- recovered used cpus(allocated: *):1; mem(allocated: *):128 on a0 from f0
        count master/tasks_finished
        count master/invalid_status_updates
        changed agent m-S0: active, has cpus:4; mem:1024, used {}, offered {}
        changed framework m-0000: disconnected, uses {}, offered {}
        changed task t1 (record 1): active, TASK_FINISHED, statuses [TASK_FINISHED]
    "#]]
    .assert_eq(&format!("{}\n", texts.join("\n")));
}

#[test]
fn an_update_of_an_unknown_task_is_forwarded_and_counted_invalid() {
    let mut cluster = staged();

    cluster.update("a1", "web", "stranger", TaskState::TaskFinished, 1);

    let effects = cluster.raw_effects();
    let texts: Vec<String> = effects.iter().map(ToString::to_string).collect();
    expect![[r#"
        count master/messages_status_update
        stream 1 <- UPDATE stranger TASK_FINISHED on m-S0, to acknowledge
        count master/invalid_status_updates
    "#]]
    .assert_eq(&format!("{}\n", texts.join("\n")));
}

#[test]
fn ends_are_counted_by_state_and_reason() {
    let mut cluster = staged();

    let status = TaskStatus {
        task_id: tepui_proto::v1::TaskId { value: "t1".into() },
        state: TaskState::TaskFailed as i32,
        source: Some(tepui_proto::v1::task_status::Source::Agent as i32),
        reason: Some(tepui_proto::v1::task_status::Reason::ContainerLimitationMemory as i32),
        ..TaskStatus::default()
    };
    let update = StatusUpdate {
        framework_id: cluster.framework_id("web"),
        slave_id: Some(AgentId { value: "m-S0".into() }),
        status,
        uuid: Some(uuid(1)),
        ..StatusUpdate::default()
    };
    cluster.say("a1", FromAgent::StatusUpdate(Box::new(StatusUpdateMessage { update, pid: None })));

    expect![[r#"
        count master/messages_status_update
        count master/tasks_failed
        count master/task_failed/source_agent/reason_container_limitation_memory
        count master/valid_status_updates
    "#]]
    .assert_eq(&cluster.counts());
}

#[test]
fn an_update_without_a_uuid_is_dropped() {
    let mut cluster = staged();

    let update = StatusUpdate {
        framework_id: cluster.framework_id("web"),
        slave_id: Some(AgentId { value: "m-S0".into() }),
        ..StatusUpdate::default()
    };
    cluster.say("a1", FromAgent::StatusUpdate(Box::new(StatusUpdateMessage { update, pid: None })));

    expect![[r#"
        log warn: status update dropped from=slave(1)@10.0.0.1:5051 why=Not a valid UUID
    "#]]
    .assert_eq(&cluster.logs());
}

#[test]
fn completed_tasks_beyond_the_limit_are_forgotten() {
    let config = crate::Config { max_completed_tasks_per_framework: 1, ..crate::Config::default() };
    let mut cluster = Cluster::with(config).agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:1; mem:128"), task("t2", "cpus:1; mem:128")]);
    cluster.forget();

    for (number, task) in [(1, "t1"), (2, "t2")] {
        cluster.update("a1", "web", task, TaskState::TaskFinished, number);
        cluster.acknowledge("web", "a1", task, number);
    }

    let changes = cluster.changes();
    let of_tasks: String =
        changes.lines().filter(|line| line.contains(" task ")).map(|l| format!("{l}\n")).collect();
    expect![[r#"
        changed task t1 (record 1): active, TASK_FINISHED, statuses [TASK_FINISHED]
        changed task t1 (record 1): completed, TASK_FINISHED, statuses [TASK_FINISHED]
        changed task t2 (record 2): active, TASK_FINISHED, statuses [TASK_FINISHED]
        changed task t2 (record 2): completed, TASK_FINISHED, statuses [TASK_FINISHED]
        changed task record 1: forgotten
    "#]]
    .assert_eq(&of_tasks);
}
