//! Answers of the v1 operator API about the cluster's entities.

use std::sync::Arc;

use prost::Message as _;
use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{
    AgentStanding, AgentView, ExecutorView, FrameworkStanding, FrameworkView, OfferView, TaskStanding,
};
use tepui_model::{Resources, Time, secrets};
use tepui_proto::json::AsJson;
use tepui_proto::schema::Described;
use tepui_proto::v1;
use tepui_proto::v1::master::{Response, response};

use super::body::{Body, Draft, What};
use super::cluster::{Cluster, KeptAgent};
use super::json::List;
use super::kept::Form;
use super::legacy::is_registered;
use super::written;
use crate::encoding::Encoding;
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

/// The answer, of which large parts are written later.
pub(super) fn body(read: OperatorRead, encoding: Encoding, cluster: &Cluster, identity: &Identity) -> Body {
    use response::Type;
    let form = match encoding {
        Encoding::Json => Form::Json,
        Encoding::Protobuf => Form::Protobuf,
    };
    let mut draft = Draft::new(form);
    match read {
        OperatorRead::State => {
            begin(&mut draft, form, Type::GetState);
            draft.message("get_state", 9, |state| {
                put_tasks(state, 1, cluster);
                put_executors(state, 2, form, cluster);
                put_frameworks(state, 3, form, cluster);
                put_agents(state, 4, form, cluster);
            });
        }
        OperatorRead::Agents => {
            begin(&mut draft, form, Type::GetAgents);
            put_agents(&mut draft, 10, form, cluster);
        }
        OperatorRead::Frameworks => {
            begin(&mut draft, form, Type::GetFrameworks);
            put_frameworks(&mut draft, 11, form, cluster);
        }
        OperatorRead::Executors => {
            begin(&mut draft, form, Type::GetExecutors);
            put_executors(&mut draft, 12, form, cluster);
        }
        OperatorRead::Tasks => {
            begin(&mut draft, form, Type::GetTasks);
            put_tasks(&mut draft, 13, cluster);
        }
        OperatorRead::Roles
        | OperatorRead::Weights
        | OperatorRead::Quota
        | OperatorRead::MaintenanceSchedule
        | OperatorRead::MaintenanceStatus
        | OperatorRead::Operations
        | OperatorRead::Master => {
            let answer = answer(read, cluster, identity);
            let mut out = Vec::new();
            put_message(form, &answer, &AnswerJson(&answer), &mut out);
            return Body::of(out);
        }
    }
    if form == Form::Json {
        draft.text("}");
    }
    draft.finish()
}

