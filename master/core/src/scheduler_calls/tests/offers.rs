//! Offers: how they are made, and all the ways they end.

use std::time::Duration;

use expect_test::expect;
use tepui_model::{Resources, Role};
use tepui_proto::v1;
use tepui_proto::v1::framework_info::capability::Type as Capability;
use tepui_proto::v1::scheduler::call;

use crate::cluster::{Cluster, capability, cluster, executor_task, task};
use crate::{Config, Effect, FromAgent, Input};

fn first_offer(cluster: &mut Cluster) -> v1::Offer {
    let offers = cluster.raw_effects().into_iter().find_map(|effect| match effect {
        Effect::Event { event, .. } => event.offers.clone(),
        _ => None,
    });
    offers.expect("there are offers").offers.remove(0)
}

#[test]
fn an_offer_says_where_the_agent_is() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");

    cluster.allocate();

    let offer = first_offer(&mut cluster);
    assert_eq!(
        tepui_proto::json::to_string(&offer),
        concat!(
            r#"{"id":{"value":"m-O0"},"framework_id":{"value":"m-0000"},"agent_id":{"value":"m-S0"},"#,
            r#""hostname":"a1.example","url":{"scheme":"http","address":{"hostname":"a1.example","ip":"10.0.0.1","#,
            r#""port":5051},"path":"/slave(1)"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":4.0},"#,
            r#""role":"*"},{"name":"mem","type":"SCALAR","scalar":{"value":1024.0},"role":"*"}]}"#,
        )
    );
}

