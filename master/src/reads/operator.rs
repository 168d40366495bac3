//! Answers of the v1 operator API about the cluster's entities.

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{AgentStanding, AgentView, FrameworkStanding, FrameworkView, TaskStanding};
use tepui_model::{Resources, Time, secrets};
use tepui_proto::json::AsJson;
use tepui_proto::v1;
use tepui_proto::v1::master::{Response, response};

use super::cluster::Cluster;
use super::json::List;
use crate::identity::Identity;

/// An operator's question about entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperatorRead {
    State,
    Agents,
    Frameworks,
    Executors,
    Tasks,
    Roles,
    Weights,
    Quota,
    MaintenanceSchedule,
    MaintenanceStatus,
    Master,
    Operations,
}

/// The answer as a message.
pub(super) fn answer(read: OperatorRead, cluster: &Cluster, identity: &Identity) -> Response {
    use response::Type;
    let mut answer = Response::default();
    let kind = match read {
        OperatorRead::State => {
            answer.get_state = Some(state(cluster).into());
            Type::GetState
        }
        OperatorRead::Agents => {
            answer.get_agents = Some(agents(cluster).into());
            Type::GetAgents
        }
        OperatorRead::Frameworks => {
            answer.get_frameworks = Some(frameworks(cluster).into());
            Type::GetFrameworks
        }
        OperatorRead::Executors => {
            answer.get_executors = Some(executors(cluster).into());
            Type::GetExecutors
        }
        OperatorRead::Tasks => {
            answer.get_tasks = Some(tasks(cluster).into());
            Type::GetTasks
        }
        OperatorRead::Roles => {
            let roles = super::roles::of(cluster, identity.roles.as_ref())
                .iter()
                .map(super::roles::RoleUse::message)
                .collect();
            answer.get_roles = Some(response::GetRoles { roles });
            Type::GetRoles
        }
        OperatorRead::Weights => {
            let weight_infos = super::roles::weights(cluster);
            // Mesos' master leaves the part out where no weight was set.
            answer.get_weights = (!weight_infos.is_empty()).then_some(response::GetWeights { weight_infos });
            Type::GetWeights
        }
        OperatorRead::Quota => {
            answer.get_quota = Some(response::GetQuota { status: super::roles::quota(cluster) }.into());
            Type::GetQuota
        }
        OperatorRead::MaintenanceSchedule => {
            let schedule = cluster.maintenance.schedule.clone();
            answer.get_maintenance_schedule = Some(response::GetMaintenanceSchedule { schedule });
            Type::GetMaintenanceSchedule
        }
        OperatorRead::MaintenanceStatus => {
            let status = cluster.maintenance.status.clone();
            answer.get_maintenance_status = Some(response::GetMaintenanceStatus { status }.into());
            Type::GetMaintenanceStatus
        }
        OperatorRead::Operations => {
            let operations = cluster.operations().cloned().collect();
            answer.get_operations = Some(response::GetOperations { operations });
            Type::GetOperations
        }
        OperatorRead::Master => {
            let master = response::GetMaster {
                master_info: Some(identity.info.clone().into()),
                start_time: Some(identity.start_time.as_secs_f64()),
                elected_time: cluster.serving_since().map(Time::as_secs_f64),
            };
            answer.get_master = Some(master.into());
            Type::GetMaster
        }
    };
    answer.r#type = Some(kind as i32);
    answer
}

/// Everything there is.
pub(super) fn state(cluster: &Cluster) -> response::GetState {
    response::GetState {
        get_tasks: Some(tasks(cluster).into()),
        get_executors: Some(executors(cluster).into()),
        get_frameworks: Some(frameworks(cluster).into()),
        get_agents: Some(agents(cluster).into()),
    }
}

