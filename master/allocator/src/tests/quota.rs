//! Guarantees, limits, headroom, and who is considered at all.

use std::time::Duration;

use expect_test::expect;
use tepui_model::{Attributes, OfferConstraints, Quota, ResourceQuantities, Time};

use crate::testing::*;
use crate::{AgentDescription, Call, FrameworkDescription, Held, Settings, Sorting};

fn quota(guarantees: &str, limits: &str) -> Quota {
    let limits = ResourceQuantities::parse(limits).unwrap();
    Quota {
        guarantees: ResourceQuantities::parse(guarantees).unwrap(),
        limits: limits.iter().map(|(name, limit)| (name.clone(), limit)).collect(),
    }
}

fn set(cluster: &mut Cluster, name: &str, guarantees: &str, limits: &str) {
    cluster.call(Call::UpdateQuota { role: role(name), quota: quota(guarantees, limits) });
}

#[test]
fn a_limit_cuts_an_offer_and_the_rest_goes_to_others() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "a", "", "cpus:3;mem:100");
    cluster.add_framework(0, "a").add_framework(1, "b").add_agent(0, "cpus:4; mem:512; ports:[1-9]");

    expect![[r#"
        f0 as a <- cpus:3; mem:100; ports:[1-9] on a0
        f1 as b <- cpus:1; mem:412 on a0"#]]
    .assert_eq(&cluster.offers());
}

#[test]
fn a_role_at_its_limit_gets_more_when_it_gives_something_back() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "a", "", "cpus:2");
    cluster.add_framework(0, "a").add_agent(0, "cpus:2").add_agent(1, "cpus:2");
    let first = cluster.run();
    assert_eq!(first.len(), 1);
    expect!["no offers"].assert_eq(&lines(&cluster.next_batch()));

    cluster.recover(&first[0], Held::Offered, Some(Duration::from_secs(60)));

    let next = lines(&cluster.next_batch());
    assert_ne!(next, "no offers");
    assert_ne!(next, lines(&first), "that one was refused");
}

#[test]
fn what_a_subtree_holds_counts_and_its_reservations_too() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "a", "", "cpus:4");
    cluster.add_framework(0, "a/x").add_agent(0, "cpus:2; cpus(a/y):1; cpus(a/x):1");
    expect!["f0 as a/x <- cpus:2; cpus(reservations: [(STATIC,a/x)]):1 on a0"].assert_eq(&cluster.offers());

    cluster.add_framework(1, "a").add_agent(1, "cpus:5");

    expect!["no offers"].assert_eq(&cluster.offers());
}

#[test]
fn a_guarantee_is_served_before_anybody_else() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "z", "cpus:2", "");
    cluster.add_framework(0, "a").add_framework(1, "z").add_agent(0, "cpus:2; mem:64");

    expect!["f1 as z <- cpus:2; mem:64 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn what_is_guaranteed_and_not_wanted_stays_free() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "z", "cpus:3", "");
    cluster.add_framework(0, "a").add_agent(0, "cpus:4; mem:64");
    expect!["f0 as a <- cpus:1; mem:64 on a0"].assert_eq(&cluster.offers());
    expect!["no offers"].assert_eq(&lines(&cluster.next_batch()));

    set(&mut cluster, "z", "cpus:1", "");

    expect!["f0 as a <- cpus:2 on a0"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
fn a_role_below_uses_what_its_top_is_guaranteed() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "z", "cpus:3", "");
    cluster.add_framework(0, "a").add_framework(1, "z/team").add_agent(0, "cpus:4");

    expect!["f1 as z/team <- cpus:4 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn offers_wait_for_agents_where_there_is_quota() {
    let mut cluster = Cluster::with(Settings { recovery_factor: 0.5, ..Settings::new(1) });
    cluster.call(Call::AwaitAgents(4));
    assert_eq!(cluster.allocator.pause, None, "nobody has quota");
    set(&mut cluster, "a", "cpus:1", "");
    cluster.call(Call::AwaitAgents(4)).add_framework(0, "b").add_agent(0, "cpus:2");
    expect!["no offers"].assert_eq(&lines(&cluster.next_batch()));

    cluster.add_agent(1, "cpus:2");

    assert_eq!(cluster.run().len(), 2);
}

#[test]
fn offers_do_not_wait_for_ever() {
    let mut cluster = Cluster::new();
    set(&mut cluster, "a", "cpus:1", "");
    cluster.call(Call::AwaitAgents(4)).add_framework(0, "a").add_agent(0, "cpus:2");
    assert_eq!(cluster.allocator.next_wakeup(), Time::from_secs(600));

    cluster.now = Time::from_secs(600);

    expect!["f0 as a <- cpus:2 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn only_agents_on_the_whitelist_are_offered() {
    let mut cluster = Cluster::new();
    cluster.call(Call::SetWhitelist(Some(["good".to_owned()].into()))).add_framework(0, "a");
    cluster.add_agent(0, "cpus:1");
    cluster.add_agent_like(1, AgentDescription { hostname: "good".to_owned(), ..has("cpus:2") });
    expect!["f0 as a <- cpus:2 on a1"].assert_eq(&cluster.offers());

    cluster.call(Call::SetWhitelist(None));

    expect!["f0 as a <- cpus:1 on a0"].assert_eq(&lines(&cluster.next_batch()));
}

pub(super) fn on_rack(rack: &str) -> FrameworkDescription {
    let constraints = OfferConstraints::equal(role("a"), "rack", rack).into();
    FrameworkDescription { constraints, ..wants(0, "a b") }
}

pub(super) fn in_rack(rack: &str, total: &str) -> AgentDescription {
    AgentDescription { attributes: Attributes::parse(&format!("rack:{rack}")).unwrap(), ..has(total) }
}

#[test]
fn constraints_keep_agents_from_a_role() {
    let mut cluster = Cluster::new();
    cluster.add_framework_like(0, on_rack("r1"));
    cluster.add_agent_like(0, in_rack("r1", "cpus:1")).add_agent_like(1, in_rack("r2", "cpus:2"));

    expect![[r#"
        f0 as a <- cpus:1 on a0
        f0 as b <- cpus:2 on a1"#]]
    .assert_eq(&cluster.offers());
}

#[test]
fn turns_by_lot_are_about_as_often_as_weights_say() {
    let settings = Settings { role_sorter: Sorting::Random, ..Settings::new(7) };
    let mut cluster = Cluster::with(settings);
    cluster.add_framework(0, "a").add_framework(1, "b/x").add_framework(2, "b/y");
    cluster.call(Call::UpdateWeights(vec![(role("b"), 3.0), (role("b/x"), 2.0)]));

    let mut counts = [0_u32; 3];
    for slot in 0..600 {
        cluster.add_agent(slot, "cpus:1");
    }
    for offer in cluster.run() {
        counts[offer.framework.slot as usize] += 1;
    }

    // A quarter, and of the rest two thirds and one third.
    assert!(counts[0].abs_diff(150) < 45 && counts[1].abs_diff(300) < 60, "{counts:?}");
}