#[test]
fn frameworks_of_several_roles_are_told_which_and_new_ones_the_new_format() {
    let modern = |info: &mut v1::FrameworkInfo| {
        info.capabilities =
            vec![capability(Capability::MultiRole), capability(Capability::ReservationRefinement)];
        info.roles = vec!["web".into()];
    };
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework_like("web", modern);

    cluster.allocate();

    let offer = first_offer(&mut cluster);
    assert_eq!(offer.allocation_info.as_ref().map(|info| info.role()), Some("web"));
    let resource = tepui_proto::json::to_string(&offer.resources[0]);
    expect![[r#"{"name":"cpus","type":"SCALAR","scalar":{"value":4.0},"allocation_info":{"role":"web"}}"#]]
        .assert_eq(&resource);
}

#[test]
fn ephemeral_ports_stay_with_the_agent() {
    let mut cluster =
        cluster().agent("a1", "cpus:4; mem:1024; ephemeral_ports:[40000-50000]").framework("web");

    cluster.allocate();

    expect![[r#"
        stream 1 <- OFFERS m-O0 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn an_offer_names_the_frameworks_executors_there() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        executor_task("t1", "cpus:1; mem:128", "e1", "cpus:0.1; mem:32"),
    );

    cluster.wait(7);

    expect![[r#"
        stream 1 <- OFFERS m-O1 on m-S0 (cpus:2.9; mem:864) with e1
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn two_frameworks_share_what_there_is() {
    let mut cluster = cluster()
        .agent("a1", "cpus:4; mem:1024")
        .agent("a2", "cpus:4; mem:1024")
        .framework("web")
        .framework("batch");

    cluster.allocate();

    expect![[r#"
        stream 1 <- OFFERS m-O0 on m-S1 (cpus:4; mem:1024)
        stream 2 <- OFFERS m-O1 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn a_declined_offer_comes_back_after_its_refusal() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.forget();

    cluster.decline("web", &["m-O0", "unknown"], Some(10.0));
    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0, refused for 10secs
        request 2 <- 202
    "#]].assert_eq(&cluster.effects());

    cluster.advance(Duration::from_secs(9));
    cluster.allocate();
    expect![[""]].assert_eq(&cluster.heard());

    cluster.advance(Duration::from_secs(2));
    cluster.allocate();
    expect![[r#"
        stream 1 <- OFFERS m-O1 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn revive_brings_back_what_was_refused() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.decline("web", &["m-O0"], Some(1e12));
    cluster.forget();

    cluster.call("web", call::Type::Revive, |_| {});
    cluster.allocate();

    expect![[r#"
        allocator <- revive f0
        request 3 <- 202
        stream 1 <- OFFERS m-O1 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_suppressed_framework_gets_nothing_until_it_revives() {
    let mut cluster = cluster().framework("web");

    cluster.call("web", call::Type::Suppress, |_| {});
    cluster = cluster.agent("a1", "cpus:4; mem:1024");
    cluster.allocate();
    assert_eq!(cluster.heard(), "");

    cluster.call("web", call::Type::Revive, |_| {});
    cluster.allocate();
    expect![[r#"
        request 3 <- 202
        stream 1 <- OFFERS m-O0 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn roles_of_others_are_neither_suppressed_nor_revived() {
    let mut cluster = cluster().framework("web");

    let roles = || vec!["other".to_owned()];
    cluster.call("web", call::Type::Suppress, |call| call.suppress = Some(call::Suppress { roles: roles() }));
    cluster.call("web", call::Type::Revive, |call| call.revive = Some(call::Revive { roles: roles() }));
    cluster
        .call("web", call::Type::Revive, |call| call.revive = Some(call::Revive { roles: vec!["/".into()] }));

    expect![[r#"
        log warn: suppress dropped why=role 'other' is not one of the framework's subscribed roles
        log warn: revive dropped why=role 'other' is not one of the framework's subscribed roles
        log warn: revive dropped why=role '/' is invalid: Role '/' cannot start with a slash
    "#]]
    .assert_eq(&cluster.logs());
}

#[test]
fn an_offer_is_rescinded_when_its_time_is_over() {
    let config = Config { offer_timeout: Some(Duration::from_secs(30)), ..Config::default() };
    let mut cluster = Cluster::with(config).agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.advance(Duration::from_secs(29));
    cluster.forget();

    cluster.advance(Duration::from_secs(1));

    let effects = cluster.effects();
    let without_pings: String =
        effects.lines().filter(|line| !line.contains("ing")).map(|l| format!("{l}\n")).collect();
    expect![[r#"
        stream 1 <- RESCIND m-O0
        disarm timeout of o0
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
        stream 1 <- HEARTBEAT
        arm heartbeat of f0 at 0:45
    "#]]
    .assert_eq(&without_pings);
}

#[test]
fn an_accepted_offer_does_not_time_out() {
    let config = Config { offer_timeout: Some(Duration::from_secs(10)), ..Config::default() };
    let mut cluster = Cluster::with(config).agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.launch("web", "m-O0", vec![task("t1", "cpus:4; mem:1024")]);
    cluster.forget();

    cluster.advance(Duration::from_secs(12));

    assert_eq!(cluster.heard(), "");
}

#[test]
fn allocations_that_came_too_late_go_back() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework_like("web", |info| {
        info.failover_timeout = Some(60.0);
    });
    let allocations = cluster.allocator.on_timer(cluster.now);
    cluster.disconnect("web");
    cluster.forget();

    cluster.step(Input::Allocated(allocations));

    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn an_agent_that_shrank_meanwhile_is_not_offered_as_it_was() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    let allocations = cluster.allocator.on_timer(cluster.now);
    let mut smaller = cluster.reintroduce("a1");
    smaller.slave.resources = Resources::parse("cpus:2; mem:1024", &Role::star()).unwrap().to_wire();
    cluster.reregister("a1", smaller);
    cluster.forget();

    cluster.step(Input::Allocated(allocations));
    cluster.allocate();

    expect![[r#"
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
        stream 1 <- OFFERS m-O0 on m-S0 (cpus:2; mem:1024)
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn oversubscribed_resources_are_offered_to_those_who_can_lose_them() {
    let revocable = |info: &mut v1::FrameworkInfo| {
        info.capabilities = vec![capability(Capability::RevocableResources)];
    };
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework_like("web", revocable);
    cluster.allocate();
    cluster.forget();
    let oversubscribe = |cpus: f64| {
        FromAgent::Update(Box::new(tepui_proto::internal::UpdateSlaveMessage {
            slave_id: v1::AgentId { value: "m-S0".into() },
            update_oversubscribed_resources: Some(true),
            oversubscribed_resources: vec![v1::Resource {
                name: "cpus".into(),
                scalar: Some(v1::value::Scalar { value: cpus }),
                revocable: Some(v1::resource::RevocableInfo {}),
                ..v1::Resource::default()
            }],
            ..Default::default()
        }))
    };

    cluster.say("a1", oversubscribe(2.0));
    cluster.allocate();
    cluster.say("a1", oversubscribe(1.0));
    cluster.say("a1", oversubscribe(1.0));

    expect![[r#"
        allocator <- update a0 cpus:4; cpus{REV}:2; mem:1024
        stream 1 <- OFFERS m-O1 on m-S0 (cpus{REV}:2)
        allocator <- update a0 cpus:4; cpus{REV}:1; mem:1024
        stream 1 <- RESCIND m-O1
        allocator <- recovered offered cpus(allocated: *){REV}:2 on a0 from f0
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_framework_is_offered_a_port_as_long_as_one_agent_offers_it() {
    let mut cluster = cluster()
        .agent("a1", "cpus:4; mem:1024; ports:[31000-32000]")
        .agent("a2", "cpus:2; mem:1024; ports:[31000-32000]")
        .framework("web");
    cluster.allocate();
    cluster.changes();

    cluster.decline("web", &["m-O0"], None);

    let changes = cluster.changes();
    assert!(
        changes.contains(
            "offered cpus(allocated: *):2; mem(allocated: *):1024; ports(allocated: *):[31000-32000]"
        ),
        "{changes}"
    );
}
