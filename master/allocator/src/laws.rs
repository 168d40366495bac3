//! What holds for any cluster and any history. Every run of a history is retraced by the reference allocator.

use proptest::collection::vec;
use proptest::prelude::*;
use tepui_model::{Resources, Scalar};

use crate::history::{World, event};
use crate::testing::*;
use crate::{Settings, Sorting};

fn shares(cluster: &Cluster, frameworks: u32, agents: u32) -> Vec<Scalar> {
    let held =
        |f: u32, a: u32| cluster.allocator.held(agent(a), framework(f)).map_or(Scalar::ZERO, Resources::cpus);
    (0..frameworks).map(|f| (0..agents).map(|a| held(f, a)).sum()).collect()
}

proptest! {
    #[test]
    fn any_history_keeps_the_ledger_true(events in vec(event(), 0..100), seed in 0_u64..4) {
        let mut world = World::new(seed);
        for event in events {
            world.happens(event);
            world.check_ledger();
        }
    }

    #[test]
    fn one_history_has_one_outcome(events in vec(event(), 0..60), seed in any::<u64>()) {
        let (mut first, mut second) = (World::new(seed), World::new(seed));
        events.iter().cloned().for_each(|event| first.happens(event));
        events.into_iter().for_each(|event| second.happens(event));
        prop_assert_eq!(first.transcript, second.transcript);
    }

    #[test]
    fn turns_by_lot_keep_the_ledger_true_too(events in vec(event(), 0..80), seed in 0_u64..4) {
        let (role_sorter, framework_sorter) = (Sorting::Random, Sorting::Random);
        let mut world = World::with(Settings { role_sorter, framework_sorter, ..Settings::new(seed) });
        for event in events {
            world.happens(event);
            world.check_ledger();
        }
    }

    #[test]
    fn an_idle_cycle_does_nothing(events in vec(event(), 0..60), seed in 0_u64..4) {
        let mut world = World::new(seed);
        events.into_iter().for_each(|event| world.happens(event));
        world.calm_down();

        let before = format!("{:?}", world.cluster.allocator.agents);
        let offers = world.cluster.next_batch();

        prop_assert_eq!(offers, vec![]);
        prop_assert_eq!(&world.cluster.allocator.visited, &[vec![], vec![]]);
        prop_assert_eq!(before, format!("{:?}", world.cluster.allocator.agents));
    }

    #[test]
    fn identical_demands_get_shares_within_one_agent(agents in 1_u32..40, frameworks in 1_u32..6, seed in any::<u64>()) {
        let mut cluster = Cluster::with(Settings::new(seed));
        for slot in 0..frameworks {
            cluster.add_framework(slot, "*");
        }
        for slot in 0..agents {
            cluster.add_agent(slot, "cpus:2; mem:100");
        }
        prop_assert_eq!(cluster.run().len(), agents as usize);

        let shares = shares(&cluster, frameworks, agents);
        let (most, least) = (*shares.iter().max().unwrap(), *shares.iter().min().unwrap());
        prop_assert!(most - least <= Scalar::from_units(2), "{shares:?}");
    }

    #[test]
    fn identical_roles_get_shares_within_the_largest_agent(sizes in vec(1_u32..9, 1..30), seed in any::<u64>()) {
        let mut cluster = Cluster::with(Settings::new(seed));
        for slot in 0..3 {
            cluster.add_framework(slot, ["a", "b", "c/d"][slot as usize]);
        }
        for (slot, cpus) in sizes.iter().enumerate() {
            cluster.add_agent(slot as u32, &format!("cpus:{cpus}"));
        }
        cluster.run();

        let shares = shares(&cluster, 3, sizes.len() as u32);
        let (most, least) = (*shares.iter().max().unwrap(), *shares.iter().min().unwrap());
        prop_assert!(most - least <= Scalar::from_units(*sizes.iter().max().unwrap()), "{shares:?}");
    }

    #[test]
    fn everything_is_offered_when_somebody_wants_it(agents in 1_u32..20, frameworks in 1_u32..5) {
        let mut cluster = Cluster::new();
        for slot in 0..agents {
            cluster.add_agent(slot, "cpus:1; mem:64; ports:[1-5]");
        }
        for slot in 0..frameworks {
            cluster.add_framework(slot, "*");
        }
        cluster.run();
        for slot in 0..agents {
            prop_assert_eq!(cluster.allocator.available(agent(slot)), Some(&Resources::new()));
        }
    }
}
