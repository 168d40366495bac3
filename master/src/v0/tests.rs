//! What drivers say and hear, message by message. Whole exchanges are in `tests/drivers.rs`.

use bytes::Bytes;
use tepui_master_core::Pid;
use tepui_model::FrameworkId;
use tepui_proto::v1::scheduler::{Call, Event, call, event};
use tepui_proto::{internal, v1};

use super::calls::IntoCall;
use super::events::{Told, Whereabouts, told};

fn framework() -> v1::FrameworkId {
    v1::FrameworkId { value: "f".into() }
}

fn task() -> v1::TaskId {
    v1::TaskId { value: "t".into() }
}

fn agent() -> v1::AgentId {
    v1::AgentId { value: "s".into() }
}

fn said(message: impl IntoCall) -> (call::Type, Call) {
    let call = message.into_call().unwrap().call;
    assert_eq!(call.framework_id, Some(framework()));
    (call.r#type(), call)
}

fn heard(event: Event, driver_returns: bool) -> Option<Told> {
    let (id, pid) = ("f".parse::<FrameworkId>().unwrap(), Pid::new("slave(1)@10.0.0.7:5051"));
    let whereabouts =
        Whereabouts { framework: Some(&id), agent: &|id| (id.value == "s").then_some(&pid), driver_returns };
    told(event, &whereabouts)
}

#[test]
fn older_messages_are_the_calls_of_their_names() {
    let (framework_id, task_id) = (framework(), task());
    let filters = v1::Filters { refuse_seconds: Some(7.0) };
    let launch = internal::LaunchTasksMessage {
        framework_id: framework(),
        tasks: vec![v1::TaskInfo { task_id: task(), ..Default::default() }],
        filters,
        offer_ids: vec![v1::OfferId { value: "o".into() }],
    };

    let (kind, call) = said(launch.clone());
    let accept = call.accept.unwrap();
    assert_eq!((kind, accept.offer_ids[0].value.as_str()), (call::Type::Accept, "o"));
    assert_eq!(accept.operations[0].launch.as_ref().unwrap().task_infos[0].task_id, task());
    assert_eq!(accept.filters, Some(filters));
    let (kind, call) = said(internal::LaunchTasksMessage { tasks: Vec::new(), ..launch });
    assert_eq!((kind, call.decline.unwrap().offer_ids.len()), (call::Type::Decline, 1));
    let kill = internal::KillTaskMessage { framework_id: framework(), task_id, kill_policy: None };
    assert_eq!(said(kill).1.kill.unwrap().task_id, task());
    let acknowledge = internal::StatusUpdateAcknowledgementMessage {
        slave_id: agent(),
        framework_id: framework(),
        task_id: task(),
        uuid: Bytes::from_static(b"u"),
    };
    let acknowledge = said(acknowledge).1.acknowledge.unwrap();
    assert_eq!((acknowledge.agent_id, &*acknowledge.uuid), (agent(), &b"u"[..]));
    let reconcile = internal::ReconcileTasksMessage {
        framework_id: framework(),
        statuses: vec![v1::TaskStatus { task_id: task(), agent_id: Some(agent()), ..Default::default() }],
        framework: None,
    };
    let asked = said(reconcile).1.reconcile.unwrap().tasks;
    assert_eq!((&asked[0].task_id, &asked[0].agent_id), (&task(), &Some(agent())));
    let revive = internal::ReviveOffersMessage { framework_id, roles: vec!["web".into()] };
    assert_eq!(said(revive).1.revive.unwrap().roles, ["web"]);
    let end = internal::UnregisterFrameworkMessage { framework_id: framework() };
    assert_eq!(said(end).0, call::Type::Teardown);
}

#[test]
fn a_first_registration_has_no_id_and_another_has_one() {
    let named = v1::FrameworkInfo { id: Some(framework()), ..Default::default() };
    let unnamed = v1::FrameworkInfo::default();
    let first = |framework| internal::RegisterFrameworkMessage { framework }.into_call();
    let again =
        |framework, failover| internal::ReregisterFrameworkMessage { framework, failover }.into_call();

    assert_eq!(first(unnamed.clone()).unwrap().call.framework_id, None);
    assert_eq!(first(named.clone()).unwrap_err(), "Registering with 'id' already set");
    assert_eq!(again(unnamed, true).unwrap_err(), "Re-registering without an 'id'");
    for failover in [false, true] {
        let said = again(named.clone(), failover).unwrap();
        assert_eq!((said.call.framework_id, said.force), (Some(framework()), failover));
    }
}

#[test]
fn a_driver_is_registered_or_registered_again() {
    let subscribed = event::Subscribed { framework_id: framework(), ..Default::default() };
    let event = Event { subscribed: Some(Box::new(subscribed)), ..Default::default() };

    assert!(matches!(heard(event.clone(), false), Some(Told::Registered(_))));
    assert!(matches!(heard(event, true), Some(Told::Reregistered(_))));
}

#[test]
fn offers_stand_beside_the_addresses_of_their_agents() {
    let of = |agent: &str| v1::Offer { agent_id: v1::AgentId { value: agent.into() }, ..Default::default() };
    let offers = event::Offers { offers: vec![of("s"), of("gone")] };

    let Some(Told::Offers(message)) = heard(Event { offers: Some(offers), ..Default::default() }, false)
    else {
        panic!("no offers")
    };

    assert_eq!(message.pids, ["slave(1)@10.0.0.7:5051", ""]);
}

#[test]
fn only_what_is_to_be_acknowledged_has_a_uuid_and_a_pid() {
    let update = |uuid: Option<&'static [u8]>| {
        let status = v1::TaskStatus {
            task_id: task(),
            agent_id: Some(agent()),
            timestamp: Some(7.0),
            uuid: uuid.map(Bytes::from_static),
            ..Default::default()
        };
        let update = Some(Box::new(event::Update { status }));
        match heard(Event { update, ..Default::default() }, false) {
            Some(Told::StatusUpdate(message)) => *message,
            other => panic!("{other:?}"),
        }
    };

    let (theirs, ours) = (update(Some(b"u")), update(None));

    assert_eq!(theirs.pid.as_deref(), Some("slave(1)@10.0.0.7:5051"));
    assert_eq!(theirs.update.uuid.as_deref(), Some(&b"u"[..]));
    assert_eq!((theirs.update.slave_id, theirs.update.timestamp), (Some(agent()), 7.0));
    assert_eq!((ours.pid, ours.update.uuid), (None, None));
}

#[test]
fn the_ends_of_agents_and_of_executors_have_messages_of_their_own() {
    let failure = |executor: Option<&str>| {
        let executor_id = executor.map(|id| v1::ExecutorId { value: id.into() });
        let failure = event::Failure { agent_id: Some(agent()), executor_id, status: Some(9) };
        heard(Event { failure: Some(Box::new(failure)), ..Default::default() }, false)
    };

    assert_eq!(failure(None), Some(Told::LostAgent(internal::LostSlaveMessage { slave_id: agent() })));
    let exited = internal::ExitedExecutorMessage {
        slave_id: agent(),
        framework_id: framework(),
        executor_id: v1::ExecutorId { value: "e".into() },
        status: 9,
    };
    assert_eq!(failure(Some("e")), Some(Told::ExitedExecutor(exited)));
}

#[test]
fn what_drivers_have_no_word_for_is_not_said() {
    for kind in [event::Type::Heartbeat, event::Type::InverseOffers, event::Type::UpdateOperationStatus] {
        assert_eq!(heard(Event { r#type: Some(kind as i32), ..Default::default() }, false), None);
    }
}
