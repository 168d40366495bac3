//! Answers that are written piece by piece are those that are written at once, and pages those of a list in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message as _;
use serde_json::Value;
use tepui_allocator::FrameworkHandle;
use tepui_master_core::{
    AgentStanding, AgentView, Changed, ExecutorView, FrameworkStanding, FrameworkView, TaskStanding, TaskView,
};
use tepui_model::{AgentId, FrameworkId, Resources, Role, Time};
use tepui_proto::v1::master::Response;
use tepui_proto::v1::{self, TaskState};

use super::legacy::{LegacyRead, TaskFilter};
use super::operator::{AnswerJson, OperatorRead};
use super::{Cluster, Known, legacy, operator};
use crate::encoding::Encoding;
use crate::identity::Identity;

fn identity() -> Identity {
    let info = v1::MasterInfo { id: "m".into(), port: 5050, ..v1::MasterInfo::default() };
    Identity {
        info,
        start_time: Time::from_secs(1),
        flags: [("quorum".to_owned(), "1".to_owned())].into(),
        roles: None,
    }
}

fn agent(name: &str, standing: AgentStanding) -> Changed {
    let id = AgentId::parse(name).unwrap();
    let total = Resources::parse("cpus:4;mem:1024;ports:[31000-31010]", &Role::star()).unwrap();
    let info = v1::AgentInfo {
        id: Some(id.to_wire()),
        hostname: format!("{name}.example"),
        resources: total.to_wire(),
        ..v1::AgentInfo::default()
    };
    Changed::Agent(Arc::new(AgentView {
        id,
        handle: None,
        info: Some(info.into()),
        standing,
        deactivated: false,
        drain: None,
        pid: None,
        version: "1.11.0".into(),
        capabilities: Arc::default(),
        registered: Some(Time::from_secs(2)),
        reregistered: None,
        total: total.into(),
        used: Arc::default(),
        offered: Arc::default(),
    }))
}

fn framework(name: &str, standing: FrameworkStanding) -> Changed {
    let id = FrameworkId::parse(name).unwrap();
    let info = v1::FrameworkInfo {
        id: Some(id.to_wire()),
        name: name.into(),
        roles: vec!["web".into()],
        ..v1::FrameworkInfo::default()
    };
    Changed::Framework(Arc::new(FrameworkView {
        id,
        handle: FrameworkHandle::new(0, 0),
        info: info.into(),
        standing,
        pid: None,
        registered: Time::from_secs(3),
        reregistered: None,
        unregistered: None,
        used: Arc::default(),
        offered: Arc::default(),
        suppressed_roles: Vec::new(),
        offer_constraints: None,
    }))
}

fn task(record: u64, framework: &str, standing: TaskStanding, seen: Option<f64>) -> Changed {
    let framework = FrameworkId::parse(framework).unwrap();
    let status = |seen| v1::TaskStatus { timestamp: Some(seen), ..v1::TaskStatus::default() };
    let task = v1::Task {
        name: "a \"task\"".into(),
        task_id: v1::TaskId { value: format!("t{record}") },
        framework_id: framework.to_wire(),
        agent_id: v1::AgentId { value: "a1".into() },
        state: TaskState::TaskRunning as i32,
        resources: Resources::parse("cpus:1;mem:32", &Role::star()).unwrap().to_wire(),
        statuses: seen.map(status).into_iter().collect(),
        ..v1::Task::default()
    };
    Changed::Task(TaskView { record, framework, standing, task: task.into() })
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    let executor = ExecutorView {
        framework: FrameworkId::parse("f1").unwrap(),
        agent: AgentId::parse("a1").unwrap(),
        info: v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: "e1".into() },
            ..v1::ExecutorInfo::default()
        }
        .into(),
    };
    for change in [
        Changed::Serving { since: Time::from_secs(1) },
        agent("a1", AgentStanding::Active),
        agent("a2", AgentStanding::Recovered),
        agent("a3", AgentStanding::Unreachable { since: Time::from_secs(9) }),
        framework("f1", FrameworkStanding::Active),
        framework("f2", FrameworkStanding::Completed),
        framework("f3", FrameworkStanding::Disconnected),
        task(1, "f1", TaskStanding::Active, Some(4.0)),
        task(2, "f1", TaskStanding::Active, None),
        task(3, "f1", TaskStanding::Completed, Some(5.0)),
        task(4, "f3", TaskStanding::Unreachable, Some(6.0)),
        task(5, "f2", TaskStanding::Completed, Some(7.0)),
        Changed::Executor(executor),
    ] {
        cluster.apply(change);
    }
    cluster
}

const WHOLE: [OperatorRead; 5] = [
    OperatorRead::State,
    OperatorRead::Agents,
    OperatorRead::Frameworks,
    OperatorRead::Executors,
    OperatorRead::Tasks,
];

#[test]
fn pieces_make_the_answer_that_the_message_is() {
    let (full, identity) = (cluster(), identity());
    let mut empty = Cluster::default();
    empty.apply(Changed::Serving { since: Time::from_secs(1) });

    for cluster in [&full, &empty] {
        for read in WHOLE {
            let expected = operator::answer(read, cluster, &identity);
            let protobuf = operator::body(read, Encoding::Protobuf, cluster, &identity).whole();
            let json = operator::body(read, Encoding::Json, cluster, &identity).whole();

            assert_eq!(Response::decode(&protobuf[..]).unwrap(), expected, "{read:?}");
            assert_eq!(
                String::from_utf8(json).unwrap(),
                serde_json::to_string(&AnswerJson(&expected)).unwrap(),
                "{read:?}"
            );
        }
    }
}

