//! Drivers of the unversioned API: who they are, whom they displace, how they abort and how they come back.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::scheduler::{Call, call};
use tepui_proto::v1::{FrameworkId, FrameworkInfo};

use crate::cluster::{Cluster, cluster};
use crate::{Driver, Input, Pid, SchedulerCall, Via};

const FIRST: &str = "scheduler-1@10.1.0.1:7000";
const SECOND: &str = "scheduler-2@10.1.0.2:7000";

fn info() -> FrameworkInfo {
    FrameworkInfo {
        user: "nobody".into(),
        name: "web".into(),
        failover_timeout: Some(60.0),
        ..FrameworkInfo::default()
    }
}

fn known() -> FrameworkInfo {
    FrameworkInfo { id: Some(FrameworkId { value: "m-0000".into() }), ..info() }
}

fn driver(pid: &str) -> Driver {
    Driver { pid: Pid::new(pid), force: false }
}

fn say(cluster: &mut Cluster, driver: Driver, call: Call) {
    cluster.step(Input::Call(Box::new(SchedulerCall { call, via: Via::Driver(driver) })));
}

fn subscribe(cluster: &mut Cluster, driver: Driver, framework_info: FrameworkInfo) {
    let call = Call {
        framework_id: framework_info.id.clone(),
        r#type: Some(call::Type::Subscribe as i32),
        subscribe: Some(Box::new(call::Subscribe { framework_info, ..call::Subscribe::default() })),
        ..Call::default()
    };
    say(cluster, driver, call);
}

