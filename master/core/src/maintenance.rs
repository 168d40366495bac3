//! Machines that will be or are in maintenance, and what that means for the agents on them: offers say when, frameworks are
//! asked to leave, and a machine that is down has no agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tepui_allocator::{Call, Unavailability};
use tepui_model::Time;
use tepui_proto::v1::allocator::InverseOfferStatus;
use tepui_proto::v1::machine_info::Mode;
use tepui_proto::v1::maintenance::{ClusterStatus, Schedule, Window, cluster_status::DrainingMachine};
use tepui_proto::{internal, v1};

use crate::agents::Agent;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::master::Master;
use crate::names::{AgentHandle, Pid};

/// A machine: a host name in small letters, an address, or both. Both must be those of an agent for it to be on the machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Machine {
    hostname: String,
    ip: String,
}

/// Where a scheduled machine is in its maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub mode: Planned,
    pub unavailability: v1::Unavailability,
}

/// ```text
///   (up) ── scheduled ──► Draining ── START_MAINTENANCE ──► Down ── STOP_MAINTENANCE ──► (up)
///     ▲ ◄── taken off ───────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Planned {
    /// Frameworks are asked to leave.
    Draining,
    /// Its agents are shut down, and may not register.
    Down,
}

/// The schedule, and the machines in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    pub schedule: Schedule,
    pub machines: BTreeMap<Machine, Plan>,
}

impl Machine {
    pub fn of(id: &v1::MachineId) -> Machine {
        Machine { hostname: id.hostname().to_lowercase(), ip: id.ip().to_owned() }
    }

    pub fn of_agent(info: &v1::AgentInfo, pid: &Pid) -> Machine {
        let (_, address) = pid.as_str().split_once('@').unwrap_or_default();
        let (ip, _) = address.rsplit_once(':').unwrap_or_default();
        Machine {
            hostname: info.hostname.to_lowercase(),
            ip: ip.trim_start_matches('[').trim_end_matches(']').to_owned(),
        }
    }

    fn to_wire(&self) -> v1::MachineId {
        let said = |text: &String| (!text.is_empty()).then(|| text.clone());
        v1::MachineId { hostname: said(&self.hostname), ip: said(&self.ip) }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hostname, self.ip)
    }
}

impl Maintenance {
    /// What the registry says.
    pub fn read(registry: &mut internal::Registry) -> Maintenance {
        let schedules = std::mem::take(&mut registry.schedules);
        let mut maintenance = Maintenance {
            schedule: schedules.into_iter().next().unwrap_or_default(),
            ..Maintenance::default()
        };
        let planned = times(&maintenance.schedule);
        for machine in std::mem::take(&mut registry.machines).unwrap_or_default().machines {
            let key = Machine::of(&machine.info.id);
            let mode = match machine.info.mode() {
                Mode::Up => continue,
                Mode::Draining => Planned::Draining,
                Mode::Down => Planned::Down,
            };
            let unavailability = machine.info.unavailability.or_else(|| planned.get(&key).copied());
            let unavailability = unavailability.unwrap_or_default();
            maintenance.machines.insert(key, Plan { mode, unavailability });
        }
        maintenance
    }

    pub fn is_down(&self, machine: &Machine) -> bool {
        self.machines.get(machine).is_some_and(|plan| plan.mode == Planned::Down)
    }

    /// The machines of the new schedule; what was down stays down.
    pub fn rescheduled(&self, schedule: Schedule) -> Maintenance {
        let plan = |(machine, unavailability): (Machine, v1::Unavailability)| {
            let mode = self.machines.get(&machine).map_or(Planned::Draining, |plan| plan.mode);
            (machine, Plan { mode, unavailability })
        };
        let machines = times(&schedule).into_iter().map(plan).collect();
        Maintenance { schedule, machines }
    }

    /// Without machines that are up again.
    pub fn without(&self, up: &BTreeSet<Machine>) -> Maintenance {
        let mut rest = self.clone();
        rest.machines.retain(|machine, _| !up.contains(machine));
        for window in &mut rest.schedule.windows {
            window.machine_ids.retain(|id| !up.contains(&Machine::of(id)));
        }
        rest.schedule.windows.retain(|window| !window.machine_ids.is_empty());
        rest
    }