fn tasks(cluster: &Cluster) -> response::GetTasks {
    let of = |standing| {
        let tasks = cluster.tasks().filter(move |view| view.standing == standing);
        tasks.map(|view| secrets::task(&view.task)).collect()
    };
    response::GetTasks {
        tasks: of(TaskStanding::Active),
        unreachable_tasks: of(TaskStanding::Unreachable),
        completed_tasks: of(TaskStanding::Completed),
        ..response::GetTasks::default()
    }
}

fn executors(cluster: &Cluster) -> response::GetExecutors {
    let executor = |view: &tepui_master_core::ExecutorView| response::get_executors::Executor {
        executor_info: secrets::executor(&view.info),
        agent_id: view.agent.to_wire(),
    };
    response::GetExecutors { executors: cluster.executors().map(executor).collect(), ..Default::default() }
}

fn frameworks(cluster: &Cluster) -> response::GetFrameworks {
    let (completed, live): (Vec<_>, Vec<_>) =
        cluster.frameworks().partition(|view| view.standing == FrameworkStanding::Completed);
    let message = |view: &&FrameworkView| framework(view, cluster);
    response::GetFrameworks {
        frameworks: live.iter().map(message).collect(),
        completed_frameworks: completed.iter().map(message).collect(),
        ..Default::default()
    }
}

fn framework(view: &FrameworkView, cluster: &Cluster) -> response::get_frameworks::Framework {
    let constraints = view.offer_constraints.as_deref().cloned().unwrap_or_default();
    response::get_frameworks::Framework {
        offers: cluster.offers_of(&view.id).map(|offer| (*offer.offer).clone()).collect(),
        allocated_resources: view.used.to_endpoint(),
        offered_resources: view.offered.to_endpoint(),
        offer_constraints: Some(constraints),
        ..framework_itself(view)
    }
}

/// A framework without what belongs to it.
pub(super) fn framework_itself(view: &FrameworkView) -> response::get_frameworks::Framework {
    response::get_frameworks::Framework {
        framework_info: (*view.info).clone(),
        active: view.standing == FrameworkStanding::Active,
        connected: view.standing.is_connected(),
        recovered: view.standing == FrameworkStanding::Recovered,
        registered_time: Some(view.registered.into()),
        // Mesos gives the first registration here when there was no other.
        reregistered_time: Some(view.reregistered.unwrap_or(view.registered).into()),
        unregistered_time: view.unregistered.map(Into::into),
        ..Default::default()
    }
}

fn agents(cluster: &Cluster) -> response::GetAgents {
    let mut answer = response::GetAgents::default();
    for view in cluster.agents() {
        match (view.standing, &view.info) {
            (AgentStanding::Active | AgentStanding::Disconnected, Some(info)) => {
                answer.agents.push(agent(view, info));
            }
            (AgentStanding::Recovered, Some(info)) => answer.recovered_agents.push((**info).clone()),
            (AgentStanding::Active | AgentStanding::Disconnected | AgentStanding::Recovered, None)
            | (AgentStanding::Unreachable { .. }, _) => {}
        }
    }
    answer
}

pub(super) fn agent(view: &AgentView, info: &v1::AgentInfo) -> response::get_agents::Agent {
    // Descriptions carry resources without roles where they can: that is what agents send.
    let own = Resources::from_wire(&info.resources).map(|own| own.to_wire());
    let info = v1::AgentInfo { resources: own.unwrap_or_else(|_| info.resources.clone()), ..info.clone() };
    response::get_agents::Agent {
        agent_info: info,
        active: view.standing == AgentStanding::Active && !view.deactivated,
        deactivated: Some(view.deactivated),
        version: view.version.clone(),
        pid: view.pid.as_ref().map(|pid| pid.as_str().to_string()),
        registered_time: view.registered.map(Into::into),
        reregistered_time: view.reregistered.map(Into::into),
        total_resources: view.total.to_endpoint(),
        allocated_resources: view.used.to_endpoint(),
        offered_resources: view.offered.to_endpoint(),
        capabilities: (*view.capabilities).clone(),
        ..Default::default()
    }
}

