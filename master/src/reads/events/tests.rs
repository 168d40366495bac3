//! Changes as readers hear them, and what operators' streams tell of each.

use std::sync::Arc;

use expect_test::{Expect, expect};
use tepui_master_core::{
    AgentStanding, AgentView, Changed, ExecutorView, FrameworkHandle, FrameworkStanding, FrameworkView,
    TaskStanding, TaskView,
};
use tepui_model::{AgentId, FrameworkId, Resources, Time};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};

use super::super::cluster::Cluster;
use super::of;
use crate::encoding::Encoding;

/// Applies the changes one by one, and holds the events against `expected`: a line for each change.
#[track_caller]
fn told(changes: Vec<Changed>, expected: &Expect) {
    let mut cluster = Cluster::default();
    let mut lines = String::new();
    for change in changes {
        let event = of(&change, &cluster).map(|event| Encoding::Json.encode(&event));
        lines += &event.map_or("-".into(), |event| String::from_utf8(event).expect("JSON is UTF-8"));
        lines.push('\n');
        cluster.apply(change);
    }
    expected.assert_eq(&lines);
}

fn status(state: TaskState) -> v1::TaskStatus {
    v1::TaskStatus { task_id: v1::TaskId { value: "t".into() }, state: state as i32, ..Default::default() }
}

fn checked(state: TaskState, healthy: bool) -> v1::TaskStatus {
    let reason = Some(Reason::TaskHealthCheckStatusUpdated as i32);
    v1::TaskStatus { reason, healthy: Some(healthy), ..status(state) }
}

fn task(standing: TaskStanding, state: TaskState, statuses: &[v1::TaskStatus]) -> Changed {
    let task = v1::Task {
        name: "a task".into(),
        task_id: v1::TaskId { value: "t".into() },
        framework_id: v1::FrameworkId { value: "f".into() },
        agent_id: v1::AgentId { value: "a".into() },
        state: state as i32,
        statuses: statuses.to_vec(),
        ..v1::Task::default()
    };
    let framework = FrameworkId::parse("f").expect("an id");
    Changed::Task(TaskView { record: 1, framework, standing, task: Arc::new(task) })
}

fn agent(standing: AgentStanding) -> Changed {
    Changed::Agent(Arc::new(AgentView {
        id: AgentId::parse("a").expect("an id"),
        handle: None,
        info: Some(Arc::new(v1::AgentInfo { hostname: "host".into(), ..v1::AgentInfo::default() })),
        standing,
        deactivated: false,
        drain: None,
        pid: None,
        version: "1.11.0".into(),
        capabilities: Arc::default(),
        registered: Some(Time::from_nanos(1)),
        reregistered: None,
        total: Arc::default(),
        used: Arc::default(),
        offered: Arc::default(),
    }))
}

fn view(info: &Arc<v1::FrameworkInfo>, standing: FrameworkStanding) -> FrameworkView {
    FrameworkView {
        id: FrameworkId::parse("f").expect("an id"),
        handle: FrameworkHandle::new(0, 0),
        info: info.clone(),
        standing,
        pid: None,
        registered: Time::from_nanos(1),
        reregistered: None,
        unregistered: None,
        used: Arc::default(),
        offered: Arc::default(),
        suppressed_roles: Vec::new(),
        offer_constraints: None,
    }
}

fn info() -> Arc<v1::FrameworkInfo> {
    Arc::new(v1::FrameworkInfo { user: "root".into(), name: "web".into(), ..v1::FrameworkInfo::default() })
}