#[test]
fn the_state_is_the_same_however_small_the_steps_are() {
    let (cluster, identity) = (cluster(), identity());
    let body = || legacy::body(&LegacyRead::State, &cluster, &identity);

    let whole = body().whole();
    let (mut steps, mut step, mut small) = (Vec::new(), Vec::new(), body());
    while small.write(&mut step, 1) {
        steps.append(&mut step);
    }
    steps.append(&mut step);

    assert_eq!(steps, whole);
    let state: Value = serde_json::from_slice(&whole).unwrap();
    let count = |list: &str| state[list].as_array().map(Vec::len);
    assert_eq!((count("slaves"), count("recovered_slaves")), (Some(1), Some(1)));
    assert_eq!((count("frameworks"), count("completed_frameworks")), (Some(2), Some(1)));
    assert_eq!(state["frameworks"][0]["tasks"].as_array().map(Vec::len), Some(2));
    assert_eq!(state["frameworks"][0]["tasks"][0]["name"], "a \"task\"");
    assert_eq!(state["frameworks"][0]["executors"][0]["executor_id"], "e1");
    assert_eq!(state["frameworks"][1]["unreachable_tasks"][0]["id"], "t4");
    assert_eq!(state["completed_frameworks"][0]["completed_tasks"][0]["id"], "t5");
    assert_eq!(state["orphan_tasks"], serde_json::json!([]));
}

#[test]
fn an_answer_shows_the_moment_of_the_question() {
    let (mut cluster, identity) = (cluster(), identity());

    let body = legacy::body(&LegacyRead::State, &cluster, &identity);
    cluster.apply(Changed::TaskForgotten(1));
    cluster.apply(Changed::FrameworkForgotten(FrameworkId::parse("f2").unwrap()));

    let state: Value = serde_json::from_slice(&body.whole()).unwrap();
    assert_eq!(state["frameworks"][0]["tasks"].as_array().map(Vec::len), Some(2));
    assert_eq!(state["completed_frameworks"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_task_that_changed_is_written_anew_and_texts_go_when_nobody_asks() {
    let (mut cluster, identity) = (cluster(), identity());
    let state = |cluster: &Cluster| legacy::body(&LegacyRead::State, cluster, &identity).whole();
    let now = Instant::now();
    cluster.asked(now);

    let before = state(&cluster);
    cluster.apply(task(1, "f1", TaskStanding::Active, Some(44.0)));
    let after = state(&cluster);
    cluster.forget_texts(now + Duration::from_secs(299));
    let still_kept = cluster.kept_tasks().all(|task| task.has_texts());
    cluster.forget_texts(now + Duration::from_secs(301));
    let kept = cluster.kept_tasks().any(|task| task.has_texts());

    assert!(!String::from_utf8(before).unwrap().contains("44.0"));
    assert!(String::from_utf8(after.clone()).unwrap().contains("\"timestamp\":44.0"));
    assert_eq!((still_kept, kept), (true, false));
    assert_eq!(state(&cluster), after);
}

#[test]
fn every_page_of_tasks_is_a_part_of_the_list_in_order() {
    let (mut cluster, identity) = (Cluster::default(), identity());
    // Many were first heard of at the same moment, and some never.
    for record in 0..100_u64 {
        let seen = (record % 9 != 0).then_some((record * 7 % 10) as f64);
        cluster.apply(task(record, if record % 3 == 0 { "f1" } else { "f2" }, TaskStanding::Active, seen));
    }
    let page = |framework: Option<&str>, limit, offset, ascending| -> Vec<String> {
        let framework = framework.map(str::to_owned);
        let filter = TaskFilter { framework, task: None, limit, offset, ascending };
        let body = legacy::body(&LegacyRead::Tasks(filter), &cluster, &identity).whole();
        let page: Value = serde_json::from_slice(&body).unwrap();
        page["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = page(None, usize::MAX, 0, true);
    let mut expected: Vec<(f64, u64)> =
        (0..100_u64).map(|n| (if n % 9 == 0 { f64::INFINITY } else { (n * 7 % 10) as f64 }, n)).collect();
    expected.sort_by(|left, right| left.0.total_cmp(&right.0));

    assert_eq!(all, expected.iter().map(|(_, record)| format!("t{record}")).collect::<Vec<_>>());
    for (limit, offset) in
        [(0_usize, 0_usize), (1, 0), (7, 13), (100, 0), (10, 95), (10, 100), (usize::MAX, 50)]
    {
        let end = offset.saturating_add(limit).min(100);
        assert_eq!(page(None, limit, offset, true), all[offset.min(100)..end], "{limit} from {offset}");
        let backwards: Vec<String> = all.iter().rev().cloned().collect();
        assert_eq!(
            page(None, limit, offset, false),
            backwards[offset.min(100)..end],
            "{limit} from {offset}"
        );
    }
    let of_one: Vec<String> =
        all.iter().filter(|id| id[1..].parse::<u64>().unwrap() % 3 == 0).skip(5).take(9).cloned().collect();
    assert_eq!(page(Some("f1"), 9, 5, true), of_one);
}

#[test]
fn a_version_that_is_known_is_not_sent_again() {
    let known = Known { any: false, versions: [3, 5].into() };

    assert!(known.holds(5) && !known.holds(4));
    assert!(Known { any: true, ..Known::default() }.holds(4));
    assert!(!Known::default().holds(0));
}
