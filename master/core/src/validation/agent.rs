//! What agents say of themselves, checked and converted at the edge: nothing of it is believed before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, Attributes, ExecutorId, FrameworkId, Resources, TaskId};
use tepui_proto::internal::{RegisterSlaveMessage, ReregisterSlaveMessage, archive};
use tepui_proto::v1;

use super::{Checked, framework};
use crate::agent_life::Introduction;
use crate::framework_life::Profile;
use crate::names::Pid;

/// The oldest version an agent may have.
const MINIMUM_VERSION: [u64; 3] = [1, 0, 0];

/// What runs on an agent that registers again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub frameworks: Vec<ReportedFramework>,
    pub executors: Vec<ReportedExecutor>,
    pub tasks: Vec<ReportedTask>,
    pub completed: Vec<archive::Framework>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportedFramework {
    pub id: FrameworkId,
    pub info: v1::FrameworkInfo,
    pub profile: Profile,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportedExecutor {
    pub framework: FrameworkId,
    pub id: ExecutorId,
    pub info: v1::ExecutorInfo,
    pub resources: Resources,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportedTask {
    pub framework: FrameworkId,
    pub id: TaskId,
    pub message: v1::Task,
    pub resources: Resources,
}

/// A new agent, which gets this id.
pub fn introduction(from: &Pid, message: RegisterSlaveMessage, id: AgentId) -> Result<Introduction, String> {
    let mut info = message.slave;
    info.id = Some(id.to_wire());
    Ok(Introduction {
        total: total(&info, &message.checkpointed_resources)?,
        attributes: attributes(&info)?,
        id,
        pid: from.clone(),
        info,
        version: checked_version(message.version)?,
        capabilities: message.agent_capabilities,
        resource_version: message.resource_version_uuid,
    })
}

/// An agent that had its id from this master or an earlier one.
pub fn reintroduction(from: &Pid, message: ReregisterSlaveMessage) -> Result<(Introduction, Report), String> {
    let wire_id = message.slave.id.clone().unwrap_or_default();
    let id = AgentId::from_wire(&wire_id).map_err(|why| format!("slave.id: {why}"))?;
    let report = Report {
        frameworks: frameworks(message.frameworks)?,
        executors: Vec::new(),
        tasks: Vec::new(),
        completed: message.completed_frameworks,
    };
    let owners: BTreeMap<FrameworkId, Profile> =
        report.frameworks.iter().map(|framework| (framework.id.clone(), framework.profile.clone())).collect();
    let executors = executors(message.executor_infos, &owners)?;
    let tasks = tasks(message.tasks, &wire_id, &owners)?;
    let introduction = Introduction {
        total: total(&message.slave, &message.checkpointed_resources)?,
        attributes: attributes(&message.slave)?,
        id,
        pid: from.clone(),
        info: message.slave,
        version: checked_version(message.version)?,
        capabilities: message.agent_capabilities,
        resource_version: message.resource_version_uuid,
    };
    Ok((introduction, Report { executors, tasks, ..report }))
}

/// What its flags give it, with what was reserved and made of it since.
fn total(info: &v1::AgentInfo, checkpointed: &[v1::Resource]) -> Result<Resources, String> {
    let total = Resources::from_wire(&info.resources).map_err(|why| format!("slave.resources: {why}"))?;
    let checkpointed =
        Resources::from_wire(checkpointed).map_err(|why| format!("checkpointed_resources: {why}"))?;
    total.with_checkpointed(&checkpointed)
}

fn attributes(info: &v1::AgentInfo) -> Result<Attributes, String> {
    Attributes::from_wire(&info.attributes).map_err(|why| format!("slave.attributes: {why}"))
}

fn checked_version(version: Option<String>) -> Result<String, String> {
    let version = version.unwrap_or_default();
    let numbers: Option<Vec<u64>> = version
        .split(['-', '+'])
        .next()
        .unwrap_or_default()
        .split('.')
        .map(|number| number.parse().ok())
        .collect();
    match numbers {
        Some(numbers) if !numbers.is_empty() && numbers.len() <= 3 => {
            if numbers.as_slice() < MINIMUM_VERSION.as_slice() && numbers != [1] && numbers != [1, 0] {
                return Err(format!("version '{version}' is too old, at least 1.0.0 is needed"));
            }
            Ok(version)
        }
        _ => Err(format!("version '{version}' is not a version (such as 1.11.0)")),
    }
}

fn frameworks(infos: Vec<v1::FrameworkInfo>) -> Result<Vec<ReportedFramework>, String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(infos.len());
    for info in infos {
        let id = info.id.as_ref().map(FrameworkId::from_wire);
        let id = id.ok_or("a framework without id")?.map_err(|why| format!("frameworks: {why}"))?;
        let roles = framework::roles(&info)?;
        if !seen.insert(id.clone()) {
            return Err(format!("Framework has a duplicate FrameworkID: '{id}'"));
        }
        let profile = Profile::new(&info, roles, &[], None)?;
        all.push(ReportedFramework { id, info, profile });
    }
    Ok(all)
}

fn executors(
    infos: Vec<v1::ExecutorInfo>,
    owners: &BTreeMap<FrameworkId, Profile>,
) -> Result<Vec<ReportedExecutor>, String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(infos.len());
    for info in infos {
        let text = info.framework_id.as_ref().map_or("", |id| id.value.as_str());
        let framework =
            owner(text, owners).ok_or_else(|| format!("Executor has an invalid FrameworkID '{text}'"))?;
        let id = ExecutorId::from_wire(&info.executor_id).map_err(|why| why.to_string())?;
        if !seen.insert((framework.clone(), id.clone())) {
            return Err(format!("Framework '{framework}' has a duplicate ExecutorID '{id}'"));
        }
        let resources = allocated(&info.resources, &owners[&framework])?;
        all.push(ReportedExecutor { framework, id, info, resources });
    }
    Ok(all)
}

