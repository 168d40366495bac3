//! The usual calls of a test, short.

use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::{self, master};

use super::Cluster;
use super::messages::{ids, launch, uuid};
use crate::{Input, OperatorCall};

impl Cluster {
    pub fn accept(&mut self, name: &str, offers: &[&str], operations: Vec<v1::offer::Operation>) {
        self.call(name, call::Type::Accept, |call| {
            call.accept = Some(Box::new(call::Accept { offer_ids: ids(offers), operations, filters: None }));
        });
    }

    pub fn launch(&mut self, name: &str, offer: &str, tasks: Vec<v1::TaskInfo>) {
        self.accept(name, &[offer], vec![launch(tasks)]);
    }

    pub fn decline(&mut self, name: &str, offers: &[&str], seconds: Option<f64>) {
        self.call(name, call::Type::Decline, |call| {
            let filters = seconds.map(|seconds| v1::Filters { refuse_seconds: Some(seconds) });
            call.decline = Some(Box::new(call::Decline { offer_ids: ids(offers), filters }));
        });
    }

    pub fn acknowledge(&mut self, name: &str, agent: &str, task: &str, number: u8) {
        let agent_id = self.agents[agent].info.id.clone().expect("the agent is registered");
        self.call(name, call::Type::Acknowledge, |call| {
            let task_id = v1::TaskId { value: task.into() };
            call.acknowledge = Some(Box::new(call::Acknowledge { agent_id, task_id, uuid: uuid(number) }));
        });
    }

    pub fn kill(&mut self, name: &str, task: &str, agent: Option<&str>) {
        self.call(name, call::Type::Kill, |call| {
            let task_id = v1::TaskId { value: task.into() };
            let agent_id = agent.map(|id| v1::AgentId { value: id.into() });
            call.kill = Some(Box::new(call::Kill { task_id, agent_id, kill_policy: None }));
        });
    }

    pub fn reconcile(&mut self, name: &str, tasks: &[(&str, Option<&str>)]) {
        let task = |(task, agent): &(&str, Option<&str>)| call::reconcile::Task {
            task_id: v1::TaskId { value: (*task).into() },
            agent_id: agent.map(|id| v1::AgentId { value: id.into() }),
        };
        let tasks = tasks.iter().map(task).collect();
        self.call(name, call::Type::Reconcile, |call| call.reconcile = Some(call::Reconcile { tasks }));
    }

    /// A task of the framework runs on the agent, its first updates acknowledged.
    pub fn running(mut self, framework: &str, agent: &str, info: v1::TaskInfo) -> Cluster {
        self.allocate();
        let owner = *self.master.frameworks.by_id.get(&self.id_of(framework)).expect("it is subscribed");
        let on = self.agents[agent].pid.clone();
        let on = self.master.agents.by_pid[&on];
        let offers = self.master.agents.registered[on].offers.iter();
        let offer = offers
            .map(|offer| &self.master.offers.outstanding[*offer])
            .find(|offer| offer.framework == owner);
        let offer = offer.expect("the framework has an offer of the agent").id.to_string();
        let task = info.task_id.value.clone();
        self.launch(framework, &offer, vec![info]);
        self.update(agent, framework, &task, v1::TaskState::TaskRunning, 1);
        self.acknowledge(framework, agent, &task, 1);
        self.forget();
        self
    }

    fn id_of(&self, framework: &str) -> tepui_model::FrameworkId {
        tepui_model::FrameworkId::from_wire(&self.framework_id(framework))
            .expect("the master's ids are valid")
    }

    /// An operator's call.
    pub fn operate(&mut self, r#type: master::call::Type, fill: impl FnOnce(&mut master::Call)) {
        let mut call = master::Call { r#type: Some(r#type as i32), ..master::Call::default() };
        fill(&mut call);
        self.decide(call);
    }

    /// An operator's call, made already.
    pub fn decide(&mut self, call: master::Call) {
        let request = self.next_request();
        self.step(Input::Operator(Box::new(OperatorCall { request, principal: None, call })));
    }
}
