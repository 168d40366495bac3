//! Which calls are taken at all: the status codes, in the order of their rules.

use expect_test::expect;
use tepui_proto::v1::scheduler::{Call, call};
use tepui_proto::v1::{AgentId, FrameworkId, FrameworkInfo, TaskId};

use crate::cluster::{Cluster, cluster};
use crate::{Config, Connection, HttpRequest, Input, NewStream, Pid, SchedulerCall, Via};

fn send(cluster: &mut Cluster, call: Call, change: impl FnOnce(&mut HttpRequest)) {
    let mut http = cluster.request(Some("stream-1".into()));
    change(&mut http);
    cluster.step(Input::Call(Box::new(SchedulerCall { call, via: Via::Http(http) })));
}

fn call(framework: &str, r#type: call::Type) -> Call {
    let framework_id = Some(FrameworkId { value: framework.into() });
    Call { framework_id, r#type: Some(r#type as i32), ..Call::default() }
}

fn subscribe() -> Call {
    let framework_info = FrameworkInfo { user: "u".into(), name: "n".into(), ..FrameworkInfo::default() };
    let subscribe = call::Subscribe { framework_info, ..call::Subscribe::default() };
    Call {
        r#type: Some(call::Type::Subscribe as i32),
        subscribe: Some(Box::new(subscribe)),
        ..Call::default()
    }
}

fn with_stream(http: &mut HttpRequest) {
    http.stream_id = None;
    http.stream = Some(NewStream { connection: Connection(99), id: "new".into() });
}

#[test]
fn before_the_registry_is_read_nobody_is_served() {
    let mut cluster = Cluster::elected(Config::default());

    send(&mut cluster, subscribe(), with_stream);
    let actor = Via::Actor(Pid::new("scheduler@10.1.0.1:7000"));
    cluster.step(Input::Call(Box::new(SchedulerCall { call: subscribe(), via: actor })));

    expect![[r#"
        request 1 <- 503 Master has not finished recovery
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn incomplete_calls_are_bad_requests() {
    let mut cluster = cluster().framework("web");
    let all = [
        Call { r#type: None, ..call("m-0000", call::Type::Revive) },
        Call { r#type: Some(4711), ..call("m-0000", call::Type::Revive) },
        Call { framework_id: None, ..call("", call::Type::Revive) },
        Call { subscribe: None, ..subscribe() },
        Call { framework_id: Some(FrameworkId { value: "f".into() }), ..subscribe() },
        call("m-0000", call::Type::Accept),
        call("m-0000", call::Type::Decline),
        call("m-0000", call::Type::AcceptInverseOffers),
        call("m-0000", call::Type::DeclineInverseOffers),
        call("m-0000", call::Type::Kill),
        call("m-0000", call::Type::Shutdown),
        call("m-0000", call::Type::Acknowledge),
        call("m-0000", call::Type::AcknowledgeOperationStatus),
        call("m-0000", call::Type::Reconcile),
        call("m-0000", call::Type::ReconcileOperations),
        call("m-0000", call::Type::Message),
        call("m-0000", call::Type::Request),
        call("m-0000", call::Type::UpdateFramework),
    ];

    for call in all {
        send(&mut cluster, call, |_| {});
    }

    expect![[r#"
        request 2 <- 400 Failed to validate scheduler::Call: Expecting 'type' to be present
        request 3 <- 400 Failed to validate scheduler::Call: Expecting 'type' to be present
        request 4 <- 400 Failed to validate scheduler::Call: Expecting 'framework_id' to be present
        request 5 <- 400 Failed to validate scheduler::Call: Expecting 'subscribe' to be present
        request 6 <- 400 Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'
        request 7 <- 400 Failed to validate scheduler::Call: Expecting 'accept' to be present
        request 8 <- 400 Failed to validate scheduler::Call: Expecting 'decline' to be present
        request 9 <- 400 Failed to validate scheduler::Call: Expecting 'accept_inverse_offers' to be present
        request 10 <- 400 Failed to validate scheduler::Call: Expecting 'decline_inverse_offers' to be present
        request 11 <- 400 Failed to validate scheduler::Call: Expecting 'kill' to be present
        request 12 <- 400 Failed to validate scheduler::Call: Expecting 'shutdown' to be present
        request 13 <- 400 Failed to validate scheduler::Call: Expecting 'acknowledge' to be present
        request 14 <- 400 Failed to validate scheduler::Call: Expecting 'acknowledge_operation_status' to be present
        request 15 <- 400 Failed to validate scheduler::Call: Expecting 'reconcile' to be present
        request 16 <- 400 Failed to validate scheduler::Call: Expecting 'reconcile_operations' to be present
        request 17 <- 400 Failed to validate scheduler::Call: Expecting 'message' to be present
        request 18 <- 400 Failed to validate scheduler::Call: Expecting 'request' to be present
        request 19 <- 400 Failed to validate scheduler::Call: Expecting 'update_framework' to be present
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn uuids_have_sixteen_bytes() {
    let mut cluster = cluster().framework("web");
    let acknowledge = call::Acknowledge {
        agent_id: AgentId { value: "a".into() },
        task_id: TaskId { value: "t".into() },
        uuid: "xx".into(),
    };

    send(
        &mut cluster,
        Call { acknowledge: Some(Box::new(acknowledge)), ..call("m-0000", call::Type::Acknowledge) },
        |_| {},
    );

    expect![[r#"
        request 2 <- 400 Failed to validate scheduler::Call: Not a valid UUID
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_unacceptable_accept_matters_only_where_something_is_accepted() {
    let mut cluster = cluster().framework("web");
    let reconcile = Call {
        reconcile_operations: Some(Default::default()),
        ..call("m-0000", call::Type::ReconcileOperations)
    };

    for call in [subscribe(), reconcile, call("m-0000", call::Type::Revive)] {
        send(&mut cluster, call, |http| {
            http.acceptable = false;
        });
    }

    expect![[r#"
        request 2 <- 406 Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'
        request 3 <- 406 Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_subscription_brings_no_stream_id() {
    let mut cluster = cluster();

    send(&mut cluster, subscribe(), |http| {
        with_stream(http);
        http.stream_id = Some("x".into());
    });

    expect![[r#"
        request 1 <- 400 Subscribe calls should not include the 'Mesos-Stream-Id' header
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_call_needs_its_frameworks_own_stream() {
    let mut cluster = cluster().framework("web").actor_framework("actor");
    let revive = |framework| call(framework, call::Type::Revive);

    send(&mut cluster, revive("none"), |_| {});
    send(&mut cluster, revive("m-0001"), |_| {});
    send(&mut cluster, revive("m-0000"), |http| http.stream_id = None);
    send(&mut cluster, revive("m-0000"), |http| http.stream_id = Some("another".into()));
    send(&mut cluster, revive("m-0000"), |http| http.principal = Some("somebody".into()));
    send(&mut cluster, revive("m-0000"), |_| {});

    expect![[r#"
        request 2 <- 400 Framework cannot be found
        request 3 <- 403 Framework is not connected via HTTP
        request 4 <- 400 All non-subscribe calls should include the 'Mesos-Stream-Id' header
        request 5 <- 400 The stream ID 'another' included in this request didn't match the stream ID currently associated with framework ID m-0000
        request 6 <- 400 Authenticated principal 'somebody' does not match principal '' set in `FrameworkInfo`
        request 7 <- 202
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn a_disconnected_framework_is_forbidden_to_call() {
    let mut cluster = cluster().framework_like("web", |info| info.failover_timeout = Some(60.0));
    cluster.disconnect("web");
    cluster.forget();

    send(&mut cluster, call("m-0000", call::Type::Revive), |_| {});

    expect![[r#"
        request 2 <- 403 Framework is not subscribed
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_authenticated_principal_must_be_the_frameworks_and_is_filled_in() {
    let mut cluster = cluster();

    let mut own = subscribe();
    own.subscribe.as_mut().unwrap().framework_info.principal = Some("p".into());
    for (call, principal) in [(own, "q"), (subscribe(), "p")] {
        send(&mut cluster, call, |http| {
            with_stream(http);
            http.principal = Some(principal.into());
        });
    }
    send(&mut cluster, call("m-0000", call::Type::Revive), |http| {
        http.stream_id = Some("new".into());
        http.principal = Some("q".into());
    });

    expect![[r#"
        request 1 <- 400 Failed to validate scheduler::Call: Authenticated principal 'q' does not match principal 'p' set in `FrameworkInfo`
        request 2 <- stream 99
        stream 99 <- SUBSCRIBED m-0000
        request 3 <- 400 Authenticated principal 'q' does not match principal 'p' set in `FrameworkInfo`
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn the_unknown_call_is_not_implemented() {
    let mut cluster = cluster().framework("web").actor_framework("actor");

    send(&mut cluster, call("m-0000", call::Type::Unknown), |_| {});
    cluster.call("actor", call::Type::Unknown, |_| {});

    expect![[r#"
        request 2 <- 501 501 Not Implemented.
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn calls_of_an_actor_that_is_no_framework_are_dropped_and_logged() {
    let mut cluster = cluster().actor_framework("web");
    let via = || Via::Actor(Pid::new("stranger@10.9.9.9:1"));

    cluster
        .step(Input::Call(Box::new(SchedulerCall { call: call("m-0000", call::Type::Revive), via: via() })));
    cluster.step(Input::Call(Box::new(SchedulerCall { call: Call::default(), via: via() })));

    expect![[r#"
        log warn: call of a framework that is not subscribed dropped from=stranger@10.9.9.9:1 call=REVIVE
        log warn: invalid call dropped from=stranger@10.9.9.9:1 why=Expecting 'type' to be present
    "#]]
    .assert_eq(&cluster.logs());
}

#[test]
fn inverse_offers_operations_and_requests_are_accepted_with_nothing_to_do() {
    let mut cluster = cluster().framework("web");

    cluster.call("web", call::Type::AcceptInverseOffers, |call| {
        call.accept_inverse_offers = Some(Box::default())
    });
    cluster.call("web", call::Type::DeclineInverseOffers, |call| {
        call.decline_inverse_offers = Some(Box::default())
    });
    cluster.call("web", call::Type::Request, |call| call.request = Some(Default::default()));
    cluster.call("web", call::Type::ReconcileOperations, |call| {
        call.reconcile_operations = Some(Default::default())
    });

    expect![[r#"
        request 2 <- 202
        request 3 <- 202
        request 4 <- 202
        request 5 <- 202
    "#]]
    .assert_eq(&cluster.effects());
}
