//! What happens, step by step, in text.

mod explain;
mod maintenance;
mod quota;

use std::time::Duration;

use expect_test::expect;
use tepui_model::{
    Attributes, Conversion, FrameworkCapabilities, Metadata, Reservation, Resource, ResourceName,
    ResourceQuantities, Resources, Scalar, Time, Value,
};

use crate::testing::*;
use crate::{AgentDescription, Call, FrameworkDescription, Held, Settings};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_framework_gets_all_that_an_agent_has() {
    let mut cluster = Cluster::new();

    cluster.add_agent(0, "cpus:4; mem:1024; ports:[31000-32000]").add_framework(0, "*");

    expect!["f0 as * <- cpus:4; mem:1024; ports:[31000-32000] on a0"].assert_eq(&cluster.offers());
    expect!["no offers"].assert_eq(&cluster.offers());
}

#[test]
fn what_happens_between_two_runs_shares_a_run_and_all_agents_are_considered_every_interval() {
    let mut cluster = Cluster::new();
    assert_eq!(cluster.allocator.next_wakeup(), Time::from_secs(1));

    cluster.add_framework(0, "*").add_agent(0, "cpus:1").add_agent(1, "cpus:2");

    assert_eq!(cluster.allocator.next_wakeup(), Time::ZERO);
    expect![[r#"
        f0 as * <- cpus:1 on a0
        f0 as * <- cpus:2 on a1"#]]
    .assert_eq(&cluster.offers());
    assert_eq!(cluster.allocator.next_wakeup(), Time::from_secs(1));
    cluster.next_batch();
    assert_eq!(cluster.allocator.next_wakeup(), Time::from_secs(2));
}

#[test]
fn frameworks_of_one_role_take_turns() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_framework(1, "*");

    let mut text = Vec::new();
    for slot in 0..4 {
        cluster.add_agent(slot, "cpus:1; mem:100");
        text.push(cluster.offers());
    }

    expect![[r#"
        f0 as * <- cpus:1; mem:100 on a0
        f1 as * <- cpus:1; mem:100 on a1
        f0 as * <- cpus:1; mem:100 on a2
        f1 as * <- cpus:1; mem:100 on a3"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn roles_come_before_frameworks() {
    // Two frameworks in `dev` together get as much as the one in `prod`.
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "dev").add_framework(1, "dev").add_framework(2, "prod");

    let mut text = Vec::new();
    for slot in 0..4 {
        cluster.add_agent(slot, "cpus:1");
        text.push(cluster.offers());
    }

    expect![[r#"
        f0 as dev <- cpus:1 on a0
        f2 as prod <- cpus:1 on a1
        f1 as dev <- cpus:1 on a2
        f2 as prod <- cpus:1 on a3"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn nested_roles_share_what_their_parent_gets() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "eng").add_framework(1, "eng/web").add_framework(2, "ops");

    let mut text = Vec::new();
    for slot in 0..6 {
        cluster.add_agent(slot, "cpus:1");
        text.push(cluster.offers());
    }

    expect![[r#"
        f0 as eng <- cpus:1 on a0
        f2 as ops <- cpus:1 on a1
        f1 as eng/web <- cpus:1 on a2
        f2 as ops <- cpus:1 on a3
        f0 as eng <- cpus:1 on a4
        f2 as ops <- cpus:1 on a5"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn a_heavier_role_gets_more() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "dev").add_framework(1, "prod");
    cluster.call(Call::UpdateWeights(vec![(role("prod"), 2.0)]));

    let mut prod = 0;
    for slot in 0..9 {
        cluster.add_agent(slot, "cpus:1");
        prod += cluster.run().iter().filter(|allocation| allocation.role == role("prod")).count();
    }

    assert_eq!(prod, 6);
}

#[test]
fn the_dominant_resource_counts() {
    // f0 holds half the memory, f1 a quarter of the cpus; f1 is next although it holds more cpus.
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a").add_agent(0, "cpus:1; mem:800");
    cluster.offers();
    cluster.add_framework(1, "b").add_agent(1, "cpus:2; mem:100");
    cluster.offers();

    cluster.add_agent(2, "cpus:5; mem:700");

    expect!["f1 as b <- cpus:5; mem:700 on a2"].assert_eq(&cluster.offers());
}

#[test]
fn a_refused_offer_is_not_made_again_until_the_refusal_lapses() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();

    cluster.decline_all(&offers, Some(5 * SECOND));

    let seconds: Vec<_> = (0..7).map(|_| lines(&cluster.next_batch())).collect();
    expect![[r#"
        no offers
        no offers
        no offers
        no offers
        no offers
        f0 as * <- cpus:4 on a0
        no offers"#]]
    .assert_eq(&seconds.join("\n"));
}

#[test]
fn a_short_refusal_outlives_the_next_batch() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_framework(1, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();
    assert_eq!(offers[0].framework, framework(0));
    cluster.decline_all(&offers, Some(SECOND / 100));

    // However late the batch runs: f0 refused, so it is the turn of f1.
    cluster.now = Time::from_secs(60);
    expect!["f1 as * <- cpus:4 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn a_declined_offer_without_refusal_comes_back_with_the_next_batch() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();

    cluster.decline_all(&offers, None);

    expect!["no offers"].assert_eq(&cluster.offers());
    expect!["f0 as * <- cpus:4 on a0"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
fn more_than_was_refused_is_offered() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();
    cluster.decline_all(&offers, Some(3600 * SECOND));

    cluster.call(Call::UpdateAgent { agent: agent(0), description: has("cpus:3") });
    expect!["no offers"].assert_eq(&cluster.offers());

    cluster.call(Call::UpdateAgent { agent: agent(0), description: has("cpus:4; mem:64") });
    expect!["f0 as * <- cpus:4; mem:64 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn an_agent_with_other_attributes_is_offered_anew() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();
    cluster.decline_all(&offers, Some(3600 * SECOND));

    let attributes = Attributes::parse("rack:r1").unwrap();
    cluster.call(Call::UpdateAgent {
        agent: agent(0),
        description: AgentDescription { attributes, ..has("cpus:4") },
    });

    expect!["f0 as * <- cpus:4 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn a_refusal_holds_for_its_role_only() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a b").add_agent(0, "cpus:4");

    let first = cluster.run();
    cluster.decline_all(&first, Some(3600 * SECOND));
    let second = cluster.next_batch();
    cluster.decline_all(&second, Some(3600 * SECOND));

    expect!["f0 as a <- cpus:4 on a0"].assert_eq(&lines(&first));
    expect!["f0 as b <- cpus:4 on a0"].assert_eq(&lines(&second));
    expect!["no offers"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
fn reviving_forgets_refusals_and_offers_at_once() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a b").add_agent(0, "cpus:4");
    let first = cluster.run();
    cluster.decline_all(&first, Some(3600 * SECOND));
    let second = cluster.next_batch();
    cluster.decline_all(&second, Some(3600 * SECOND));

    cluster.call(Call::Revive { framework: framework(0), roles: roles("b") });

    expect!["f0 as b <- cpus:4 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn suppressed_roles_get_no_offers_until_revived() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a b");
    cluster.call(Call::Suppress { framework: framework(0), roles: roles("a") });
    cluster.add_agent(0, "cpus:4");
    expect!["f0 as b <- cpus:4 on a0"].assert_eq(&cluster.offers());

    cluster.call(Call::Suppress { framework: framework(0), roles: roles("") });
    cluster.add_agent(1, "cpus:4");
    expect!["no offers"].assert_eq(&cluster.offers());

    cluster.call(Call::Revive { framework: framework(0), roles: roles("") });
    expect!["f0 as a <- cpus:4 on a1"].assert_eq(&cluster.offers());
}

#[test]
fn a_disconnected_framework_keeps_what_it_uses_and_gets_nothing() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();
    cluster.call(Call::Launch {
        agent: agent(0),
        framework: framework(0),
        resources: offers[0].resources.clone(),
    });

    cluster.call(Call::DeactivateFramework(framework(0))).add_agent(1, "cpus:1");
    expect!["no offers"].assert_eq(&cluster.offers());
    assert_eq!(cluster.allocator.available(agent(0)), Some(&Resources::new()));

    cluster.call(Call::ActivateFramework(framework(0)));
    expect!["f0 as * <- cpus:1 on a1"].assert_eq(&cluster.offers());
}

#[test]
fn a_removed_framework_leaves_everything_to_the_others() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4").add_agent(1, "cpus:2");
    let stale = cluster.run();
    cluster.call(Call::RemoveFramework(framework(0))).add_framework(1, "other");

    expect![[r#"
        f1 as other <- cpus:4 on a0
        f1 as other <- cpus:2 on a1"#]]
    .assert_eq(&cluster.offers());

    // An allocation that was on its way comes back: nothing is recovered twice.
    cluster.decline_all(&stale, None);
    expect!["no offers"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
fn a_removed_agent_takes_its_share_along() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a").add_agent(0, "cpus:4");
    let stale = cluster.run();
    cluster.call(Call::RemoveAgent(agent(0)));
    cluster.decline_all(&stale, Some(SECOND));
    assert_eq!(cluster.allocator.held(agent(0), framework(0)), None);

    cluster.add_framework(1, "b").add_agent(1, "cpus:1");
    // Equal shares again; f0 was served before.
    expect!["f1 as b <- cpus:1 on a1"].assert_eq(&cluster.offers());
}

#[test]
fn an_inactive_agent_is_not_offered() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4").call(Call::DeactivateAgent(agent(0)));
    expect!["no offers"].assert_eq(&cluster.offers());

    cluster.call(Call::ActivateAgent(agent(0)));
    expect!["f0 as * <- cpus:4 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn part_of_an_offer_is_used_and_the_rest_comes_back() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4; mem:512");
    cluster.run();
    let (used, rest) = (resources("cpus:1; mem:128").allocated_to(&role("*")), resources("cpus:3; mem:384"));
    let (agent, framework) = (agent(0), framework(0));

    cluster.call(Call::Launch { agent, framework, resources: used.clone() }).call(Call::Recover {
        agent,
        framework,
        resources: rest.allocated_to(&role("*")),
        held: Held::Offered,
        refused: None,
    });
    expect!["f0 as * <- cpus:3; mem:384 on a0"].assert_eq(&lines(&cluster.next_batch()));

    cluster.call(Call::Recover { agent, framework, resources: used, held: Held::Used, refused: None });
    expect!["f0 as * <- cpus:1; mem:128 on a0"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
fn reserved_resources_go_to_their_role_and_roles_below_it() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "eng/web").add_framework(1, "ops");

    cluster.add_agent(0, "cpus(eng):1; mem(eng):64; cpus(ops):2; mem(ops):64; cpus(other):3");

    expect![[r#"
        f0 as eng/web <- cpus(reservations: [(STATIC,eng)]):1; mem(reservations: [(STATIC,eng)]):64 on a0
        f1 as ops <- cpus(reservations: [(STATIC,ops)]):2; mem(reservations: [(STATIC,ops)]):64 on a0"#]]
    .assert_eq(&cluster.offers());
}

#[test]
fn too_little_is_not_offered() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*");

    cluster.add_agent(0, "cpus:0.009; mem:31; disk:10000").add_agent(1, "mem:32").add_agent(2, "cpus:0.01");

    expect![[r#"
        f0 as * <- mem:32 on a1
        f0 as * <- cpus:0.01 on a2"#]]
    .assert_eq(&cluster.offers());
}

#[test]
fn a_framework_says_what_is_too_little_for_it() {
    let mut cluster = Cluster::new();
    let big = vec![ResourceQuantities::parse("cpus:2;mem:64").unwrap()];
    let picky = FrameworkDescription {
        min_allocatable: [(role("*"), big), (role("any"), vec![])].into(),
        ..wants(0, "* any")
    };
    cluster.add_framework_like(0, picky);

    cluster.add_agent(0, "cpus:2; mem:64").add_agent(1, "disk:1");

    expect![[r#"
        f0 as * <- cpus:2; mem:64 on a0
        f0 as any <- disk:1 on a1"#]]
    .assert_eq(&cluster.offers());
}

#[test]
fn gpus_regions_and_roles_are_for_those_who_know_them() {
    let mut cluster = Cluster::with(Settings { region: Some("here".to_owned()), ..Settings::new(1) });
    let mut far = has("cpus:2");
    far.region = Some("there".to_owned());
    let mut old = has("cpus:3");
    old.capabilities = Default::default();
    cluster.add_agent(0, "cpus:1; gpus:1").add_agent_like(1, far).add_agent_like(2, old);

    let knows = |slot, capabilities| FrameworkDescription { capabilities, ..wants(slot, "*") };
    cluster.add_framework_like(0, knows(0, FrameworkCapabilities { multi_role: true, ..Default::default() }));
    expect!["no offers"].assert_eq(&cluster.offers());

    cluster
        .add_framework_like(1, knows(1, FrameworkCapabilities { gpu_resources: true, ..Default::default() }));
    expect![[r#"
        f1 as * <- cpus:1; gpus:1 on a0
        f1 as * <- cpus:3 on a2"#]]
    .assert_eq(&cluster.offers());

    cluster
        .add_framework_like(2, knows(2, FrameworkCapabilities { region_aware: true, ..Default::default() }));
    expect!["f2 as * <- cpus:2 on a1"].assert_eq(&cluster.offers());
}

#[test]
fn revocable_resources_are_for_those_who_know_them() {
    let mut cluster = Cluster::new();
    let spare = Resource::new("cpus", Value::Scalar(Scalar::from_units(2)))
        .with_metadata(Metadata { revocable: true, ..Metadata::default() });
    let mut description = has("cpus:1; mem:64");
    description.total += spare;
    cluster.add_framework(0, "*").add_agent_like(0, description);
    expect!["f0 as * <- cpus:1; mem:64 on a0"].assert_eq(&cluster.offers());

    let mut capabilities = wants(1, "*").capabilities;
    capabilities.revocable_resources = true;
    cluster.add_framework_like(1, FrameworkDescription { capabilities, ..wants(1, "*") });
    expect!["f1 as * <- cpus{REV}:2 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn an_excluded_resource_does_not_count_for_shares() {
    let excluded_from_sharing = [ResourceName::Gpus].into();
    let mut cluster = Cluster::with(Settings { excluded_from_sharing, ..Settings::new(1) });
    let gpus = |slot, role: &str| {
        let mut description = wants(slot, role);
        description.capabilities.gpu_resources = true;
        description
    };
    cluster.add_framework_like(0, gpus(0, "a")).add_agent(0, "cpus:1; gpus:8");
    cluster.offers();
    cluster.add_framework_like(1, gpus(1, "b")).add_agent(1, "cpus:2");
    cluster.offers();

    cluster.add_agent(2, "cpus:5");

    expect!["f0 as a <- cpus:5 on a2"].assert_eq(&cluster.offers());
}

#[test]
fn what_agents_report_counts_even_before_its_framework_is_known() {
    let mut cluster = Cluster::new();
    cluster.add_framework(1, "b");
    let used = [(framework(0), resources("cpus:3").allocated_to(&role("a")))].into();
    cluster.call(Call::AddAgent { agent: agent(0), description: has("cpus:4"), active: true, used });
    expect!["f1 as b <- cpus:1 on a0"].assert_eq(&cluster.offers());

    let description = wants(0, "a");
    cluster
        .call(Call::AddFramework { framework: framework(0), description, active: true })
        .add_agent(1, "cpus:1");

    expect!["f1 as b <- cpus:1 on a1"].assert_eq(&cluster.offers());
}

#[test]
fn what_an_unknown_framework_holds_can_come_back_too() {
    let mut cluster = Cluster::new();
    let used = [(framework(0), resources("cpus:3").allocated_to(&role("a")))].into();
    cluster.call(Call::AddAgent { agent: agent(0), description: has("cpus:4"), active: true, used });
    let recover = Call::Recover {
        agent: agent(0),
        framework: framework(0),
        resources: resources("cpus:1").allocated_to(&role("a")),
        held: Held::Used,
        refused: None,
    };

    cluster.call(recover);
    assert_eq!(cluster.allocator.available(agent(0)), Some(&resources("cpus:2")));

    cluster.call(Call::RemoveFramework(framework(0)));
    assert_eq!(cluster.allocator.available(agent(0)), Some(&resources("cpus:4")));
}

#[test]
fn an_agent_may_come_back_with_less_than_its_tasks_use() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();
    cluster.call(Call::Launch {
        agent: agent(0),
        framework: framework(0),
        resources: offers[0].resources.clone(),
    });

    cluster.call(Call::UpdateAgent { agent: agent(0), description: has("cpus:1; mem:64") });
    expect!["f0 as * <- mem:64 on a0"].assert_eq(&cluster.offers());

    cluster.recover(&offers[0], Held::Used, None);
    expect!["f0 as * <- cpus:1 on a0"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
fn a_reservation_changes_the_offer_and_the_agent() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "eng").add_agent(0, "cpus:4; mem:64");
    cluster.run();
    let consumed = resources("cpus:3").allocated_to(&role("eng"));
    let converted = consumed.push_reservation(&Reservation::dynamic(role("eng"), None)).unwrap();

    cluster.call(Call::Convert {
        agent: agent(0),
        framework: framework(0),
        conversions: vec![Conversion { consumed, converted }],
    });
    let held = cluster.allocator.held(agent(0), framework(0)).unwrap().clone();
    cluster.call(Call::Recover {
        agent: agent(0),
        framework: framework(0),
        resources: held,
        held: Held::Offered,
        refused: Some(SECOND),
    });
    cluster.add_framework(1, "ops").call(Call::Suppress { framework: framework(0), roles: roles("") });
    let others = cluster.offers();
    cluster.call(Call::Revive { framework: framework(0), roles: roles("") });

    expect!["f1 as ops <- cpus:1; mem:64 on a0"].assert_eq(&others);
    expect!["f0 as eng <- cpus(reservations: [(DYNAMIC,eng)]):3 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn a_shared_volume_is_offered_once_a_run_however_many_use_it() {
    let mut cluster = Cluster::new();
    let persistence = Some(tepui_model::Persistence { id: "v".to_owned(), principal: None });
    let metadata = Metadata {
        reservations: vec![Reservation::fixed(role("eng"))],
        disk: Some(tepui_model::DiskInfo { source: None, persistence, volume: None }),
        shared: true,
        ..Metadata::default()
    };
    let volume = Resource::new("disk", Value::Scalar(Scalar::from_units(64))).with_metadata(metadata);
    let mut description = has("cpus:2");
    description.total += volume;
    let knows = |slot| {
        let mut description = wants(slot, "eng");
        description.capabilities.shared_resources = true;
        description.min_allocatable = [(role("eng"), vec![])].into();
        description
    };

    cluster.add_agent_like(0, description).add_framework_like(0, knows(0)).add_framework_like(1, knows(1));

    expect!["f0 as eng <- cpus:2; disk(reservations: [(STATIC,eng)])[v]<SHARED>:64<1> on a0"]
        .assert_eq(&cluster.offers());
    expect!["f1 as eng <- disk(reservations: [(STATIC,eng)])[v]<SHARED>:64<1> on a0"]
        .assert_eq(&lines(&cluster.next_batch()));
    cluster.call(Call::RemoveFramework(framework(0)));
}

#[test]
fn a_framework_that_leaves_a_role_keeps_what_it_holds_there() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "a").add_agent(0, "cpus:4");
    let offers = cluster.run();

    cluster
        .call(Call::UpdateFramework { framework: framework(0), description: wants(0, "b") })
        .add_agent(1, "cpus:1");
    expect!["f0 as b <- cpus:1 on a1"].assert_eq(&cluster.offers());

    cluster.decline_all(&offers, None);
    expect!["f0 as b <- cpus:4 on a0"].assert_eq(&lines(&cluster.next_batch()));
}

#[test]
#[should_panic(expected = "f0 gives back cpus(allocated: *):4, which it does not hold")]
fn nothing_is_given_back_twice() {
    let mut cluster = Cluster::new();
    cluster.add_framework(0, "*").add_agent(0, "cpus:4");
    let offers = cluster.run();

    cluster.decline_all(&offers, None).decline_all(&offers, None);
}

#[test]
fn calls_read_as_sentences() {
    let recover = Call::Recover {
        agent: agent(3),
        framework: framework(1),
        resources: resources("cpus:1").allocated_to(&role("web")),
        held: Held::Offered,
        refused: Some(5 * SECOND),
    };

    expect!["recovered offered cpus(allocated: web):1 on a3 from f1, refused for 5secs"]
        .assert_eq(&recover.to_string());
}

#[test]
fn an_agent_may_go_with_several_reservations_for_a_role_that_nobody_uses() {
    let mut cluster = Cluster::new();
    cluster
        .add_framework(0, "*")
        .add_agent(0, "cpus:1; cpus(a):4; mem(a):1024")
        .add_agent(1, "cpus(a):1; mem(a):32");

    cluster.call(Call::UpdateAgent { agent: agent(0), description: has("cpus:1") });
    cluster.call(Call::RemoveAgent(agent(1)));

    expect!["f0 as * <- cpus:1 on a0"].assert_eq(&cluster.offers());
}

#[test]
fn who_leaves_a_role_in_which_only_ports_are_held_gives_them_back_later() {
    let ports = || {
        let mut ports = resources("ports:[1-9]");
        ports.allocate(&role("a"));
        ports
    };
    let recover = || Call::Recover {
        agent: agent(0),
        framework: framework(0),
        resources: ports(),
        held: Held::Used,
        refused: None,
    };
    for stays in [false, true] {
        let mut cluster = Cluster::new();
        cluster.add_agent(0, "cpus:1; ports:[1-9]").add_framework(0, "a b");
        if stays {
            cluster.add_framework(1, "a");
        }
        cluster.call(Call::AddUsed { agent: agent(0), framework: framework(0), resources: ports() });

        cluster.call(Call::UpdateFramework { framework: framework(0), description: wants(0, "b") });
        cluster.call(recover());

        assert_eq!(cluster.allocator.roles.find(&role("a")).is_some(), stays);
        cluster.call(Call::RemoveFramework(framework(0)));
    }
}

#[test]
fn who_goes_with_nothing_but_ports_leaves_nothing_behind() {
    let mut cluster = Cluster::new();
    cluster.add_agent(0, "ports:[1-9]").add_framework(0, "a").add_framework(1, "a");
    let mut held = resources("ports:[1-9]");
    held.allocate(&role("a"));
    cluster.call(Call::AddUsed { agent: agent(0), framework: framework(0), resources: held });

    cluster.call(Call::RemoveFramework(framework(0)));

    assert!(cluster.allocator.roles.find(&role("a")).is_some());
    cluster.call(Call::RemoveFramework(framework(1)));
    assert!(cluster.allocator.roles.find(&role("a")).is_none());
}
