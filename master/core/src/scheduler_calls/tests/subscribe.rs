//! SUBSCRIBE in every phase, and what it refuses.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::scheduler::OfferConstraints;
use tepui_proto::v1::scheduler::offer_constraints::RoleConstraints;
use tepui_proto::v1::{FrameworkId, FrameworkInfo};

use crate::cluster::{Cluster, capability, cluster, task};
use crate::{Config, Input};

fn info(name: &str) -> FrameworkInfo {
    FrameworkInfo { user: "nobody".into(), name: name.into(), ..FrameworkInfo::default() }
}

#[test]
fn a_new_framework_gets_an_id_and_a_heartbeat_at_once() {
    let mut cluster = cluster();

    cluster.subscribe("web", info("web"));

    expect![[r#"
        request 1 <- stream 1
        arm heartbeat of f0 at 0:15
        allocator <- add f0 m-0000 as *
        stream 1 <- SUBSCRIBED m-0000
        stream 1 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn heartbeats_go_on_every_fifteen_seconds() {
    let mut cluster = cluster().framework("web");

    cluster.advance(Duration::from_secs(31));

    expect![[r#"
        stream 1 <- HEARTBEAT
        arm heartbeat of f0 at 0:30
        stream 1 <- HEARTBEAT
        arm heartbeat of f0 at 0:45
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_actor_is_watched_and_hears_the_same() {
    let mut cluster = cluster();

    cluster.subscribe_actor("web", "scheduler@10.1.0.1:7000", info("web"));
    cluster.advance(Duration::from_secs(15));

    expect![[r#"
        arm heartbeat of f0 at 0:15
        watch scheduler@10.1.0.1:7000
        allocator <- add f0 m-0000 as *
        scheduler@10.1.0.1:7000 <- SUBSCRIBED m-0000
        scheduler@10.1.0.1:7000 <- HEARTBEAT
        scheduler@10.1.0.1:7000 <- HEARTBEAT
        arm heartbeat of f0 at 0:30
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_actor_that_subscribes_twice_is_answered_twice_and_stays_one_framework() {
    let mut cluster = cluster().actor_framework("web");

    cluster.subscribe_actor("web", "scheduler@10.1.0.1:7000", info("web"));

    expect![[r#"
        scheduler@10.1.0.1:7000 <- SUBSCRIBED m-0000
        scheduler@10.1.0.1:7000 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_second_scheduler_takes_over_and_the_first_is_told() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.forget();

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);

    expect![[r#"
        request 2 <- stream 2
        allocator <- update f0 m-0000 as *
        disarm heartbeat of f0
        stream 1 <- ERROR Framework failed over
        stream 1 closed
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
        arm heartbeat of f0 at 0:15
        stream 2 <- SUBSCRIBED m-0000
        stream 2 <- HEARTBEAT
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn the_end_of_the_replaced_stream_changes_nothing() {
    let mut cluster = cluster().framework_like("web", |info| info.failover_timeout = Some(60.0));
    let first = cluster.scheduler("web").connection;
    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster.forget();

    cluster.step(Input::Disconnected(first));

    expect![[""]].assert_eq(&cluster.effects());
}

#[test]
fn an_actor_takes_over_from_an_http_scheduler() {
    let mut cluster = cluster().framework("web");

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe_actor("web", "scheduler@10.1.0.1:7000", again);

    expect![[r#"
        allocator <- update f0 m-0000 as *
        disarm heartbeat of f0
        stream 1 <- ERROR Framework failed over
        stream 1 closed
        arm heartbeat of f0 at 0:15
        watch scheduler@10.1.0.1:7000
        scheduler@10.1.0.1:7000 <- SUBSCRIBED m-0000
        scheduler@10.1.0.1:7000 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_actor_of_one_framework_cannot_be_another_too() {
    let mut cluster = cluster().actor_framework("web").framework("batch");
    let other = cluster.scheduler("batch").info.clone();

    cluster.subscribe_actor("batch", "scheduler@10.1.0.1:7000", other);

    expect![[r#"
        log warn: subscription dropped, its actor is another framework's from=scheduler@10.1.0.1:7000
    "#]]
    .assert_eq(&cluster.logs());
}

#[test]
fn a_disconnected_framework_returns_within_its_timeout() {
    let mut cluster = cluster().framework_like("web", |info| info.failover_timeout = Some(60.0));
    cluster.disconnect("web");
    cluster.advance(Duration::from_secs(59));
    cluster.forget();

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", again);
    cluster.advance(Duration::from_secs(10));

    expect![[r#"
        request 2 <- stream 2
        allocator <- update f0 m-0000 as *
        disarm failover of f0
        arm heartbeat of f0 at 1:14
        allocator <- activate f0
        stream 2 <- SUBSCRIBED m-0000
        stream 2 <- HEARTBEAT
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_disconnected_framework_loses_its_offers_and_then_everything() {
    let mut cluster = cluster()
        .agent("a1", "cpus:4; mem:1024")
        .framework_like("web", |info| info.failover_timeout = Some(60.0))
        .running("web", "a1", task("t1", "cpus:1; mem:128"));
    cluster.wait(7);
    cluster.forget();

    cluster.disconnect("web");
    expect![[r#"
        disarm heartbeat of f0
        arm failover of f0 at 1:07
        allocator <- deactivate f0
        allocator <- recovered offered cpus(allocated: *):3; mem(allocated: *):896 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());

    cluster.advance(Duration::from_secs(60));
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- ShutdownFramework m-0000
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn without_a_timeout_a_disconnected_framework_ends_at_once() {
    let mut cluster = cluster().framework("web");

    cluster.disconnect("web");
    cluster.advance(Duration::ZERO);

    expect![[r#"
        changed framework m-0000: disconnected, uses {}, offered {}
        changed framework m-0000: completed, uses {}, offered {}
    "#]]
    .assert_eq(&cluster.changes());
}

#[test]
fn a_removed_framework_cannot_come_back() {
    let mut cluster = cluster().framework("web");
    let again = cluster.scheduler("web").info.clone();
    cluster.disconnect("web");
    cluster.advance(Duration::ZERO);
    cluster.forget();

    cluster.subscribe("web", again);

    expect![[r#"
        request 2 <- stream 2
        stream 2 <- ERROR Framework has been removed
        stream 2 closed
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_id_from_elsewhere_is_welcome() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");

    let id = Some(FrameworkId { value: "my-own".into() });
    cluster.subscribe("web", FrameworkInfo { id, ..info("web") });

    expect![[r#"
        request 1 <- stream 1
        allocator <- add f0 my-own as *, inactive
        allocator <- update f0 my-own as *
        arm heartbeat of f0 at 0:15
        allocator <- activate f0
        stream 1 <- SUBSCRIBED my-own
        stream 1 <- HEARTBEAT
        slave(1)@10.0.0.1:5051 <- UpdateFramework my-own
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn user_and_checkpoint_stay_what_they_were() {
    let mut cluster = cluster().framework("web");

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("web", FrameworkInfo { user: "other".into(), checkpoint: Some(true), ..again });

    let known = &cluster.scheduler("web").info;
    assert_eq!((known.user.as_str(), known.checkpoint()), ("nobody", false));
}

#[test]
fn another_principal_is_refused_and_the_framework_goes_on() {
    let mut cluster = cluster().framework_like("web", |info| info.principal = Some("p".into()));

    let again = cluster.scheduler("web").info.clone();
    cluster.subscribe("thief", FrameworkInfo { principal: Some("q".into()), ..again });

    expect![[r#"
        request 2 <- stream 2
        stream 2 <- ERROR Changing framework's principal is not allowed.
        stream 2 closed
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn roles_that_are_left_lose_their_offers_on_resubscription() {
    let multi_role = |info: &mut FrameworkInfo, roles: &[&str]| {
        info.capabilities = vec![capability(Capability::MultiRole)];
        info.roles = roles.iter().map(ToString::to_string).collect();
    };
    let mut cluster =
        cluster().agent("a1", "cpus:4; mem:1024").framework_like("web", |info| multi_role(info, &["a", "b"]));
    cluster.allocate();
    cluster.forget();

    let mut again = cluster.scheduler("web").info.clone();
    multi_role(&mut again, &["b", "c"]);
    cluster.subscribe_with("web", again, |call| call.suppressed_roles = vec!["c".into()]);

    expect![[r#"
        request 2 <- stream 2
        allocator <- update f0 m-0000 as b c (suppressed)
        stream 1 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: a):4; mem(allocated: a):1024 on a0 from f0
        disarm heartbeat of f0
        stream 1 <- ERROR Framework failed over
        stream 1 closed
        arm heartbeat of f0 at 0:15
        stream 2 <- SUBSCRIBED m-0000
        stream 2 <- HEARTBEAT
        slave(1)@10.0.0.1:5051 <- UpdateFramework m-0000
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn invalid_descriptions_are_refused_in_the_words_of_mesos() {
    let multi_role = || vec![capability(Capability::MultiRole)];
    let id = |text: &str| Some(FrameworkId { value: text.into() });
    let web = || info("web");
    let mut cluster = Cluster::with(Config {
        roles: Some(["*", "a", "b"].map(String::from).into()),
        root_submissions: false,
        ..Config::default()
    });

    #[expect(deprecated, reason = "frameworks of one role still use the old field")]
    let invalid = [
        FrameworkInfo { role: Some("a".into()), capabilities: multi_role(), ..web() },
        FrameworkInfo { roles: vec!["a".into()], ..web() },
        FrameworkInfo { roles: vec!["a".into(), "a".into()], capabilities: multi_role(), ..web() },
        FrameworkInfo { roles: vec!["a".into(), "/a".into()], capabilities: multi_role(), ..web() },
        FrameworkInfo { role: Some("a b".into()), ..web() },
        FrameworkInfo { role: Some("".into()), ..web() },
        FrameworkInfo {
            roles: vec!["a".into(), "c".into(), "d".into()],
            capabilities: multi_role(),
            ..web()
        },
        FrameworkInfo { id: id("a/b"), ..web() },
        FrameworkInfo { failover_timeout: Some(1e20), ..web() },
        FrameworkInfo { failover_timeout: Some(f64::NAN), ..web() },
        FrameworkInfo { user: "root".into(), ..web() },
    ];
    for info in invalid {
        cluster.subscribe("web", info);
    }

    expect![[r#"
        request 1 <- stream 1
        stream 1 <- ERROR 'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable
        stream 1 closed
        request 2 <- stream 2
        stream 2 <- ERROR 'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable
        stream 2 closed
        request 3 <- stream 3
        stream 3 <- ERROR 'FrameworkInfo.roles' contains duplicate items: { a }
        stream 3 closed
        request 4 <- stream 4
        stream 4 <- ERROR 'FrameworkInfo.roles' contains invalid role: Role '/a' cannot start with a slash
        stream 4 closed
        request 5 <- stream 5
        stream 5 <- ERROR 'FrameworkInfo.role' is not a valid role: Role component 'a b' is invalid because it contains backspace or whitespace
        stream 5 closed
        request 6 <- stream 6
        stream 6 <- ERROR 'FrameworkInfo.role' is not a valid role: Role names cannot be the empty string
        stream 6 closed
        request 7 <- stream 7
        stream 7 <- ERROR Roles { c, d } are not present in the master's --roles
        stream 7 closed
        request 8 <- stream 8
        stream 8 <- ERROR 'a/b' contains invalid characters
        stream 8 closed
        request 9 <- stream 9
        stream 9 <- ERROR The framework failover_timeout (1e+20) is invalid
        stream 9 closed
        request 10 <- stream 10
        stream 10 <- ERROR The framework failover_timeout (NaN) is invalid
        stream 10 closed
        request 11 <- stream 11
        stream 11 <- ERROR User 'root' is not allowed to run frameworks without --root_submissions set
        stream 11 closed
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn suppressed_and_constrained_roles_must_be_the_frameworks() {
    let mut cluster = cluster();

    cluster.subscribe_with("web", info("web"), |call| call.suppressed_roles = vec!["x".into(), "y".into()]);
    for role in ["x", "*"] {
        cluster.subscribe_with("web", info("web"), |call| {
            let mut constraints = OfferConstraints::default();
            constraints.role_constraints.insert(role.into(), RoleConstraints::default());
            call.offer_constraints = Some(constraints);
        });
    }

    expect![[r#"
        request 1 <- stream 1
        stream 1 <- ERROR Suppressed roles { x, y } are not contained in the set of roles
        stream 1 closed
        request 2 <- stream 2
        stream 2 <- ERROR Offer constraints specify `role_constraints` for a role 'x'not contained in the set of roles
        stream 2 closed
        request 3 <- stream 3
        stream 3 <- ERROR Offer constraints are not valid: 'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role *
        stream 3 closed
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn completed_frameworks_beyond_the_limit_are_forgotten() {
    let mut cluster = Cluster::with(Config { max_completed_frameworks: 1, ..Config::default() });
    for name in ["first", "second"] {
        cluster = cluster.framework(name);
        cluster.disconnect(name);
        cluster.advance(Duration::ZERO);
    }

    expect![[r#"
        changed framework m-0001: disconnected, uses {}, offered {}
        changed framework m-0001: completed, uses {}, offered {}
        changed framework m-0000: forgotten
    "#]]
    .assert_eq(&cluster.changes());
}