#[test]
fn a_task_is_added_once_and_updated_with_each_new_state() {
    let running = status(TaskState::TaskRunning);
    let again = v1::TaskStatus { timestamp: Some(2.0), ..running.clone() };
    let finished = [running.clone(), status(TaskState::TaskFinished)];

    told(
        vec![
            task(TaskStanding::Active, TaskState::TaskStaging, &[]),
            task(TaskStanding::Active, TaskState::TaskRunning, &[running]),
            // A status of the same state takes the place of the last one.
            task(TaskStanding::Active, TaskState::TaskRunning, &[again]),
            task(TaskStanding::Active, TaskState::TaskFinished, &finished),
            // Acknowledged.
            task(TaskStanding::Completed, TaskState::TaskFinished, &finished),
            Changed::TaskForgotten(1),
        ],
        &expect![[r#"
            {"type":"TASK_ADDED","task_added":{"task":{"name":"a task","task_id":{"value":"t"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"state":"TASK_STAGING"}}}
            {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"f"},"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING"},"state":"TASK_RUNNING"}}
            -
            {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"f"},"status":{"task_id":{"value":"t"},"state":"TASK_FINISHED"},"state":"TASK_FINISHED"}}
            -
            -
        "#]],
    );
}

#[test]
fn every_result_of_a_check_is_told() {
    told(
        vec![
            task(TaskStanding::Active, TaskState::TaskRunning, &[status(TaskState::TaskRunning)]),
            task(TaskStanding::Active, TaskState::TaskRunning, &[checked(TaskState::TaskRunning, true)]),
            task(TaskStanding::Active, TaskState::TaskRunning, &[checked(TaskState::TaskRunning, false)]),
        ],
        &expect![[r#"
            {"type":"TASK_ADDED","task_added":{"task":{"name":"a task","task_id":{"value":"t"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"state":"TASK_RUNNING","statuses":[{"task_id":{"value":"t"},"state":"TASK_RUNNING"}]}}}
            {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"f"},"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","reason":"REASON_TASK_HEALTH_CHECK_STATUS_UPDATED","healthy":true},"state":"TASK_RUNNING"}}
            {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"f"},"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","reason":"REASON_TASK_HEALTH_CHECK_STATUS_UPDATED","healthy":false},"state":"TASK_RUNNING"}}
        "#]],
    );
}

#[test]
fn the_newest_state_may_be_ahead_of_the_status_that_is_told() {
    told(
        vec![
            task(TaskStanding::Active, TaskState::TaskStaging, &[]),
            task(TaskStanding::Active, TaskState::TaskFinished, &[status(TaskState::TaskRunning)]),
        ],
        &expect![[r#"
            {"type":"TASK_ADDED","task_added":{"task":{"name":"a task","task_id":{"value":"t"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"state":"TASK_STAGING"}}}
            {"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":"f"},"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING"},"state":"TASK_FINISHED"}}
        "#]],
    );
}

