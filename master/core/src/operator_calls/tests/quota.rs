//! Quota: what is refused, what the registry and the allocator are told, and which offers are taken back.

use expect_test::expect;
use tepui_proto::v1::master::call;
use tepui_proto::v1::quota::QuotaConfig;
use tepui_proto::v1::value;

use crate::Config;
use crate::cluster::{Cluster, cluster, task};

fn amounts(text: &str) -> std::collections::BTreeMap<String, value::Scalar> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once(':'));
    pairs
        .map(|(name, amount)| (name.to_owned(), value::Scalar { value: amount.parse().expect("a number") }))
        .collect()
}

fn config(role: &str, guarantees: &str, limits: &str) -> QuotaConfig {
    QuotaConfig { role: role.into(), guarantees: amounts(guarantees), limits: amounts(limits) }
}

fn update(cluster: &mut Cluster, force: bool, configs: Vec<QuotaConfig>) {
    cluster.operate(call::Type::UpdateQuota, |call| {
        call.update_quota = Some(Box::new(call::UpdateQuota { force: Some(force), quota_configs: configs }));
    });
}

#[expect(deprecated, reason = "frameworks of one role still say it")]
fn in_role(cluster: Cluster, name: &str, role: &str) -> Cluster {
    cluster.framework_like(name, |info| info.role = Some(role.into()))
}