    /// Machines by their phase, with what frameworks answered to inverse offers.
    pub fn status(&self, answers: &BTreeMap<Machine, Vec<InverseOfferStatus>>) -> ClusterStatus {
        let mut status = ClusterStatus::default();
        for (machine, plan) in &self.machines {
            let id = machine.to_wire();
            match plan.mode {
                Planned::Down => status.down_machines.push(id),
                Planned::Draining => {
                    let statuses = answers.get(machine).cloned().unwrap_or_default();
                    status.draining_machines.push(DrainingMachine { id, statuses });
                }
            }
        }
        status
    }

    /// The registry's part of it.
    pub fn write(&self, registry: &mut internal::Registry) {
        registry.schedules = vec![self.schedule.clone()];
        let machine = |(machine, plan): (&Machine, &Plan)| internal::registry::Machine {
            info: v1::MachineInfo {
                id: machine.to_wire(),
                mode: Some(match plan.mode {
                    Planned::Draining => Mode::Draining,
                    Planned::Down => Mode::Down,
                } as i32),
                unavailability: Some(plan.unavailability),
            },
        };
        let machines = self.machines.iter().map(machine).collect();
        registry.machines = Some(internal::registry::Machines { machines });
    }
}

fn times(schedule: &Schedule) -> BTreeMap<Machine, v1::Unavailability> {
    let of_window = |window: &Window| {
        let unavailability = window.unavailability;
        window.machine_ids.iter().map(move |id| (Machine::of(id), unavailability)).collect::<Vec<_>>()
    };
    schedule.windows.iter().flat_map(of_window).collect()
}

/// In the allocator's words. A time before the epoch is taken for the epoch.
fn for_allocator(unavailability: &v1::Unavailability) -> Unavailability {
    let duration = unavailability.duration.as_ref();
    Unavailability {
        start: Time::from(&unavailability.start),
        duration: duration
            .map(|lasts| std::time::Duration::from_nanos(u64::try_from(lasts.nanoseconds).unwrap_or(0))),
    }
}

impl Agent {
    pub fn machine(&self) -> Machine {
        Machine::of_agent(&self.info, &self.pid)
    }
}

impl Master {
    pub(crate) fn unavailability_of(&self, agent: &Agent) -> Option<v1::Unavailability> {
        if self.maintenance.machines.is_empty() {
            return None;
        }
        self.maintenance.machines.get(&agent.machine()).map(|plan| plan.unavailability)
    }

    /// Tells the allocator of an agent on a scheduled machine that it has just heard of.
    pub(crate) fn tell_allocator_of_maintenance(&mut self, cx: &mut Cx, handle: AgentHandle) {
        if let Some(unavailability) = self.unavailability_of(&self.agents.registered[handle]) {
            let unavailability = Some(for_allocator(&unavailability));
            cx.push(Effect::Allocator(Call::UpdateUnavailability { agent: handle, unavailability }));
        }
    }

    /// Takes over what the registry holds now. Agents whose time has changed are offered anew, so that offers say when.
    pub(crate) fn set_maintenance(&mut self, cx: &mut Cx, maintenance: Maintenance) {
        let before = std::mem::replace(&mut self.maintenance, maintenance);
        self.changes.maintenance = true;
        for handle in self.agents.registered.handles() {
            let machine = self.agents.registered[handle].machine();
            let time = |of: &Maintenance| of.machines.get(&machine).map(|plan| plan.unavailability);
            let (then, now) = (time(&before), time(&self.maintenance));
            if then == now {
                continue;
            }
            if now.is_some() {
                self.rescind_offers_on(cx, handle);
            }
            self.rescind_inverse_offers_on(cx, handle);
            let unavailability = now.as_ref().map(for_allocator);
            cx.push(Effect::Allocator(Call::UpdateUnavailability { agent: handle, unavailability }));
        }
    }
}
