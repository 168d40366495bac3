//! Weights: written first, and all offers are made anew when a role in use changes.

use expect_test::expect;
use tepui_model::Role;
use tepui_proto::v1::WeightInfo;
use tepui_proto::v1::master::call;

use crate::Config;
use crate::cluster::{Cluster, cluster};

fn update(cluster: &mut Cluster, weights: &[(&str, f64)]) {
    cluster.operate(call::Type::UpdateWeights, |call| {
        let info = |(role, weight): &(&str, f64)| WeightInfo { weight: *weight, role: Some((*role).into()) };
        let weight_infos = weights.iter().map(info).collect();
        call.update_weights = Some(call::UpdateWeights { weight_infos });
    });
}

#[test]
fn offers_are_made_anew_when_the_weight_of_a_role_in_use_changes() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web");
    cluster.allocate();
    cluster.forget();

    update(&mut cluster, &[("ads", 2.0)]);
    update(&mut cluster, &[(" * ", 2.5), ("ads/eu", 0.5)]);

    expect![[r#"
        registry <- weights ads=2
        allocator <- weights ads=2
        request 2 <- 200
        registry <- weights *=2.5 ads/eu=0.5
        allocator <- weights *=2.5 ads/eu=0.5
        stream 1 <- RESCIND m-O0
        allocator <- recovered offered cpus(allocated: *):4; mem(allocated: *):1024 on a0 from f0
        request 3 <- 200
    "#]]
    .assert_eq(&cluster.effects());
}

#[test]
fn a_weight_that_is_none_is_refused() {
    let mut cluster = cluster();

    for wrong in [("..", 1.0), ("web", 0.0), ("web", -1.0), ("web", f64::NAN)] {
        update(&mut cluster, &[("ads", 1.0), wrong]);
    }

    expect![[r#"
        request 1 <- 400 Failed to validate update weights request JSON: Invalid role '..': Role '..' cannot include '..' as a component
        request 2 <- 400 Failed to validate update weights request JSON for role 'web': Invalid weight '0': Weights must be positive
        request 3 <- 400 Failed to validate update weights request JSON for role 'web': Invalid weight '-1': Weights must be positive
        request 4 <- 400 Failed to validate update weights request JSON for role 'web': Invalid weight 'NaN': Weights must be positive
    "#]].assert_eq(&cluster.effects());
}

#[test]
fn the_command_line_counts_until_the_registry_has_weights() {
    let role = |name: &str| Role::parse(name).expect("a role");
    let config = Config { weights: vec![(role("web"), 3.0)], ..Config::default() };
    let mut first = Cluster::elected(config.clone());
    first.recover();
    expect![[r#"
        registry <- master is m
        registry <- weights web=3
        arm registry pruning at 15:00
        allocator <- weights web=3
    "#]]
    .assert_eq(&first.effects());
    update(&mut first, &[("web", 4.0)]);

    let mut next = Cluster::elected(config);
    next.registry = first.registry.clone();
    next.recover();
    expect![[r#"
        registry <- master is m
        allocator <- weights web=4
        arm registry pruning at 15:00
    "#]]
    .assert_eq(&next.effects());
}
