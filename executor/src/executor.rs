//! The trait an executor implements.

use bytes::Bytes;
use tepui_proto::v1;

use crate::Context;

/// Runs the tasks of one framework on one agent.
///
/// Everything but [`Executor::launch`] and [`Executor::kill`] has a sensible default. The SDK subscribes, resends what the
/// agent has not acknowledged, and reconnects while the framework checkpoints.
pub trait Executor: Sized + 'static {
    /// The agent knows us. Called again after every reconnection.
    fn subscribed(&mut self, cx: &mut Context<Self>, info: &Subscribed) {
        let _ = (cx, info);
    }

    /// A task to run. Report its states with [`Context::update`].
    fn launch(&mut self, cx: &mut Context<Self>, task: v1::TaskInfo);

    /// A group of tasks to run together; by default each is launched in turn.
    fn launch_group(&mut self, cx: &mut Context<Self>, tasks: Vec<v1::TaskInfo>) {
        for task in tasks {
            self.launch(cx, task);
        }
    }

    /// A task to end. `policy` may shorten the grace period of a kill already under way.
    fn kill(&mut self, cx: &mut Context<Self>, task_id: &v1::TaskId, policy: Option<v1::KillPolicy>);

    /// The agent has made an update durable; `uuid` is the update's own.
    fn acknowledged(&mut self, cx: &mut Context<Self>, task_id: &v1::TaskId, uuid: &Bytes) {
        let _ = (cx, task_id, uuid);
    }

    /// A message from the framework; best effort.
    fn message(&mut self, cx: &mut Context<Self>, data: Bytes) {
        let _ = (cx, data);
    }

    /// Kill everything and stop within the shutdown grace period; by default stops at once.
    fn shutdown(&mut self, cx: &mut Context<Self>) {
        cx.stop();
    }
}

/// What the agent says when it accepts a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribed {
    /// Ourselves, as the agent knows us.
    pub executor: v1::ExecutorInfo,
    /// Our framework.
    pub framework: v1::FrameworkInfo,
    /// The agent.
    pub agent: v1::AgentInfo,
}
