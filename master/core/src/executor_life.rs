//! Custom executors in the master's books: their resources count once, from the first task to their exit. Command tasks
//! have no executor here; the agent makes one, and accounts for it inside the task.

use std::sync::Arc;

use tepui_model::{ExecutorId, Resources};
use tepui_proto::v1;

use crate::changed::{Changed, ExecutorView};
use crate::cx::Cx;
use crate::effect::Effect;
use crate::frameworks::Executor;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle};
use tepui_allocator::{Call, Held};

impl Master {
    pub(crate) fn has_executor(
        &self,
        framework: FrameworkHandle,
        agent: AgentHandle,
        executor: &ExecutorId,
    ) -> bool {
        self.frameworks.registered[framework].executors.contains_key(&(agent, executor.clone()))
    }

    pub(crate) fn add_executor(
        &mut self,
        framework_handle: FrameworkHandle,
        agent_handle: AgentHandle,
        id: ExecutorId,
        info: v1::ExecutorInfo,
        resources: Resources,
    ) {
        let framework = &mut self.frameworks.registered[framework_handle];
        let agent = &mut self.agents.registered[agent_handle];
        framework.used += &resources;
        agent.used += &resources;
        agent.executors.insert((framework_handle, id.clone()));
        let info = Arc::new(info);
        let view =
            ExecutorView { framework: framework.id.clone(), agent: agent.id.clone(), info: info.clone() };
        framework.executors.insert((agent_handle, id), Executor { info, resources });
        self.changes.push(Changed::Executor(view));
        self.changes.frameworks.insert(framework_handle);
        self.changes.agents.insert(agent_handle);
    }

    /// Takes an executor off the books and gives back what it held.
    pub(crate) fn remove_executor(
        &mut self,
        cx: &mut Cx,
        framework_handle: FrameworkHandle,
        agent_handle: AgentHandle,
        id: &ExecutorId,
    ) {
        let framework = &mut self.frameworks.registered[framework_handle];
        let agent = &mut self.agents.registered[agent_handle];
        let executor = framework.executors.remove(&(agent_handle, id.clone())).expect("the caller found it");
        agent.executors.remove(&(framework_handle, id.clone()));
        framework.used -= &executor.resources;
        agent.used -= &executor.resources;
        self.changes.push(Changed::ExecutorGone {
            framework: framework.id.clone(),
            agent: agent.id.clone(),
            executor: id.clone(),
        });
        self.changes.frameworks.insert(framework_handle);
        self.changes.agents.insert(agent_handle);
        if !executor.resources.is_empty() {
            cx.push(Effect::Allocator(Call::Recover {
                agent: agent_handle,
                framework: framework_handle,
                resources: executor.resources,
                held: Held::Used,
                refused: None,
            }));
        }
    }

    pub(crate) fn remove_executors_of(&mut self, cx: &mut Cx, framework: FrameworkHandle) {
        for (agent, executor) in
            self.frameworks.registered[framework].executors.keys().cloned().collect::<Vec<_>>()
        {
            self.remove_executor(cx, framework, agent, &executor);
        }
    }

    pub(crate) fn remove_executors_on(&mut self, cx: &mut Cx, agent: AgentHandle) {
        for (framework, executor) in self.agents.registered[agent].executors.clone() {
            self.remove_executor(cx, framework, agent, &executor);
        }
    }
}