fn tasks(
    messages: Vec<v1::Task>,
    agent: &v1::AgentId,
    owners: &BTreeMap<FrameworkId, Profile>,
) -> Result<Vec<ReportedTask>, String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(messages.len());
    for message in messages {
        let id = TaskId::from_wire(&message.task_id)
            .map_err(|why| format!("Task has an invalid TaskID: {why}"))?;
        if message.agent_id != *agent {
            return Err(format!("Task has an invalid SlaveID '{}'", message.agent_id.value));
        }
        let text = &message.framework_id.value;
        let framework =
            owner(text, owners).ok_or_else(|| format!("Task has an invalid FrameworkID '{text}'"))?;
        check_executor_id(&message)?;
        if !seen.insert((framework.clone(), id.clone())) {
            return Err(format!("Framework '{framework}' has a duplicate TaskID '{id}'"));
        }
        let resources = allocated(&message.resources, &owners[&framework]);
        let resources = resources.map_err(|why| format!("Task uses invalid resources: {why}"))?;
        all.push(ReportedTask { framework, id, message, resources });
    }
    Ok(all)
}

fn check_executor_id(task: &v1::Task) -> Checked {
    match task.executor_id.as_ref().map(ExecutorId::from_wire) {
        Some(Err(why)) => Err(format!("Task has an invalid ExecutorID: {why}")),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn owner(text: &str, owners: &BTreeMap<FrameworkId, Profile>) -> Option<FrameworkId> {
    let id = FrameworkId::parse(text).ok()?;
    owners.contains_key(&id).then_some(id)
}

/// Resources in use; those of an agent that does not know of several roles are the framework's only role's.
fn allocated(wire: &[v1::Resource], owner: &Profile) -> Result<Resources, String> {
    let mut resources = Resources::from_wire(wire).map_err(|why| why.to_string())?;
    if let Some(role) = owner.only_role()
        && resources.iter().any(|resource| resource.allocation().is_none())
    {
        resources.allocate(role);
    }
    Ok(resources)
}
