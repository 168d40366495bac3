//! Why a framework gets no offer of an agent.

use std::time::Duration;

use expect_test::expect;
use tepui_model::{AgentCapabilities, Quota, ResourceQuantities};

use super::quota::{in_rack, on_rack};
use crate::testing::*;
use crate::{AgentDescription, Call, Held, Settings};

fn explained(cluster: &Cluster, in_role: &str, wanted: &str) -> String {
    let wanted = ResourceQuantities::parse(wanted).unwrap();
    let allocator = &cluster.allocator;
    let explanation = allocator.explain(cluster.now, framework(0), &role(in_role), &wanted).unwrap();
    let counted: usize = explanation.counts().values().sum();
    assert_eq!(counted, allocator.agents.iter().count(), "every agent has one reason");
    let agents = explanation.agents.iter().map(|(agent, reason)| format!("{agent}: {reason}"));
    agents.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_an_agent_is_comes_before_what_it_has() {
    let mut cluster = Cluster::with(Settings { region: Some("here".to_owned()), ..Settings::new(1) });
    cluster.add_framework_like(0, on_rack("r1"));
    let rack = |total: &str| in_rack("r1", total);
    let old = AgentCapabilities::default();
    let whitelist = ["host".to_owned()].into();
    cluster
        .call(Call::SetWhitelist(Some(whitelist)))
        .add_agent_like(0, rack("cpus:4"))
        .call(Call::DeactivateAgent(agent(0)))
        .add_agent_like(1, AgentDescription { hostname: "other".to_owned(), ..rack("cpus:4") })
        .add_agent_like(2, in_rack("r2", "cpus:4"))
        .add_agent_like(3, rack("cpus:4; gpus:1"))
        .add_agent_like(4, AgentDescription { region: Some("there".to_owned()), ..rack("cpus:4") })
        .add_agent_like(5, AgentDescription { capabilities: old, ..rack("cpus:4") })
        .add_agent_like(6, rack("cpus:1; mem:64"))
        .add_agent_like(7, rack("cpus:1; cpus(b):3"))
        .add_agent_like(8, rack("cpus:4"));

    expect![[r#"
        a0: drained, deactivated or disconnected
        a1: not on the whitelist
        a2: excluded by the framework's offer constraints
        a3: has gpus, and the framework lacks GPU_RESOURCES
        a4: in another region, and the framework lacks REGION_AWARE
        a5: the agent lacks MULTI_ROLE
        a6: too small: not enough cpus
        a7: cpus reserved for other roles
        a8: next run, after 0 roles and 0 frameworks"#]]
    .assert_eq(&explained(&cluster, "a", "cpus:2"));
}

#[test]
fn what_is_taken_refused_or_held_back_is_told() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a").add_agent(0, "cpus:4").add_agent(1, "cpus:3");
    let offers = cluster.run();
    expect![[r#"
        a0: offered already, not answered
        a1: offered already, not answered"#]]
    .assert_eq(&explained(&cluster, "a", "cpus:2"));

    let (agent, framework, resources) = (offers[0].agent, framework(0), offers[0].resources.clone());
    cluster.call(Call::Launch { agent, framework, resources });
    cluster.recover(&offers[1], Held::Offered, Some(Duration::from_secs(20)));
    expect![[r#"
        a0: not enough cpus free
        a1: refused for 20secs more"#]]
    .assert_eq(&explained(&cluster, "a", "cpus:2"));

    let quota = |guarantees: &str, limits: &str| {
        let limits = ResourceQuantities::parse(limits).unwrap();
        Quota {
            guarantees: ResourceQuantities::parse(guarantees).unwrap(),
            limits: limits.iter().map(|(name, limit)| (name.clone(), limit)).collect(),
        }
    };
    cluster.call(Call::UpdateQuota { role: role("z"), quota: quota("cpus:2", "") });
    expect![[r#"
        a0: not enough cpus free
        a1: cpus held back for guarantees of other roles"#]]
    .assert_eq(&explained(&cluster, "a", "cpus:2"));

    cluster.call(Call::UpdateQuota { role: role("a"), quota: quota("", "cpus:5") });
    expect![[r#"
        a0: not enough cpus free
        a1: the role's quota limit for cpus"#]]
    .assert_eq(&explained(&cluster, "a", "cpus:2"));
}

#[test]
fn reasons_of_the_framework_hold_for_every_agent() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a b").add_agent(0, "cpus:4");
    cluster.call(Call::Suppress { framework: framework(0), roles: roles("b") });

    expect!["a0: the framework suppressed the role"].assert_eq(&explained(&cluster, "b", "cpus:2"));
    expect!["a0: the framework is not subscribed to the role"].assert_eq(&explained(&cluster, "c", "cpus:2"));
    expect!["a0: next run, after 0 roles and 0 frameworks"].assert_eq(&explained(&cluster, "a", "cpus:2"));

    cluster.call(Call::DeactivateFramework(framework(0)));
    expect!["a0: the framework is disconnected"].assert_eq(&explained(&cluster, "a", "cpus:2"));
    let nobody = cluster.allocator.explain(cluster.now, framework(9), &role("a"), &ResourceQuantities::new());
    assert_eq!(nobody, None);
}

#[test]
fn who_wants_nothing_special_is_answered_for_the_least_offer() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a").add_agent(0, "cpus:4; ports:[31000-31009]").add_agent(1, "cpus:0.001");
    let offers = cluster.run();
    let (agent, resources) = (offers[0].agent, offers[0].resources.clone());
    cluster.call(Call::Launch { agent, framework: framework(0), resources });

    expect![[r#"
        a0: not enough cpus free
        a1: too small: not enough cpus"#]]
    .assert_eq(&explained(&cluster, "a", ""));
    expect![[r#"
        a0: not enough ports free
        a1: too small: not enough ports"#]]
    .assert_eq(&explained(&cluster, "a", "ports:2"));
    expect![[r#"
        a0: too small: not enough ports
        a1: too small: not enough ports"#]]
    .assert_eq(&explained(&cluster, "a", "ports:11"));
}
