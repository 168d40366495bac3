//! What holds for any cluster and any history.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tepui_model::{Resources, Scalar};

use crate::testing::*;
use crate::{Allocation, Call, Held, Settings};

/// One thing that may happen; numbers pick among what is there.
#[derive(Clone, Debug)]
enum Event {
    AddAgent(u32, &'static str),
    UpdateAgent(u32, &'static str),
    ActivateAgent(u32),
    DeactivateAgent(u32),
    RemoveAgent(u32),
    AddFramework(u32, &'static str),
    UpdateFramework(u32, &'static str),
    ActivateFramework(u32),
    DeactivateFramework(u32),
    RemoveFramework(u32),
    Launch(usize),
    Decline(usize, u64),
    Finish(usize),
    Suppress(u32, &'static str),
    Revive(u32, &'static str),
    Weigh(&'static str, u32),
    Run,
    Batch,
}

fn event() -> impl Strategy<Value = Event> {
    let agent = || 0_u32..4;
    let framework = || 0_u32..4;
    let total = || {
        prop_oneof![
            Just("cpus:4; mem:512"),
            Just("cpus:2; mem:64; cpus(a):1; ports:[1-9]"),
            Just("cpus:0.5; mem(a/b):100"),
        ]
    };
    let in_roles = || prop_oneof![Just("a"), Just("a/b"), Just("a a/b c"), Just("* c")];
    prop_oneof![
        3 => (agent(), total()).prop_map(|(slot, total)| Event::AddAgent(slot, total)),
        1 => (agent(), total()).prop_map(|(slot, total)| Event::UpdateAgent(slot, total)),
        1 => agent().prop_map(Event::ActivateAgent),
        1 => agent().prop_map(Event::DeactivateAgent),
        1 => agent().prop_map(Event::RemoveAgent),
        3 => (framework(), in_roles()).prop_map(|(slot, roles)| Event::AddFramework(slot, roles)),
        1 => (framework(), in_roles()).prop_map(|(slot, roles)| Event::UpdateFramework(slot, roles)),
        1 => framework().prop_map(Event::ActivateFramework),
        1 => framework().prop_map(Event::DeactivateFramework),
        1 => framework().prop_map(Event::RemoveFramework),
        4 => any::<usize>().prop_map(Event::Launch),
        4 => (any::<usize>(), 0_u64..4).prop_map(|(at, secs)| Event::Decline(at, secs)),
        3 => any::<usize>().prop_map(Event::Finish),
        1 => (framework(), in_roles()).prop_map(|(slot, roles)| Event::Suppress(slot, roles)),
        1 => (framework(), in_roles()).prop_map(|(slot, roles)| Event::Revive(slot, roles)),
        1 => (in_roles(), 1_u32..5).prop_map(|(roles, weight)| Event::Weigh(roles, weight)),
        3 => Just(Event::Run),
        4 => Just(Event::Batch),
    ]
}

/// A cluster together with what a master knows: its offers and its tasks.
struct World {
    cluster: Cluster,
    offers: Vec<Allocation>,
    tasks: Vec<Allocation>,
    transcript: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            cluster: Cluster::with(Settings::new(seed)),
            offers: vec![],
            tasks: vec![],
            transcript: vec![],
        }
    }

    fn knows_agent(&self, slot: u32) -> bool {
        self.cluster.allocator.agents.contains_key(&agent(slot))
    }

    fn knows_framework(&self, slot: u32) -> bool {
        self.cluster.allocator.frameworks.contains_key(&framework(slot))
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::AddAgent(slot, total) if !self.knows_agent(slot) => {
                self.cluster.add_agent(slot, total);
            }
            Event::AddFramework(slot, roles) if !self.knows_framework(slot) => {
                self.cluster.add_framework(slot, roles);
            }
            Event::AddAgent(..) | Event::AddFramework(..) => {}
            Event::UpdateAgent(slot, total) => {
                self.cluster.call(Call::UpdateAgent { agent: agent(slot), description: has(total) });
            }
            Event::ActivateAgent(slot) => _ = self.cluster.call(Call::ActivateAgent(agent(slot))),
            Event::DeactivateAgent(slot) => _ = self.cluster.call(Call::DeactivateAgent(agent(slot))),
            Event::RemoveAgent(slot) => {
                self.cluster.call(Call::RemoveAgent(agent(slot)));
                self.forget(|allocation| allocation.agent == agent(slot));
            }
            Event::UpdateFramework(slot, roles) => {
                let (framework, description) = (framework(slot), wants(slot, roles));
                self.cluster.call(Call::UpdateFramework { framework, description });
            }
            Event::ActivateFramework(slot) => _ = self.cluster.call(Call::ActivateFramework(framework(slot))),
            Event::DeactivateFramework(slot) => {
                _ = self.cluster.call(Call::DeactivateFramework(framework(slot)))
            }
            Event::RemoveFramework(slot) => {
                self.cluster.call(Call::RemoveFramework(framework(slot)));
                self.forget(|allocation| allocation.framework == framework(slot));
            }
            Event::Launch(at) => self.launch(at),
            Event::Decline(at, secs) => {
                if let Some(offer) = pick(&mut self.offers, at) {
                    self.cluster.recover(&offer, Held::Offered, Some(Duration::from_secs(secs)));
                }
            }
            Event::Finish(at) => {
                if let Some(task) = pick(&mut self.tasks, at) {
                    self.cluster.recover(&task, Held::Used, None);
                }
            }
            Event::Suppress(slot, names) => {
                self.cluster.call(Call::Suppress { framework: framework(slot), roles: roles(names) });
            }
            Event::Revive(slot, names) => {
                self.cluster.call(Call::Revive { framework: framework(slot), roles: roles(names) });
            }
            Event::Weigh(names, weight) => {
                let weights = roles(names).into_iter().map(|role| (role, f64::from(weight))).collect();
                self.cluster.call(Call::UpdateWeights(weights));
            }
            Event::Run => self.offered(Cluster::run),
            Event::Batch => self.offered(Cluster::next_batch),
        }
    }

    fn offered(&mut self, run: fn(&mut Cluster) -> Vec<Allocation>) {
        let offers = run(&mut self.cluster);
        self.transcript.push(lines(&offers));
        self.offers.extend(offers);
    }

    /// A task uses half a cpu of an offer, or all of it; the rest comes back.
    fn launch(&mut self, at: usize) {
        let Some(offer) = pick(&mut self.offers, at) else { return };
        let half = resources("cpus:0.5").allocated_to(&offer.role);
        let used = if offer.resources.contains(&half) { half } else { offer.resources.clone() };
        let task = Allocation { resources: used.clone(), ..offer.clone() };
        self.cluster.call(Call::Launch {
            agent: task.agent,
            framework: task.framework,
            resources: used.clone(),
        });
        let rest = Allocation { resources: &offer.resources - &used, ..offer };
        self.cluster.recover(&rest, Held::Offered, None);
        self.tasks.push(task);
    }

    fn forget(&mut self, gone: impl Fn(&Allocation) -> bool) {
        self.offers.retain(|allocation| !gone(allocation));
        self.tasks.retain(|allocation| !gone(allocation));
    }

    /// The ledger says exactly what the master knows: nothing is handed out twice, nothing is lost.
    fn check_ledger(&self) {
        for (handle, page) in &self.cluster.allocator.agents {
            let here = self.offers.iter().chain(&self.tasks).filter(|allocation| allocation.agent == *handle);
            let known: Resources = here.map(|allocation| &allocation.resources).sum();
            let held: Resources = page.held().values().sum();
            assert_eq!(known, held, "on {handle}");
        }
    }
}

fn pick(from: &mut Vec<Allocation>, at: usize) -> Option<Allocation> {
    if from.is_empty() { None } else { Some(from.swap_remove(at % from.len())) }
}

fn shares(cluster: &Cluster, frameworks: u32, agents: u32) -> Vec<Scalar> {
    let held =
        |f: u32, a: u32| cluster.allocator.held(agent(a), framework(f)).map_or(Scalar::ZERO, Resources::cpus);
    (0..frameworks).map(|f| (0..agents).map(|a| held(f, a)).sum()).collect()
}

proptest! {
    #[test]
    fn any_history_keeps_the_ledger_true(events in vec(event(), 0..80), seed in 0_u64..4) {
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
