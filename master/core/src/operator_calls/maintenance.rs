//! UPDATE_MAINTENANCE_SCHEDULE, START_MAINTENANCE and STOP_MAINTENANCE: when machines are unavailable, and which are now.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use tepui_proto::internal::ShutdownMessage;
use tepui_proto::v1::MachineId;
use tepui_proto::v1::maintenance::Schedule;

use super::Refused;
use crate::cx::Cx;
use crate::effect::{Answer, ToAgent};
use crate::fact::Fact;
use crate::limits;
use crate::maintenance::{Machine, Maintenance, Planned};
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, RequestId};
use crate::registry::RegistryOperation;

/// What agents of a machine that goes down are told.
const DOWN: &str = "Operator initiated 'Machine DOWN'";

impl Master {
    pub(crate) fn update_schedule(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        schedule: Schedule,
    ) -> Result<(), Refused> {
        self.check_schedule(&schedule).map_err(|why| Answer::refused(400, why))?;
        let maintenance = self.planned_maintenance().rescheduled(schedule);
        self.write_maintenance(cx, request, maintenance, BTreeSet::new());
        Ok(())
    }

    fn check_schedule(&self, schedule: &Schedule) -> Result<(), String> {
        let mut named = BTreeSet::new();
        for window in &schedule.windows {
            if window.machine_ids.is_empty() {
                return Err("List of machines in the maintenance window is empty".into());
            }
            if window.unavailability.duration.is_some_and(|lasts| lasts.nanoseconds < 0) {
                return Err("Unavailability 'duration' is negative".into());
            }
            for id in &window.machine_ids {
                check_machine(id)?;
                if !named.insert(Machine::of(id)) {
                    return Err(format!("Machine '{}' appears more than once in the schedule", said(id)));
                }
            }
        }
        if named.len() > limits::MACHINES_IN_MAINTENANCE {
            let most = limits::MACHINES_IN_MAINTENANCE;
            return Err(format!("the schedule names {} machines, at most {most} are taken", named.len()));
        }
        let planned = self.planned_maintenance();
        let down = planned.machines.iter().filter(|(_, plan)| plan.mode == Planned::Down);
        match down.map(|(machine, _)| machine).find(|machine| !named.contains(*machine)) {
            Some(machine) => {
                Err(format!("Machine '{machine}' is deactivated and cannot be removed from the schedule"))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn start_maintenance(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        ids: &[MachineId],
    ) -> Result<(), Refused> {
        let machines =
            self.check_machines(ids, Planned::Draining, "DRAINING mode and cannot be brought down")?;
        let mut maintenance = self.planned_maintenance().clone();
        for (_, plan) in maintenance.machines.iter_mut().filter(|(machine, _)| machines.contains(machine)) {
            plan.mode = Planned::Down;
        }
        self.write_maintenance(cx, request, maintenance, machines);
        Ok(())
    }

    pub(crate) fn stop_maintenance(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        ids: &[MachineId],
    ) -> Result<(), Refused> {
        let machines = self.check_machines(ids, Planned::Down, "DOWN mode and cannot be brought up")?;
        let maintenance = self.planned_maintenance().without(&machines);
        self.write_maintenance(cx, request, maintenance, BTreeSet::new());
        Ok(())
    }

    fn check_machines(
        &self,
        ids: &[MachineId],
        mode: Planned,
        otherwise: &str,
    ) -> Result<BTreeSet<Machine>, Refused> {
        let refused = |why: String| Err(Answer::refused(400, why));
        if ids.is_empty() {
            return refused("List of machines is empty".into());
        }
        let planned = self.planned_maintenance();
        let mut named = BTreeSet::new();
        for id in ids {
            check_machine(id).map_err(|why| Answer::refused(400, why))?;
            let machine = Machine::of(id);
            if named.contains(&machine) {
                return refused(format!("Machine '{}' appears more than once in the schedule", said(id)));
            }
            match planned.machines.get(&machine) {
                None => {
                    return refused(format!("Machine '{}' is not part of a maintenance schedule", said(id)));
                }
                Some(plan) if plan.mode != mode => {
                    return refused(format!("Machine '{}' is not in {otherwise}", said(id)));
                }
                Some(_) => {}
            }
            named.insert(machine);
        }
        Ok(named)
    }

    /// As it will be once everything is written that was asked for: two calls at once must not undo each other.
    pub(crate) fn planned_maintenance(&self) -> &Maintenance {
        let last = self.pending().filter_map(|pending| match pending {
            Pending::Maintenance { maintenance, .. } => Some(&**maintenance),
            _ => None,
        });
        last.last().unwrap_or(&self.maintenance)
    }

    fn write_maintenance(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        maintenance: Maintenance,
        down: BTreeSet<Machine>,
    ) {
        let maintenance = Box::new(maintenance);
        let operation = RegistryOperation::UpdateMaintenance(maintenance.clone());
        self.persist(cx, operation, Pending::Maintenance { request, maintenance, down });
    }

    /// The registry holds it now. Agents of machines that go down are told to end, and removed without waiting for it.
    pub(crate) fn maintenance_written(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        maintenance: Maintenance,
        down: &BTreeSet<Machine>,
    ) {
        let agents = if down.is_empty() { Vec::new() } else { self.agents.registered.handles() };
        for handle in agents {
            let agent = &self.agents.registered[handle];
            if down.contains(&agent.machine()) {
                self.take_down(cx, handle);
            }
        }
        self.set_maintenance(cx, maintenance);
        cx.answer(request, Answer::ok());
    }

    /// An agent's machine may have gone down while the registry admitted the agent.
    pub(crate) fn take_down_if_due(&mut self, cx: &mut Cx, handle: AgentHandle) {
        if self.maintenance.is_down(&self.agents.registered[handle].machine()) {
            self.take_down(cx, handle);
        }
    }

    fn take_down(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let agent = &self.agents.registered[handle];
        cx.log(Fact::info("agent's machine goes down").with("agent", &agent.id));
        cx.send(&agent.pid, ToAgent::Shutdown(ShutdownMessage { message: Some(DOWN.into()) }));
        self.remove_agent(cx, handle, DOWN, None);
    }
}

fn check_machine(id: &MachineId) -> Result<(), String> {
    if id.hostname().is_empty() && id.ip().is_empty() {
        return Err("Both 'hostname' and 'ip' for a machine are empty".into());
    }
    if id.hostname().len() > limits::HOSTNAME {
        let most = limits::HOSTNAME;
        return Err(format!(
            "'hostname' of a machine has {} bytes, at most {most} are taken",
            id.hostname().len()
        ));
    }
    if !id.ip().is_empty() && id.ip().parse::<Ipv4Addr>().is_err() {
        return Err(format!("'{}' is no IPv4 address of a machine", id.ip()));
    }
    Ok(())
}

fn said(id: &MachineId) -> String {
    tepui_proto::json::to_string(id)
}