#[test]
fn quota_is_written_before_anybody_hears_of_it() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").slow_disk();

    update(&mut cluster, false, vec![config("web", "cpus:1", "cpus:2"), config("ads", "", "mem:512")]);
    expect![[r#"
        registry <- quota of web of ads
    "#]]
    .assert_eq(&cluster.effects());

    cluster.write();
    expect![[r#"
        allocator <- quota of web: guarantees cpus:1, limits cpus:2
        allocator <- quota of ads: guarantees {}, limits mem:512
        request 1 <- 200
    "#]]
    .assert_eq(&cluster.effects());
    let needed = &cluster.registry.minimum_capabilities;
    assert_eq!(needed.iter().map(|needed| needed.capability.as_str()).collect::<Vec<_>>(), ["QUOTA_V2"]);
}

#[test]
fn what_is_being_written_counts_as_guaranteed() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").slow_disk();
    update(&mut cluster, false, vec![config("web", "cpus:3", "")]);

    update(&mut cluster, false, vec![config("ads", "cpus:2", "")]);
    update(&mut cluster, false, vec![config("web", "cpus:1", "")]);
    update(&mut cluster, false, vec![config("ads", "cpus:2", "")]);
    cluster.write();

    expect![[r#"
        request 2 <- 400 Invalid QuotaConfig: total quota guarantees 'cpus:5' exceed cluster capacity 'cpus:4; mem:1024' (use 'force' flag to bypass this check)
        request 1 <- 200
        request 3 <- 200
        request 4 <- 200
    "#]].assert_eq(&cluster.heard());
}

#[test]
fn what_is_no_quota_is_refused_with_the_reason() {
    let roles = Some(["web", "other", "a/b", ".."].map(str::to_owned).into());
    let mut cluster = Cluster::with(Config { roles, ..Config::default() }).agent("a1", "cpus:4; mem:1024");
    cluster.forget();

    for wrong in [
        config("ads", "", ""),
        config("..", "", ""),
        config("a/b", "", ""),
        config("web", "cpus:-1", ""),
        config("web", "cpus:1e13", ""),
        config("web", "", "mem:2e12"),
        config("web", "cpus:3", "cpus:2"),
        config("web", "cpus:5", ""),
    ] {
        update(&mut cluster, false, vec![config("other", "", "cpus:1"), wrong]);
    }
    update(&mut cluster, false, vec![config("web", "", "cpus:1"), config("web", "", "cpus:2")]);
    cluster.operate(call::Type::UpdateQuota, |_| {});

    expect![[r#"
        request 1 <- 400 Invalid QuotaConfig: 'ads' is not on the roles whitelist
        request 2 <- 400 Invalid QuotaConfig: Invalid 'QuotaConfig.role': Role '..' cannot include '..' as a component
        request 3 <- 400 Invalid QuotaConfig: Updating quota on nested role 'a/b' is not supported yet
        request 4 <- 400 Invalid QuotaConfig: Invalid configuration {'cpus': -1}: it must be a number, and not negative
        request 5 <- 400 Invalid QuotaConfig: Invalid 'QuotaConfig.guarantees': {'cpus': 10000000000000} is invalid: values greater than 1 trillion (1000000000000) are not supported
        request 6 <- 400 Invalid QuotaConfig: Invalid 'QuotaConfig.limits': {'mem': 2000000000000} is invalid: values greater than 1 exabyte (1099511627776) are not supported
        request 7 <- 400 Invalid QuotaConfig: 'QuotaConfig.guarantees' cpus:3 is not contained within the 'QuotaConfig.limits' cpus:2
        request 8 <- 400 Invalid QuotaConfig: total quota guarantees 'cpus:5' exceed cluster capacity 'cpus:4; mem:1024' (use 'force' flag to bypass this check)
        request 9 <- 400 Invalid QuotaConfig: role 'web' is there twice
        request 10 <- 400 Failed to validate master::Call: Expecting 'update_quota' to be present
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn limits_below_what_is_used_and_guarantees_beyond_what_is_there_need_force() {
    let mut cluster = in_role(cluster().agent("a1", "cpus:4; mem:1024"), "web", "web").running(
        "web",
        "a1",
        task("t1", "cpus:3; mem:64"),
    );

    update(&mut cluster, false, vec![config("web", "", "cpus:2")]);
    update(&mut cluster, false, vec![config("ads", "cpus:9", "")]);
    update(&mut cluster, true, vec![config("web", "", "cpus:2"), config("ads", "cpus:9", "")]);

    expect![[r#"
        request 4 <- 400 Invalid QuotaConfig: Role 'web' is already consuming 'cpus:3; mem:64'; this is more than the requested limits 'cpus:2' (use 'force' flag to bypass this check)
        request 5 <- 400 Invalid QuotaConfig: total quota guarantees 'cpus:9' exceed cluster capacity 'cpus:4; mem:1024' (use 'force' flag to bypass this check)
        registry <- quota of web of ads
        allocator <- quota of web: guarantees {}, limits cpus:2
        allocator <- quota of ads: guarantees cpus:9, limits {}
        request 6 <- 200
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn offers_beyond_a_new_limit_are_taken_back() {
    let mut cluster =
        in_role(cluster().agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024"), "web", "web");
    cluster.allocate();
    cluster.forget();

    update(&mut cluster, false, vec![config("web", "", "cpus:4")]);

    expect![[r#"
        registry <- quota of web
        allocator <- quota of web: guarantees {}, limits cpus:4
        stream 1 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: web):4; mem(allocated: web):1024 on a0 from f0
        request 2 <- 200
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn offers_of_others_are_taken_back_until_a_guarantee_can_be_met() {
    let mut cluster =
        in_role(cluster().agent("a1", "cpus:4; mem:1024").agent("a2", "cpus:4; mem:1024"), "web", "web");
    cluster.allocate();
    let mut cluster = in_role(cluster, "ads", "ads");

    update(&mut cluster, false, vec![config("ads", "cpus:4", "")]);
    cluster.wait(2);

    expect![[r#"
        stream 1 <- RESCIND m-O0
        request 3 <- 200
        stream 2 <- OFFERS m-O2 on m-S0 (cpus:4; mem:1024)
    "#]]
    .assert_eq(&cluster.heard());
}

#[test]
fn the_next_master_keeps_quota_and_waits_for_agents() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    update(&mut cluster, false, vec![config("web", "cpus:1", "cpus:2")]);

    let mut next = Cluster::elected(Config::default());
    next.registry = cluster.registry.clone();
    next.recover();

    expect![[r#"
        registry <- master is m
        allocator <- quota of web: guarantees cpus:1, limits cpus:2
        allocator <- await 1 agents
        arm recovery of agents at 10:00
        arm registry pruning at 15:00
    "#]]
    .assert_eq(&next.effects());
}

#[test]
#[expect(deprecated, reason = "operators' tools still send them")]
fn the_older_calls_set_quota_once_and_remove_it() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");
    let set = |cluster: &mut Cluster, role: Option<&str>, cpus: f64, force: bool| {
        cluster.operate(call::Type::SetQuota, |call| {
            let guarantee =
                tepui_model::Resources::parse(&format!("cpus:{cpus}"), &tepui_model::Role::star());
            let quota_request = tepui_proto::v1::quota::QuotaRequest {
                force: Some(force),
                role: role.map(str::to_owned),
                guarantee: guarantee.expect("resources").to_wire(),
            };
            call.set_quota = Some(Box::new(call::SetQuota { quota_request }));
        });
    };
    let remove = |cluster: &mut Cluster| {
        cluster.operate(call::Type::RemoveQuota, |call| {
            call.remove_quota = Some(call::RemoveQuota { role: "web".into() });
        });
    };

    set(&mut cluster, None, 1.0, false);
    set(&mut cluster, Some("web"), 9.0, false);
    set(&mut cluster, Some("web"), 1.0, false);
    set(&mut cluster, Some("web"), 1.0, false);
    remove(&mut cluster);
    remove(&mut cluster);

    expect![[r#"
        request 1 <- 400 Failed to validate set quota request: QuotaInfo must specify a role
        request 2 <- 409 Quota guarantees overcommit the cluster (use 'force' to bypass this check): total quota guarantees 'cpus:9' exceed cluster capacity 'cpus:4; mem:1024'
        registry <- quota of web
        allocator <- quota of web: guarantees cpus:1, limits cpus:1
        request 3 <- 200
        request 4 <- 400 Failed to validate set quota request: Cannot set quota for role 'web' which already has quota
        registry <- quota of web
        allocator <- quota of web: guarantees {}, limits {}
        request 5 <- 200
        request 6 <- 400 Failed to remove quota: Role 'web' has no quota set
    "#]].assert_eq(&cluster.effects());
    assert!(cluster.registry.minimum_capabilities.is_empty());
}

#[test]
fn zeros_are_no_quota() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024");

    update(&mut cluster, false, vec![config("web", "cpus:1", "")]);
    update(&mut cluster, false, vec![config("web", "cpus:0; mem:0", "")]);

    assert!(cluster.registry.quota_configs.is_empty() && cluster.registry.minimum_capabilities.is_empty());
}

#[test]
fn no_offer_goes_back_for_a_guarantee_that_it_cannot_meet() {
    let mut cluster = in_role(cluster().agent("a1", "cpus:4; mem:1024"), "ads", "ads");
    cluster.allocate();
    cluster.forget();

    update(&mut cluster, true, vec![config("web", "gpus:1", "")]);

    expect![[r#"
        registry <- quota of web
        allocator <- quota of web: guarantees gpus:1, limits {}
        request 2 <- 200
    "#]]
    .assert_eq(&cluster.effects());
}
