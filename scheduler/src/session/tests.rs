//! Conversations with a master, told as calls and events.

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn session() -> Session {
    Session::new(v1::FrameworkInfo { name: "test".into(), ..Default::default() }, false)
}

fn subscribed() -> Event {
    let subscribed = event::Subscribed {
        framework_id: v1::FrameworkId { value: "F1".into() },
        heartbeat_interval_seconds: Some(15.0),
        ..Default::default()
    };
    Event {
        r#type: Some(event::Type::Subscribed as i32),
        subscribed: Some(subscribed.into()),
        ..Default::default()
    }
}

fn update(task: &str, state: v1::TaskState, uuid: Option<&'static [u8]>) -> Event {
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: task.into() },
        agent_id: Some(v1::AgentId { value: "S1".into() }),
        state: state as i32,
        uuid: uuid.map(Bytes::from_static),
        reason: uuid.is_none().then_some(v1::task_status::Reason::Reconciliation as i32),
        ..Default::default()
    };
    let update = Some(event::Update { status }.into());
    Event { r#type: Some(event::Type::Update as i32), update, ..Default::default() }
}

fn task(id: &str) -> v1::TaskInfo {
    let agent_id = v1::AgentId { value: "S1".into() };
    v1::TaskInfo { task_id: v1::TaskId { value: id.into() }, agent_id, ..Default::default() }
}

fn told(effects: &[Effect]) -> Vec<String> {
    let tell = |effect: &Effect| match effect {
        Effect::Call(call) => {
            let asked = call.reconcile.as_ref().map(|r| r.tasks.len());
            let asked = asked.map_or_else(String::new, |n| format!(" {n}"));
            format!("call {}{asked}", call.r#type().as_str_name())
        }
        Effect::Show(event) => format!("show {}", event.r#type().as_str_name()),
        other => format!("{other:?}"),
    };
    effects.iter().map(tell).collect()
}

#[test]
fn an_update_is_shown_then_acknowledged_and_its_repetition_only_acknowledged() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());

    let first = session.heard(at(1), update("t1", v1::TaskState::TaskRunning, Some(b"u1")));
    let again = session.heard(at(2), update("t1", v1::TaskState::TaskRunning, Some(b"u1")));

    assert_eq!(told(&first), ["show UPDATE", "call ACKNOWLEDGE"]);
    assert_eq!(told(&again), ["call ACKNOWLEDGE"]);
}

#[test]
fn a_terminal_update_that_comes_again_is_only_acknowledged() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());

    let first = session.heard(at(1), update("t1", v1::TaskState::TaskFinished, Some(b"u1")));
    let again = session.heard(at(11), update("t1", v1::TaskState::TaskFinished, Some(b"u1")));

    assert_eq!(told(&first), ["show UPDATE", "call ACKNOWLEDGE"]);
    assert_eq!(told(&again), ["call ACKNOWLEDGE"]);
}

#[test]
fn an_end_told_by_reconciliation_and_by_the_agent_is_shown_once_until_the_task_lives_again() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());

    let reconciled = session.heard(at(1), update("t1", v1::TaskState::TaskFinished, None));
    let repeated = session.heard(at(2), update("t1", v1::TaskState::TaskFinished, Some(b"u1")));
    session.launching(&[task("t1")]);
    let again = session.heard(at(3), update("t1", v1::TaskState::TaskFinished, Some(b"u2")));

    assert_eq!(told(&reconciled), ["show UPDATE"]);
    assert_eq!(told(&repeated), ["call ACKNOWLEDGE"]);
    assert_eq!(told(&again), ["show UPDATE", "call ACKNOWLEDGE"]);
}