fn calls(r#type: call::Type) -> Call {
    let framework_id = Some(FrameworkId { value: "m-0000".into() });
    Call { framework_id, r#type: Some(r#type as i32), ..Call::default() }
}

fn abort(cluster: &mut Cluster, pid: &str) {
    let framework = FrameworkId { value: "m-0000".into() };
    cluster.step(Input::Deactivate { from: Pid::new(pid), framework });
}

/// The framework `m-0000` of the first driver.
fn subscribed() -> Cluster {
    let mut cluster = cluster();
    subscribe(&mut cluster, driver(FIRST), info());
    cluster.forget();
    cluster
}

#[test]
fn a_driver_is_watched_and_hears_the_same_events() {
    let mut cluster = cluster();

    subscribe(&mut cluster, driver(FIRST), info());

    expect![[r#"
        arm heartbeat of f0 at 0:15
        watch scheduler-1@10.1.0.1:7000
        allocator <- add f0 m-0000 as *
        driver scheduler-1@10.1.0.1:7000 <- SUBSCRIBED m-0000
        driver scheduler-1@10.1.0.1:7000 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_driver_that_asks_twice_is_told_twice() {
    let mut cluster = subscribed();

    subscribe(&mut cluster, driver(FIRST), info());

    expect![[r#"
        driver scheduler-1@10.1.0.1:7000 <- SUBSCRIBED m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn without_force_a_driver_does_not_displace_another() {
    let mut cluster = subscribed();

    subscribe(&mut cluster, driver(SECOND), known());

    expect![[r#"
        driver scheduler-2@10.1.0.2:7000 <- ERROR Framework failed over
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn with_force_it_does_and_the_other_is_told() {
    let mut cluster = subscribed();

    subscribe(&mut cluster, Driver { force: true, ..driver(SECOND) }, known());
    say(&mut cluster, driver(FIRST), calls(call::Type::Teardown));

    expect![[r#"
        driver scheduler-1@10.1.0.1:7000 <- ERROR Framework failed over
        driver scheduler-2@10.1.0.2:7000 <- SUBSCRIBED m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_driver_that_was_gone_comes_back_without_force() {
    let mut cluster = subscribed();
    cluster.step(Input::Exited(Pid::new(FIRST)));
    cluster.forget();

    subscribe(&mut cluster, driver(FIRST), known());

    expect![[r#"
        allocator <- update f0 m-0000 as *
        disarm failover of f0
        arm heartbeat of f0 at 0:15
        watch scheduler-1@10.1.0.1:7000
        allocator <- activate f0
        driver scheduler-1@10.1.0.1:7000 <- SUBSCRIBED m-0000
        driver scheduler-1@10.1.0.1:7000 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_driver_that_does_not_know_it_was_cut_off_is_told_so() {
    let mut cluster = subscribed();
    cluster.step(Input::Exited(Pid::new(FIRST)));
    cluster.forget();

    say(&mut cluster, driver(FIRST), calls(call::Type::Revive));

    expect![[r#"
        driver scheduler-1@10.1.0.1:7000 <- ERROR Framework disconnected
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_driver_that_aborts_keeps_its_framework_and_loses_its_offers() {
    let mut cluster = cluster().agent("a1", "cpus:4");
    subscribe(&mut cluster, driver(FIRST), info());
    cluster.wait(1);
    cluster.forget();

    abort(&mut cluster, SECOND);
    abort(&mut cluster, FIRST);
    abort(&mut cluster, FIRST);
    cluster.wait(3);

    expect![[r#"
        allocator <- deactivate f0
        driver scheduler-1@10.1.0.1:7000 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: *):4 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_aborted_driver_is_active_again_once_it_subscribes() {
    let mut cluster = subscribed();
    abort(&mut cluster, FIRST);
    cluster.forget();

    subscribe(&mut cluster, Driver { force: true, ..driver(SECOND) }, known());

    expect![[r#"
        allocator <- update f0 m-0000 as *
        disarm heartbeat of f0
        driver scheduler-1@10.1.0.1:7000 <- ERROR Framework failed over
        arm heartbeat of f0 at 0:15
        watch scheduler-2@10.1.0.2:7000
        allocator <- activate f0
        driver scheduler-2@10.1.0.2:7000 <- SUBSCRIBED m-0000
        driver scheduler-2@10.1.0.2:7000 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_driver_that_aborted_and_registers_anew_gets_offers_again() {
    let mut cluster = subscribed();
    abort(&mut cluster, FIRST);
    cluster.forget();

    subscribe(&mut cluster, driver(FIRST), info());

    let effects = cluster.effects();
    assert!(effects.contains("allocator <- activate f0\n"), "{effects}");
    assert!(effects.contains("<- SUBSCRIBED m-0000"), "{effects}");
}

#[test]
fn a_driver_that_was_displaced_does_not_win_while_its_successor_is_away() {
    let mut cluster = subscribed();
    subscribe(&mut cluster, Driver { force: true, ..driver(SECOND) }, known());
    cluster.step(Input::Exited(Pid::new(SECOND)));
    cluster.forget();

    subscribe(&mut cluster, driver(FIRST), known());
    say(&mut cluster, driver(FIRST), calls(call::Type::Revive));
    subscribe(&mut cluster, driver(SECOND), known());

    expect![[r#"
        driver scheduler-1@10.1.0.1:7000 <- ERROR Framework failed over
        driver scheduler-2@10.1.0.2:7000 <- SUBSCRIBED m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_framework_without_a_principal_may_come_back_with_one_and_none_may_change_it() {
    let mut cluster = subscribed();
    let with = |principal: &str| FrameworkInfo { principal: Some(principal.into()), ..known() };

    subscribe(&mut cluster, Driver { force: true, ..driver(SECOND) }, with("eve"));
    subscribe(&mut cluster, driver(FIRST), with("ops"));
    let heard = cluster.heard();
    assert!(heard.contains("SUBSCRIBED"), "{heard}");
    expect!["driver scheduler-2@10.1.0.2:7000 <- ERROR Changing framework's principal is not allowed."]
        .assert_eq(heard.lines().next().expect("the second is told"));
    cluster.forget();
    subscribe(&mut cluster, driver(FIRST), with("eve"));
    subscribe(&mut cluster, driver(FIRST), known());

    expect![[r#"
        driver scheduler-1@10.1.0.1:7000 <- ERROR Changing framework's principal is not allowed.
        driver scheduler-1@10.1.0.1:7000 <- ERROR Changing framework's principal is not allowed.
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn an_aborted_framework_ends_like_any_other() {
    let mut cluster = subscribed();
    abort(&mut cluster, FIRST);
    cluster.step(Input::Exited(Pid::new(FIRST)));
    cluster.forget();

    cluster.advance(Duration::from_secs(61));

    expect![[r#"
        disarm failover of f0
        allocator <- remove f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn drivers_have_no_calls_about_operations() {
    let mut cluster = subscribed();

    say(&mut cluster, driver(FIRST), calls(call::Type::ReconcileOperations));
    say(&mut cluster, driver(FIRST), calls(call::Type::AcknowledgeOperationStatus));

    assert_eq!(cluster.heard(), "");
}

#[test]
fn what_was_allocated_while_a_driver_aborted_goes_back() {
    let mut cluster = cluster().agent("a1", "cpus:4");
    subscribe(&mut cluster, driver(FIRST), info());
    let under_way = cluster.allocator.on_timer(cluster.now + Duration::from_secs(1));
    assert_eq!(under_way.len(), 1);
    abort(&mut cluster, FIRST);
    cluster.forget();

    cluster.step(Input::Allocated(under_way));

    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}
