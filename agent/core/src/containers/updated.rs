//! A container has its new resources, or could not be given them.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::v1::task_status::Reason;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::executor::Granted;
use crate::fact::Fact;
use crate::status::Verdict;

impl Agent {
    pub(crate) fn container_updated(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.executor_mut(framework, id) else { return };
        if let Granted::Changing(resources) = &executor.granted {
            executor.granted = Granted::Settled(resources.clone());
        }
        self.deliver(cx, framework, id);
        self.settle_resources(cx, framework, id);
    }

    /// Its tasks would run with limits that are not theirs: it ends instead.
    pub(crate) fn update_failed(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId, why: &str) {
        let Some(state) = self.frameworks.get(framework).map(crate::framework::Framework::gone) else {
            return;
        };
        let Some(executor) = self.executor_mut(framework, id) else { return };
        if !executor.is_alive() {
            return;
        }
        cx.log(
            Fact::error("container could not be updated").with("executor", &executor.run).with("why", why),
        );
        let message = format!("Failed to update the container's resources: {why}");
        self.destroy(cx, framework, id, Verdict::new(state, Reason::ContainerUpdateFailed, message));
    }
}
