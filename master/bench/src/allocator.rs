//! Allocation cycles, in the shapes of Mesos' benchmarks of its hierarchical allocator.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use tepui_allocator::{
    AgentDescription, AgentHandle, Allocation, Allocator, Call, FrameworkDescription, FrameworkHandle, Held,
    Settings,
};
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, median};
use tepui_model::{
    AgentCapabilities, Attributes, FrameworkCapabilities, FrameworkId, Quota, ResourceQuantities, Resources,
    Role, Time,
};

use crate::recorded;
use crate::work::Work;

pub fn contests() -> Vec<Contest> {
    vec![one_role(), quota(), no_quota()]
}

/// Everybody declines everything, so that every cycle offers every agent to another framework.
fn one_role() -> Contest {
    let what = "20,000 agents, 2,000 frameworks, one role: cycle with 20,000 allocations";
    Contest {
        sides: vec![
            Side::new("allocator: one role", || decline_everything(20_000, 2_000, 10)),
            recorded::side("allocator: one role: Mesos", &[("cycle", Duration::from_millis(3800))]),
        ],
        rows: vec![
            Row::new(what, Unit::Seconds, "cycle", Target::AtMost(0.1)).recorded("Mesos 1.8, published", 1),
        ],
    }
}

fn quota() -> Contest {
    let shape = |what: &'static str, figure, most| {
        Row::new(what, Unit::Seconds, figure, Target::AtMost(most)).recorded("Mesos, recorded", 1)
    };
    let mesos = [("cycle", 14_900), ("empty", 13_400), ("frameworks", 13_700)];
    Contest {
        sides: vec![
            Side::new("allocator: quota", large_and_small_quota),
            recorded::side(
                "allocator: quota: Mesos",
                &mesos.map(|(name, ms)| (name, Duration::from_millis(ms))),
            ),
        ],
        rows: vec![
            shape(
                "3,000 agents, roles and frameworks with quota: cycle with 3,500 allocations",
                "cycle",
                0.15,
            ),
            shape("3,000 agents, roles and frameworks with quota: empty cycle", "empty", 0.02),
            shape("3,000 agents, roles and frameworks with quota: adding the frameworks", "frameworks", 0.5),
        ],
    }
}

fn no_quota() -> Contest {
    let shape = |what: &'static str, figure, most| {
        Row::new(what, Unit::Seconds, figure, Target::AtMost(most)).recorded("Mesos, recorded", 1)
    };
    let mesos = [("cycle", 199), ("empty", 157)];
    Contest {
        sides: vec![
            Side::new("allocator: no quota", without_quota),
            recorded::side(
                "allocator: no quota: Mesos",
                &mesos.map(|(name, ms)| (name, Duration::from_millis(ms))),
            ),
        ],
        rows: vec![
            shape("2,000 agents, 1,000 roles, 2,000 frameworks: cycle with 2,000 allocations", "cycle", 0.02),
            shape("2,000 agents, 1,000 roles, 2,000 frameworks: empty cycle", "empty", 0.001),
        ],
    }
}

/// A cluster, and the time that it takes.
struct Cluster {
    allocator: Allocator,
    now: Time,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster { allocator: Allocator::new(Settings::new(1), Time::ZERO), now: Time::ZERO }
    }

    fn call(&mut self, call: Call) {
        self.allocator.call(self.now, call);
    }

    fn add_agents(
        &mut self,
        count: u32,
        total: &str,
        used: impl Fn(u32) -> BTreeMap<FrameworkHandle, Resources>,
    ) {
        let total = resources(total);
        for slot in 0..count {
            let description = AgentDescription {
                hostname: format!("agent-{slot}"),
                total: total.clone(),
                capabilities: AgentCapabilities::ALL,
                attributes: Attributes::new(),
                region: None,
                zone: None,
            };
            self.call(Call::AddAgent {
                agent: AgentHandle::new(slot, 0),
                description,
                active: true,
                used: used(slot),
            });
        }
    }

    fn add_framework(&mut self, slot: u32, role: &Role) {
        let description = FrameworkDescription {
            id: FrameworkId::parse(format!("framework-{slot}")).expect("it is an id"),
            roles: [role.clone()].into(),
            suppressed: Default::default(),
            capabilities: FrameworkCapabilities { multi_role: true, ..Default::default() },
            min_allocatable: Default::default(),
            constraints: Default::default(),
        };
        self.call(Call::AddFramework { framework: FrameworkHandle::new(slot, 0), description, active: true });
    }

    /// A cycle over all agents, which must make so many allocations.
    fn cycle(&mut self, allocations: usize) -> Result<(Duration, Vec<Allocation>)> {
        self.now += Duration::from_secs(1);
        let began = Work::begin();
        let made = self.allocator.on_timer(self.now);
        let took = began.done();
        ensure!(made.len() == allocations, "{} allocations instead of {allocations}", made.len());
        Ok((took, made))
    }
}