#[test]
fn a_suppressed_role_stays_suppressed_over_a_reconnection_until_it_is_revived() {
    let info = v1::FrameworkInfo { roles: vec!["a".into(), "b".into()], ..Default::default() };
    let mut session = Session::new(info, false);
    let suppressed = |session: &mut Session| session.subscribe().subscribe.unwrap().suppressed_roles;

    session.note(&Call { r#type: Some(call::Type::Suppress as i32), ..Default::default() });
    let both = suppressed(&mut session);
    let revive = Some(call::Revive { roles: vec!["a".into()] });
    session.note(&Call { r#type: Some(call::Type::Revive as i32), revive, ..Default::default() });

    assert_eq!(both, ["a", "b"]);
    assert_eq!(suppressed(&mut session), ["b"]);
}

#[test]
fn an_update_without_uuid_is_not_acknowledged() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());

    let effects = session.heard(at(1), update("t1", v1::TaskState::TaskLost, None));

    assert_eq!(told(&effects), ["show UPDATE"]);
}

#[test]
fn after_a_reconnection_live_tasks_are_asked_about_until_answered() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());
    session.launching(&[task("t1"), task("t2"), task("t3")]);
    session.heard(at(1), update("t1", v1::TaskState::TaskRunning, Some(b"u1")));
    session.heard(at(1), update("t3", v1::TaskState::TaskFinished, Some(b"u3")));
    assert_eq!(told(&session.lost()), ["Subscribe { after: 100ms }"]);
    session.subscribe();

    let effects = session.heard(at(2), subscribed());
    let answer = session.heard(at(2), update("t1", v1::TaskState::TaskRunning, None));
    let next = session.reconcile();
    session.heard(at(5), update("t2", v1::TaskState::TaskLost, None));
    let last = session.reconcile();

    assert_eq!(
        told(&effects),
        ["show SUBSCRIBED", "WatchHeartbeat { after: 75s }", "call RECONCILE 2", "Reconcile { after: 2s }"]
    );
    assert_eq!(told(&answer), [""; 0], "a confirmation of what is known is no news");
    assert_eq!(told(&next), ["call RECONCILE 1", "Reconcile { after: 4s }"]);
    assert_eq!(told(&last), [""; 0]);
}

#[test]
fn a_framework_that_resumes_by_id_asks_for_everything_once() {
    let id = Some(v1::FrameworkId { value: "F1".into() });
    let mut session = Session::new(v1::FrameworkInfo { id, ..Default::default() }, false);
    session.subscribe();

    let first = session.heard(at(0), subscribed());
    session.lost();
    session.subscribe();
    let second = session.heard(at(1), subscribed());

    assert_eq!(told(&first), ["show SUBSCRIBED", "WatchHeartbeat { after: 75s }", "call RECONCILE 0"]);
    assert_eq!(told(&second), ["show SUBSCRIBED", "WatchHeartbeat { after: 75s }"]);
}

#[test]
fn silence_of_five_heartbeats_is_a_loss() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());
    session.heard(at(60), Event { r#type: Some(event::Type::Heartbeat as i32), ..Default::default() });

    assert_eq!(session.silent(at(75)), Ok(vec![Effect::WatchHeartbeat { after: at(60) }]));
    assert_eq!(session.silent(at(135)), Err(at(75)));
}

#[test]
fn attempts_to_subscribe_back_off_and_start_over_after_success() {
    let mut session = session();
    let mut pauses = Vec::new();
    for _ in 0..3 {
        session.subscribe();
        pauses.extend(session.lost());
    }
    session.subscribe();
    session.heard(at(0), subscribed());
    pauses.extend(session.lost());

    let pauses: Vec<_> = told(&pauses);
    assert_eq!(
        pauses,
        [
            "Subscribe { after: 200ms }",
            "Subscribe { after: 400ms }",
            "Subscribe { after: 800ms }",
            "Subscribe { after: 100ms }"
        ]
    );
}

#[test]
fn an_error_event_is_the_end() {
    let mut session = session();
    session.subscribe();
    let error = Some(event::Error { message: "Framework has been removed".into() });

    let effects =
        session.heard(at(0), Event { r#type: Some(event::Type::Error as i32), error, ..Default::default() });

    assert_eq!(effects, [Effect::Refused("Framework has been removed".into())]);
}

#[test]
fn a_task_asked_about_is_asked_about_until_the_master_answers() {
    let mut session = session();
    session.subscribe();
    session.heard(at(0), subscribed());

    let first = session.ask(vec![v1::TaskId { value: "t1".into() }, v1::TaskId { value: "t2".into() }]);
    session.heard(at(1), update("t1", v1::TaskState::TaskUnknown, None));
    let second = session.reconcile();
    session.heard(at(1), update("t2", v1::TaskState::TaskRunning, None));
    let third = session.reconcile();

    assert_eq!(told(&first), ["call RECONCILE 2", "Reconcile { after: 2s }"]);
    assert_eq!(told(&second), ["call RECONCILE 1", "Reconcile { after: 4s }"]);
    assert_eq!(told(&third), [""; 0]);
}
