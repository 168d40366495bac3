//! A container was made, or could not be.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::executor::Granted;
use crate::fact::Fact;
use crate::input::Termination;

impl Agent {
    pub(crate) fn container_launched(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        id: &ExecutorId,
        pid: u32,
    ) {
        let Some(executor) = self.executor_mut(framework, id) else { return };
        executor.pid = Some(pid);
        if let Granted::Launching(resources) = &executor.granted {
            executor.granted = Granted::Settled(resources.clone());
        }
        self.deliver(cx, framework, id);
    }

    /// Nothing of the container is there: its tasks failed.
    pub(crate) fn launch_failed(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        id: &ExecutorId,
        why: String,
    ) {
        self.counters.container_launch_errors += 1;
        cx.log(Fact::warn("executor could not be launched").with("executor", id).with("why", &why));
        let known = self.executor_mut(framework, id).and_then(|executor| executor.verdict.clone());
        let end = match known {
            // It was being destroyed: that is why.
            Some(_) => Termination::default(),
            None => Termination {
                state: Some(TaskState::TaskFailed),
                reason: Some(Reason::ContainerLaunchFailed),
                message: Some(why),
                ..Termination::default()
            },
        };
        self.container_exited(cx, framework, id, &end);
    }
}
