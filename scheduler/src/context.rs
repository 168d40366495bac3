//! What a framework can do from inside a callback.

use std::time::Duration;

use bytes::Bytes;
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, call};

use crate::actor::Handle;
use crate::{Framework, Offer, Origin, Task};

/// Passed to every callback. What is asked here is sent in order, right after the callback returns.
pub struct Context<F: Framework> {
    pub(crate) framework_id: Option<v1::FrameworkId>,
    pub(crate) handle: Handle<F>,
    pub(crate) commands: Vec<Command<F>>,
}

/// Work to do on the framework later.
pub(crate) type Work<F> = Box<dyn FnOnce(&mut F, &mut Context<F>) + Send>;

/// What a callback asked for.
pub(crate) enum Command<F: Framework> {
    Call(Box<Call>),
    Launch { offers: Vec<v1::OfferId>, tasks: Vec<v1::TaskInfo>, filters: Option<v1::Filters> },
    Keep(v1::OfferId),
    Ask(Vec<v1::TaskId>),
    Acknowledge(Box<v1::TaskStatus>),
    After(Duration, Work<F>),
    End(End),
}

/// How a framework ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Torn down: the master kills what still runs.
    Stopped,
    /// Left: the master keeps the tasks for the failover timeout.
    Left,
    /// Given up by the framework, with its reason; torn down too.
    Failed(String),
}

impl<F: Framework> Context<F> {
    /// Our id, once the master has given it.
    #[must_use]
    pub fn framework_id(&self) -> Option<&v1::FrameworkId> {
        self.framework_id.as_ref()
    }

    /// Launches tasks on an offer; what they leave of it goes back to the master.
    pub fn launch(&mut self, offer: &Offer, tasks: impl IntoIterator<Item = Task>) {
        let on_agent = |task: Task| v1::TaskInfo { agent_id: offer.agent_id().clone(), ..task.into_info() };
        let tasks = tasks.into_iter().map(on_agent).collect();
        self.commands.push(Command::Launch { offers: vec![offer.id().clone()], tasks, filters: None });
    }

    /// Declines an offer for a while (5 s is Mesos' default for what is simply left alone).
    pub fn decline_for(&mut self, offer: &Offer, pause: Duration) {
        let filters = Some(v1::Filters { refuse_seconds: Some(pause.as_secs_f64()) });
        self.commands.push(Command::Launch { offers: vec![offer.id().clone()], tasks: Vec::new(), filters });
    }

    /// Keeps an offer beyond the callback, until it is used or rescinded.
    pub fn keep(&mut self, offer: &Offer) {
        self.commands.push(Command::Keep(offer.id().clone()));
    }

    /// Asks for a task's end.
    pub fn kill(&mut self, task_id: &v1::TaskId) {
        let kill = call::Kill { task_id: task_id.clone(), ..Default::default() };
        self.call(call::Type::Kill, |call| call.kill = Some(kill.into()));
    }

    /// Asks for offers in all our roles, forgetting earlier refusals.
    pub fn revive(&mut self) {
        self.call(call::Type::Revive, |_| {});
    }

    /// Asks for no more offers until [`Context::revive`].
    pub fn suppress(&mut self) {
        self.call(call::Type::Suppress, |_| {});
    }

    /// Asks what has become of tasks that an earlier life of the framework may have launched. Each is answered by an
    /// update; a task the master does not know, or knew and has forgotten after its end, is `TASK_UNKNOWN` (or `TASK_GONE`).
    pub fn reconcile(&mut self, tasks: impl IntoIterator<Item = impl Into<String>>) {
        let tasks = tasks.into_iter().map(|id| v1::TaskId { value: id.into() }).collect();
        self.commands.push(Command::Ask(tasks));
    }

    /// Sends a message to an executor; best effort.
    pub fn message(&mut self, to: &Origin, data: impl Into<Bytes>) {
        let message = call::Message {
            agent_id: to.agent_id.clone(),
            executor_id: to.executor_id.clone(),
            data: data.into(),
        };
        self.call(call::Type::Message, |call| call.message = Some(message.into()));
    }

    /// Acknowledges an update; only needed with [`crate::Settings::explicit_acknowledgements`].
    pub fn acknowledge(&mut self, status: &v1::TaskStatus) {
        self.commands.push(Command::Acknowledge(Box::new(status.clone())));
    }

    /// Sends any other call; the SDK fills in the framework id.
    pub fn call(&mut self, kind: call::Type, fill: impl FnOnce(&mut Call)) {
        let mut call = Call { r#type: Some(kind as i32), ..Default::default() };
        fill(&mut call);
        self.commands.push(Command::Call(Box::new(call)));
    }

    /// Runs `work` on the framework after a pause.
    pub fn after(&mut self, pause: Duration, work: impl FnOnce(&mut F, &mut Context<F>) + Send + 'static) {
        self.commands.push(Command::After(pause, Box::new(work)));
    }

    /// A way back to the framework from other threads and tasks.
    #[must_use]
    pub fn handle(&self) -> Handle<F> {
        self.handle.clone()
    }

    /// Ends the framework: the master kills what still runs. While the master is out of reach nobody can tell it; it then
    /// ends the framework after the failover timeout.
    pub fn stop(&mut self) {
        self.commands.push(Command::End(End::Stopped));
    }

    /// Disconnects and leaves the tasks running, to be resumed by id within the failover timeout.
    pub fn leave(&mut self) {
        self.commands.push(Command::End(End::Left));
    }

    /// Ends the framework as failed.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.commands.push(Command::End(End::Failed(why.into())));
    }
}