fn decline_everything(agents: u32, frameworks: u32, rounds: u32) -> Result<Figures> {
    let mut cluster = Cluster::new();
    for slot in 0..frameworks {
        cluster.add_framework(slot, &Role::star());
    }
    let used = resources("cpus:16;mem:2014;disk:1024").allocated_to(&Role::star());
    cluster.add_agents(agents, "cpus:24;mem:4096;disk:4096;ports:[31000-32000]", |slot| {
        [(FrameworkHandle::new(slot % frameworks, 0), used.clone())].into()
    });
    let mut cycles = Vec::new();
    for _ in 0..rounds {
        let (took, made) = cluster.cycle(agents as usize)?;
        cycles.push(took.as_secs_f64());
        for Allocation { framework, agent, resources, .. } in made {
            let refused = Some(Duration::from_secs(365 * 24 * 3600));
            cluster.call(Call::Recover { agent, framework, resources, held: Held::Offered, refused });
        }
    }
    Ok(Figures::from([("cycle".to_owned(), median(&mut cycles))]))
}

/// 2,500 roles that are guaranteed half an agent and 500 that are guaranteed two, and get no more.
fn large_and_small_quota() -> Result<Figures> {
    let mut cluster = Cluster::new();
    cluster.add_agents(3_000, "cpus:2;mem:2048;disk:2048", |_| BTreeMap::new());
    let small = (0..2_500).map(|n| (format!("smallQuotaRole{n}"), "cpus:1;mem:1024;disk:1024"));
    let large = (0..500).map(|n| (format!("largeQuotaRole{n}"), "cpus:4;mem:4096;disk:4096"));
    let roles: Vec<(Role, &str)> =
        small.chain(large).map(|(name, quota)| (Role::parse(&name).expect("it is a role"), quota)).collect();
    let began = Work::begin();
    for (slot, (role, _)) in roles.iter().enumerate() {
        cluster.add_framework(slot as u32, role);
    }
    let adding = began.done();
    for (role, quota) in roles {
        let guarantees = ResourceQuantities::parse(quota)?;
        let limits = guarantees.iter().map(|(name, amount)| (name.clone(), amount)).collect();
        cluster.call(Call::UpdateQuota { role, quota: Quota { guarantees, limits } });
    }
    let (cycle, _) = cluster.cycle(3_500)?;
    let (empty, _) = cluster.cycle(0)?;
    Ok(figures(&[("frameworks", adding), ("cycle", cycle), ("empty", empty)]))
}

fn without_quota() -> Result<Figures> {
    let mut cluster = Cluster::new();
    cluster.add_agents(2_000, "cpus:2;mem:2048;disk:2048", |_| BTreeMap::new());
    for slot in 0..2_000 {
        let role = Role::parse(&format!("role{}", slot / 2)).expect("it is a role");
        cluster.add_framework(slot, &role);
    }
    let (cycle, _) = cluster.cycle(2_000)?;
    let (empty, _) = cluster.cycle(0)?;
    Ok(figures(&[("cycle", cycle), ("empty", empty)]))
}

fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).expect("the resources are well-formed")
}

fn figures(figures: &[(&str, Duration)]) -> Figures {
    figures.iter().map(|(name, took)| ((*name).to_owned(), took.as_secs_f64())).collect()
}
