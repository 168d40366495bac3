//! The values for readers, made from the state.

use std::sync::Arc;

use tepui_model::{AgentId, Resources, Time};
use tepui_proto::v1;

use crate::agents::{self, Agent};
use crate::changed::{
    AgentStanding, AgentView, DrainView, FrameworkStanding, FrameworkView, OfferView, TaskStanding, TaskView,
};
use crate::frameworks::{self, Framework};
use crate::names::{AgentHandle, FrameworkHandle};
use crate::offers::Offer;
use crate::task::Task;

impl Agent {
    pub fn view(&self, handle: AgentHandle, deactivated: bool, drain: Option<DrainView>) -> AgentView {
        let standing = match self.phase {
            agents::Phase::Active => AgentStanding::Active,
            agents::Phase::Disconnected { .. } | agents::Phase::Leaving => AgentStanding::Disconnected,
        };
        AgentView {
            id: self.id.clone(),
            handle: Some(handle),
            info: Some(self.info.clone()),
            standing,
            deactivated,
            drain,
            pid: Some(self.pid.clone()),
            version: self.version.clone(),
            capabilities: self.announced_capabilities.clone(),
            registered: Some(self.registered),
            reregistered: self.reregistered,
            total: Arc::new(self.total.clone()),
            used: Arc::new(self.used.clone()),
            offered: Arc::new(self.offered.clone()),
        }
    }
}

/// An agent that is not registered with this master.
pub fn absent_agent(id: AgentId, info: Option<Arc<v1::AgentInfo>>, standing: AgentStanding) -> AgentView {
    AgentView {
        id,
        handle: None,
        info,
        standing,
        deactivated: false,
        drain: None,
        pid: None,
        version: String::new(),
        capabilities: Arc::default(),
        registered: None,
        reregistered: None,
        total: Arc::default(),
        used: Arc::default(),
        offered: Arc::default(),
    }
}

impl Framework {
    pub fn view(&self, handle: FrameworkHandle) -> FrameworkView {
        let standing = match self.phase {
            frameworks::Phase::Active(_) => FrameworkStanding::Active,
            frameworks::Phase::Inactive(_) => FrameworkStanding::Inactive,
            frameworks::Phase::Disconnected { .. } => FrameworkStanding::Disconnected,
            frameworks::Phase::Recovered => FrameworkStanding::Recovered,
        };
        FrameworkView {
            id: self.id.clone(),
            handle,
            info: self.info.clone(),
            standing,
            pid: self.pid().cloned(),
            registered: self.registered,
            reregistered: self.reregistered,
            unregistered: None,
            used: Arc::new(self.used.total()),
            offered: Arc::new(self.offered.total()),
            suppressed_roles: self.suppressed.iter().map(ToString::to_string).collect(),
            offer_constraints: self.constraints.as_ref().map(|constraints| constraints.given.clone()),
        }
    }

    /// The same after its end.
    pub fn last_view(&self, handle: FrameworkHandle, at: Time) -> FrameworkView {
        FrameworkView {
            standing: FrameworkStanding::Completed,
            unregistered: Some(at),
            used: Arc::new(Resources::new()),
            offered: Arc::new(Resources::new()),
            ..self.view(handle)
        }
    }

    pub fn task_view(&self, task: &Task, standing: TaskStanding) -> TaskView {
        TaskView { record: task.record, framework: self.id.clone(), standing, task: task.message.clone() }
    }
}

impl Offer {
    pub fn view(&self, framework: &Framework, agent: &Agent) -> OfferView {
        OfferView {
            id: self.id.clone(),
            framework: framework.id.clone(),
            agent: agent.id.clone(),
            role: self.role.to_string(),
            resources: Arc::new(self.resources.clone()),
            offer: self.message.clone(),
        }
    }
}
