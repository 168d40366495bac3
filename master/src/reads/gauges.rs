//! How much there is of what, under the names of Mesos' metrics.

use tepui_master_core::{AgentStanding, FrameworkStanding, TaskStanding};
use tepui_model::{ResourceName, Resources, Scalar};
use tepui_proto::v1::{OperationState, TaskState};

use super::cluster::Cluster;

impl Cluster {
    /// The gauges of `/metrics/snapshot` that count entities.
    pub(super) fn gauges(&self) -> Vec<(&'static str, f64)> {
        let mut gauges = Vec::new();
        self.count_agents(&mut gauges);
        self.count_frameworks(&mut gauges);
        self.count_tasks(&mut gauges);
        self.count_operations(&mut gauges);
        self.sum_resources(&mut gauges);
        gauges
    }

    fn count_agents(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let count = |wanted: fn(AgentStanding) -> bool| {
            self.agents().filter(|agent| wanted(agent.standing)).count() as f64
        };
        let connected = count(|standing| standing == AgentStanding::Active);
        let connected_agents = self.agents().filter(|agent| agent.standing == AgentStanding::Active);
        let idle = connected_agents.filter(|agent| agent.deactivated).count() as f64;
        gauges.push(("master/slaves_active", connected - idle));
        gauges.push(("master/slaves_connected", connected));
        let disconnected = count(|standing| standing == AgentStanding::Disconnected);
        gauges.push(("master/slaves_disconnected", disconnected));
        gauges.push(("master/slaves_inactive", disconnected + idle));
        let unreachable = count(|standing| matches!(standing, AgentStanding::Unreachable { .. }));
        gauges.push(("master/slaves_unreachable", unreachable));
    }

    fn count_frameworks(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let count = |standing| self.frameworks().filter(|view| view.standing == standing).count() as f64;
        let (active, inactive) = (count(FrameworkStanding::Active), count(FrameworkStanding::Inactive));
        let disconnected = count(FrameworkStanding::Disconnected);
        gauges.push(("master/frameworks_active", active));
        gauges.push(("master/frameworks_connected", active + inactive));
        gauges.push(("master/frameworks_disconnected", disconnected));
        gauges.push(("master/frameworks_inactive", inactive + disconnected));
        let offers: usize = self.frameworks().map(|view| self.offers_of(&view.id).count()).sum();
        gauges.push(("master/outstanding_offers", offers as f64));
    }

    fn count_tasks(&self, gauges: &mut Vec<(&'static str, f64)>) {
        for (name, state) in [
            ("master/tasks_staging", TaskState::TaskStaging),
            ("master/tasks_starting", TaskState::TaskStarting),
            ("master/tasks_running", TaskState::TaskRunning),
            ("master/tasks_killing", TaskState::TaskKilling),
            ("master/tasks_unreachable", TaskState::TaskUnreachable),
        ] {
            let live = self.tasks().filter(|view| view.standing != TaskStanding::Completed);
            gauges.push((name, live.filter(|view| view.task.state() == state).count() as f64));
        }
    }

    fn count_operations(&self, gauges: &mut Vec<(&'static str, f64)>) {
        gauges.push(("master/operations/total", self.operations().count() as f64));
        for (name, state) in [
            ("master/operations/pending", OperationState::OperationPending),
            ("master/operations/finished", OperationState::OperationFinished),
            ("master/operations/dropped", OperationState::OperationDropped),
        ] {
            let there = self.operations().filter(|operation| operation.latest_status.state() == state);
            gauges.push((name, there.count() as f64));
        }
    }

    fn sum_resources(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let sum = |of: &dyn Fn(&tepui_master_core::AgentView) -> Resources, name: &ResourceName| {
            let registered = self.agents().filter(|agent| {
                matches!(agent.standing, AgentStanding::Active | AgentStanding::Disconnected)
            });
            registered
                .map(|agent| of(agent).scalar(name))
                .fold(Scalar::default(), |sum, part| sum + part)
                .as_f64()
        };
        for (name, total, used, percent) in [
            (ResourceName::Cpus, "master/cpus_total", "master/cpus_used", "master/cpus_percent"),
            (ResourceName::Mem, "master/mem_total", "master/mem_used", "master/mem_percent"),
            (ResourceName::Disk, "master/disk_total", "master/disk_used", "master/disk_percent"),
            (ResourceName::Gpus, "master/gpus_total", "master/gpus_used", "master/gpus_percent"),
        ] {
            let all = sum(&|agent| agent.total.non_revocable(), &name);
            let taken = sum(&|agent| agent.used.non_revocable(), &name);
            gauges.push((total, all));
            gauges.push((used, taken));
            gauges.push((percent, if all > 0.0 { taken / all } else { 0.0 }));
        }
    }
}