/// Which answer it is: `Response.type`.
fn begin(draft: &mut Draft, form: Form, kind: response::Type) {
    match form {
        Form::Protobuf => {
            draft.text(Response { r#type: Some(kind as i32), ..Response::default() }.encode_to_vec())
        }
        Form::Json | Form::Legacy => draft.text(format!("{{\"type\":\"{}\"", kind.as_str_name())),
    }
}

/// The numbers are those of `Response.GetTasks`, and below of the messages of the same names.
fn put_tasks(draft: &mut Draft, number: u8, cluster: &Cluster) {
    draft.message("get_tasks", number, |draft| {
        for (name, number, standing) in [
            ("tasks", 2, TaskStanding::Active),
            ("unreachable_tasks", 5, TaskStanding::Unreachable),
            ("completed_tasks", 3, TaskStanding::Completed),
        ] {
            let tasks = cluster.kept_tasks().filter(|task| task.value.standing == standing);
            draft.list(name, number, tasks.cloned().map(What::Task));
        }
    });
}

fn put_executors(draft: &mut Draft, number: u8, form: Form, cluster: &Cluster) {
    let put = move |view: &Arc<ExecutorView>| {
        let view = view.clone();
        What::Late(Box::new(move |out| put_entity(form, &executor(&view), out)))
    };
    draft.message("get_executors", number, |draft| {
        draft.list("executors", 1, cluster.executors().map(put));
    });
}

fn put_frameworks(draft: &mut Draft, number: u8, form: Form, cluster: &Cluster) {
    let put = |view: &Arc<FrameworkView>| {
        let (view, offers) = (view.clone(), cluster.offers_of(&view.id).cloned().collect::<Vec<_>>());
        What::Late(Box::new(move |out| put_entity(form, &framework(&view, &offers), out)))
    };
    let of = |ended: bool| {
        let all = cluster.shared_frameworks();
        all.filter(move |view| (view.standing == FrameworkStanding::Completed) == ended)
    };
    draft.message("get_frameworks", number, |draft| {
        draft.list("frameworks", 1, of(false).map(put));
        draft.list("completed_frameworks", 2, of(true).map(put));
    });
}

fn put_agents(draft: &mut Draft, number: u8, form: Form, cluster: &Cluster) {
    let put_info = move |agent: &KeptAgent| {
        let info = agent.value.info.clone().unwrap_or_default();
        What::Late(Box::new(move |out| put_entity(form, &*info, out)))
    };
    let all = cluster.kept_agents().filter(|agent| agent.value.info.is_some());
    let registered = all.clone().filter(|agent| is_registered(&agent.value));
    let recovered = all.filter(|agent| agent.value.standing == AgentStanding::Recovered);
    draft.message("get_agents", number, |draft| {
        draft.list("agents", 1, registered.cloned().map(What::Agent));
        draft.list("recovered_agents", 2, recovered.map(put_info));
    });
}

fn put_entity<M: Described>(form: Form, message: &M, out: &mut Vec<u8>) {
    put_message(form, message, &AsJson(message), out);
}

fn put_message<M: Described>(form: Form, message: &M, json: &impl Serialize, out: &mut Vec<u8>) {
    match form {
        Form::Protobuf => message.encode(out).expect("a vector takes all bytes"),
        Form::Json | Form::Legacy => written(out, json),
    }
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
            let status = cluster.maintenance_status();
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
        tasks.map(|view| secrets::task(&view.task).into_owned()).collect()
    };
    response::GetTasks {
        tasks: of(TaskStanding::Active),
        unreachable_tasks: of(TaskStanding::Unreachable),
        completed_tasks: of(TaskStanding::Completed),
        ..response::GetTasks::default()
    }
}

fn executors(cluster: &Cluster) -> response::GetExecutors {
    let executors = cluster.executors().map(|view| executor(view)).collect();
    response::GetExecutors { executors, ..Default::default() }
}

fn executor(view: &ExecutorView) -> response::get_executors::Executor {
    let executor_info = secrets::executor(&view.info);
    response::get_executors::Executor { executor_info, agent_id: view.agent.to_wire() }
}

fn frameworks(cluster: &Cluster) -> response::GetFrameworks {
    let (completed, live): (Vec<_>, Vec<_>) =
        cluster.frameworks().partition(|view| view.standing == FrameworkStanding::Completed);
    let message = |view: &&FrameworkView| {
        let offers: Vec<_> = cluster.offers_of(&view.id).cloned().collect();
        framework(view, &offers)
    };
    response::GetFrameworks {
        frameworks: live.iter().map(message).collect(),
        completed_frameworks: completed.iter().map(message).collect(),
        ..Default::default()
    }
}

fn framework(view: &FrameworkView, offers: &[Arc<OfferView>]) -> response::get_frameworks::Framework {
    let constraints = view.offer_constraints.as_deref().cloned().unwrap_or_default();
    response::get_frameworks::Framework {
        offers: offers.iter().map(|offer| (*offer.offer).clone()).collect(),
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
        let Some(info) = &view.info else { continue };
        match view.standing {
            AgentStanding::Active | AgentStanding::Disconnected => answer.agents.push(agent(view)),
            AgentStanding::Recovered => answer.recovered_agents.push((**info).clone()),
            AgentStanding::Unreachable { .. } => {}
        }
    }
    answer
}

/// A registered agent.
pub(super) fn agent(view: &AgentView) -> response::get_agents::Agent {
    let info = view.info.as_deref().cloned().unwrap_or_default();
    // Descriptions carry resources without roles where they can: that is what agents send.
    let own = Resources::from_wire(&info.resources).map(|own| own.to_wire());
    let info = v1::AgentInfo { resources: own.unwrap_or_else(|_| info.resources.clone()), ..info };
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
        drain_info: view.drain.map(|drain| drain.info),
        estimated_drain_start_time: view.drain.and_then(|drain| drain.told).map(Into::into),
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