#[test]
fn a_task_that_had_ended_before_this_master_knew_of_it_is_not_told() {
    let ended = [status(TaskState::TaskFinished)];

    told(
        vec![task(TaskStanding::Completed, TaskState::TaskFinished, &ended)],
        &expect![["
        -
    "]],
    );
}

#[test]
fn an_agent_is_added_when_it_is_registered_and_removed_when_it_is_not() {
    let since = Time::from_nanos(5);
    told(
        vec![
            agent(AgentStanding::Recovered),
            agent(AgentStanding::Active),
            agent(AgentStanding::Disconnected),
            agent(AgentStanding::Active),
            agent(AgentStanding::Unreachable { since }),
            agent(AgentStanding::Active),
            Changed::AgentForgotten(AgentId::parse("a").expect("an id")),
            // One that was not registered when the registry forgot it.
            agent(AgentStanding::Unreachable { since }),
            Changed::AgentForgotten(AgentId::parse("a").expect("an id")),
        ],
        &expect![[r#"
            -
            {"type":"AGENT_ADDED","agent_added":{"agent":{"agent_info":{"hostname":"host","port":5051},"active":true,"deactivated":false,"version":"1.11.0","registered_time":{"nanoseconds":1}}}}
            -
            -
            {"type":"AGENT_REMOVED","agent_removed":{"agent_id":{"value":"a"}}}
            {"type":"AGENT_ADDED","agent_added":{"agent":{"agent_info":{"hostname":"host","port":5051},"active":true,"deactivated":false,"version":"1.11.0","registered_time":{"nanoseconds":1}}}}
            {"type":"AGENT_REMOVED","agent_removed":{"agent_id":{"value":"a"}}}
            -
            -
        "#]],
    );
}

#[test]
fn a_framework_is_updated_when_it_says_something_new_of_itself_and_not_when_it_gets_offers() {
    let (first, second) = (info(), info());
    let active = view(&first, FrameworkStanding::Active);
    let offered = Arc::new(Resources::default());
    let framework = |view: FrameworkView| Changed::Framework(Arc::new(view));
    told(
        vec![
            framework(active.clone()),
            framework(FrameworkView { offered, ..active.clone() }),
            framework(view(&first, FrameworkStanding::Disconnected)),
            // It subscribed again, then called UPDATE_FRAMEWORK.
            framework(FrameworkView { reregistered: Some(Time::from_nanos(2)), ..active.clone() }),
            framework(FrameworkView {
                reregistered: Some(Time::from_nanos(2)),
                ..view(&second, FrameworkStanding::Active)
            }),
            framework(FrameworkView {
                unregistered: Some(Time::from_nanos(3)),
                ..view(&second, FrameworkStanding::Completed)
            }),
            Changed::FrameworkForgotten(active.id),
        ],
        &expect![[r#"
            {"type":"FRAMEWORK_ADDED","framework_added":{"framework":{"framework_info":{"user":"root","name":"web","failover_timeout":0.0,"checkpoint":false},"active":true,"connected":true,"recovered":false,"registered_time":{"nanoseconds":1},"reregistered_time":{"nanoseconds":1},"unregistered_time":{"nanoseconds":0}}}}
            -
            -
            {"type":"FRAMEWORK_UPDATED","framework_updated":{"framework":{"framework_info":{"user":"root","name":"web","failover_timeout":0.0,"checkpoint":false},"active":true,"connected":true,"recovered":false,"registered_time":{"nanoseconds":1},"reregistered_time":{"nanoseconds":2},"unregistered_time":{"nanoseconds":0}}}}
            {"type":"FRAMEWORK_UPDATED","framework_updated":{"framework":{"framework_info":{"user":"root","name":"web","failover_timeout":0.0,"checkpoint":false},"active":true,"connected":true,"recovered":false,"registered_time":{"nanoseconds":1},"reregistered_time":{"nanoseconds":2},"unregistered_time":{"nanoseconds":0}}}}
            {"type":"FRAMEWORK_REMOVED","framework_removed":{"framework_info":{"user":"root","name":"web","failover_timeout":0.0,"checkpoint":false}}}
            -
        "#]],
    );
}

#[test]
fn secrets_of_a_task_stay_with_the_master() {
    let Changed::Task(mut view) = task(TaskStanding::Active, TaskState::TaskStaging, &[]) else {
        unreachable!("it is a task")
    };
    let secret = v1::Secret {
        value: Some(v1::secret::Value { data: "hunter2".into() }.into()),
        ..v1::Secret::default()
    };
    let check = v1::HealthCheck {
        command: Some(Box::new(v1::CommandInfo {
            environment: Some(v1::Environment {
                variables: vec![v1::environment::Variable {
                    name: "TOKEN".into(),
                    secret: Some(secret),
                    ..Default::default()
                }],
            }),
            ..Default::default()
        })),
        ..Default::default()
    };
    Arc::make_mut(&mut view.task).health_check = Some(Box::new(check));

    let event = of(&Changed::Task(view), &Cluster::default()).expect("a new task is told");
    let text = String::from_utf8(Encoding::Json.encode(&event)).expect("JSON is UTF-8");

    assert!(text.contains("TOKEN") && !text.contains("aHVudGVyMg"), "{text}");
}

#[test]
fn executors_are_not_told() {
    let executor = ExecutorView {
        framework: FrameworkId::parse("f").expect("an id"),
        agent: AgentId::parse("a").expect("an id"),
        info: Arc::default(),
    };

    assert_eq!(of(&Changed::Executor(executor), &Cluster::default()), None);
}