/// An answer in JSON as Mesos' master writes it: the lists of entities are there even when they are empty.
pub(super) struct AnswerJson<'a>(pub(super) &'a Response);

impl Serialize for AnswerJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let answer = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", answer.r#type().as_str_name())?;
        if let Some(state) = &answer.get_state {
            map.serialize_entry("get_state", &StateJson(state))?;
        }
        write_lists(
            &mut map,
            answer.get_tasks.as_deref(),
            answer.get_executors.as_deref(),
            answer.get_frameworks.as_deref(),
            answer.get_agents.as_deref(),
        )?;
        if let Some(roles) = &answer.get_roles {
            map.serialize_entry("get_roles", &AsJson(roles))?;
        }
        if let Some(schedule) = &answer.get_maintenance_schedule {
            map.serialize_entry("get_maintenance_schedule", &AsJson(schedule))?;
        }
        if let Some(status) = &answer.get_maintenance_status {
            map.serialize_entry("get_maintenance_status", &AsJson(&**status))?;
        }
        if let Some(weights) = &answer.get_weights {
            map.serialize_entry("get_weights", &AsJson(weights))?;
        }
        if let Some(quota) = &answer.get_quota {
            map.serialize_entry("get_quota", &AsJson(&**quota))?;
        }
        if let Some(operations) = &answer.get_operations {
            map.serialize_entry("get_operations", &AsJson(operations))?;
        }
        if let Some(master) = &answer.get_master {
            map.serialize_entry("get_master", &AsJson(&**master))?;
        }
        map.end()
    }
}

/// The state, with all its lists.
pub(super) struct StateJson<'a>(pub(super) &'a response::GetState);

impl Serialize for StateJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.0;
        let mut map = serializer.serialize_map(None)?;
        write_lists(
            &mut map,
            state.get_tasks.as_deref(),
            state.get_executors.as_deref(),
            state.get_frameworks.as_deref(),
            state.get_agents.as_deref(),
        )?;
        map.end()
    }
}

fn write_lists<M: SerializeMap>(
    map: &mut M,
    tasks: Option<&response::GetTasks>,
    executors: Option<&response::GetExecutors>,
    frameworks: Option<&response::GetFrameworks>,
    agents: Option<&response::GetAgents>,
) -> Result<(), M::Error> {
    if let Some(tasks) = tasks {
        let lists = [
            ("tasks", List(tasks.tasks.iter().map(AsJson))),
            ("unreachable_tasks", List(tasks.unreachable_tasks.iter().map(AsJson))),
            ("completed_tasks", List(tasks.completed_tasks.iter().map(AsJson))),
        ];
        map.serialize_entry("get_tasks", &Lists(&lists))?;
    }
    if let Some(executors) = executors {
        map.serialize_entry(
            "get_executors",
            &Lists(&[("executors", List(executors.executors.iter().map(AsJson)))]),
        )?;
    }
    if let Some(frameworks) = frameworks {
        let lists = [
            ("frameworks", List(frameworks.frameworks.iter().map(AsJson))),
            ("completed_frameworks", List(frameworks.completed_frameworks.iter().map(AsJson))),
        ];
        map.serialize_entry("get_frameworks", &Lists(&lists))?;
    }
    if let Some(agents) = agents {
        map.serialize_entry("get_agents", &AgentsJson(agents))?;
    }
    Ok(())
}

struct Lists<'a, T>(&'a [(&'static str, T)]);

impl<T: Serialize> Serialize for Lists<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, list)| (key, list)))
    }
}

struct AgentsJson<'a>(&'a response::GetAgents);

impl Serialize for AgentsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("agents", &List(self.0.agents.iter().map(AsJson)))?;
        map.serialize_entry("recovered_agents", &List(self.0.recovered_agents.iter().map(AsJson)))?;
        map.end()
    }
}
