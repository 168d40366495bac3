//! What the core asks of the world. The shell performs each, in order.

mod text;

use std::sync::Arc;
use std::time::Duration;

use tepui_model::{AgentId, ContainerId, Resources, TaskId};
use tepui_proto::{internal, v1};

use crate::fact::Fact;
use crate::names::{Peer, Pid, RequestId, Ticket, Timer};
use crate::run::Run;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a message to the master.
    Master {
        /// Its address.
        to: Pid,
        /// What.
        message: ToMaster,
    },
    /// Show the master who this is, with the credential that the shell keeps. Answered by
    /// [`Input::Authenticated`](crate::Input::Authenticated).
    Authenticate {
        /// The master.
        to: Pid,
        /// Which attempt; an earlier one is given up.
        attempt: u64,
    },
    /// Send an event to an executor.
    Event {
        /// To whom.
        to: Peer,
        /// What.
        event: Arc<v1::executor::Event>,
    },
    /// End an executor's stream after what was sent on it.
    Close(Peer),
    /// Answer a call over HTTP. Each gets one reply; events of a SUBSCRIBE come after it.
    Reply {
        /// Which.
        request: RequestId,
        /// With what.
        reply: Reply,
    },
    /// Make these writes durable, in order; all effects of this kind are performed in the order they were asked.
    /// Answered by [`Input::Checkpointed`](crate::Input::Checkpointed).
    Checkpoint {
        /// The question.
        ticket: Ticket,
        /// Not empty.
        writes: Vec<Write>,
    },
    /// Find these containers again and destroy all others. Answered by
    /// [`Input::ContainersRecovered`](crate::Input::ContainersRecovered).
    RecoverContainers(Vec<Run>),
    /// Make the sandbox, fetch what the executor needs and start it. Answered by
    /// [`ContainerEvent::Launched`](crate::ContainerEvent::Launched) or `LaunchFailed`, later by `Exited`.
    Launch(Box<Launch>),
    /// Give a container other resources. Answered by [`ContainerEvent::Updated`](crate::ContainerEvent::Updated) or
    /// `UpdateFailed`.
    Update {
        /// Which.
        container: ContainerId,
        /// All of what it has from now on.
        resources: Resources,
    },
    /// Kill everything in a container. Followed by [`ContainerEvent::Exited`](crate::ContainerEvent::Exited).
    Destroy(ContainerId),
    /// Wake the core with [`Input::TimerDue`](crate::Input::TimerDue) after this long.
    Arm {
        /// The wake-up.
        timer: Timer,
        /// How long from now.
        after: Duration,
    },
    /// Say with [`Input::MasterExited`](crate::Input::MasterExited) or [`Input::ExecutorGone`](crate::Input::ExecutorGone)
    /// when this actor is gone. Watching twice is watching once.
    Watch(Pid),
    /// Ask a driver that an earlier life of this agent knew to register again.
    Reconnect {
        /// The driver.
        to: Pid,
        /// This agent.
        agent: AgentId,
    },
    /// This run is over: its sandbox and its checkpoints may be deleted when their age or the disk asks for it.
    Collect(Run),
    /// Something that belongs into the log.
    Log(Fact),
    /// The work is done or cannot be done: end the process.
    Terminate {
        /// For the log and the operator.
        why: String,
    },
}

/// What masters are told.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the message of its name")]
pub enum ToMaster {
    Register(Box<internal::RegisterSlaveMessage>),
    Reregister(Box<internal::ReregisterSlaveMessage>),
    Unregister(internal::UnregisterSlaveMessage),
    Update(Box<internal::UpdateSlaveMessage>),
    StatusUpdate(Box<internal::StatusUpdateMessage>),
    ExitedExecutor(internal::ExitedExecutorMessage),
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    OperationStatus(Box<internal::UpdateOperationStatusMessage>),
    Pong(internal::PongSlaveMessage),
}

/// The answer to a call over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 200, and the stream that the call brought is open.
    Subscribed,
    /// 202.
    Accepted,
    /// The call itself is wrong: 400.
    BadRequest(String),
    /// The executor may not say this now: 403.
    Forbidden(String),
    /// A call this API does not have: 501.
    NotImplemented(String),
    /// The agent is still recovering: 503.
    Unavailable(String),
}

/// One write to the agent's work directory. Replacing a file is atomic; appending is not.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// `slave.info`, and the link `slaves/latest`.
    Agent(Box<v1::AgentInfo>),
    /// What the agent has beyond what its flags say: `resources_and_operations.state`, which replaces the one before it
    /// after the directories of new volumes were made and those of destroyed ones removed. Survives the machine.
    Assets(Box<internal::slave::ResourceState>),
    /// `drain.config`, or that there is none any more.
    Drain {
        /// Whose.
        agent: AgentId,
        /// What.
        config: Option<v1::DrainConfig>,
    },
    /// Remove the link `slaves/latest`: the next start is a new agent.
    ForgetAgent,
    /// `framework.info` and `framework.pid`.
    Framework {
        /// Any run of the framework.
        run: Run,
        /// What.
        info: Arc<v1::FrameworkInfo>,
        /// Empty for HTTP schedulers.
        pid: String,
    },
    /// `executor.info`, the run's directory and the link `runs/latest`.
    Executor {
        /// Which.
        run: Run,
        /// What.
        info: Arc<v1::ExecutorInfo>,
        /// The agent made it for a task without an executor.
        generated: bool,
    },
    /// `task.info`.
    Task {
        /// On which executor.
        run: Run,
        /// What.
        task: Box<v1::Task>,
    },
    /// One record more in `task.updates`.
    Update {
        /// On which executor.
        run: Run,
        /// Of which task.
        task: TaskId,
        /// What.
        record: Box<internal::StatusUpdateRecord>,
    },
    /// How the executor talks to us: `http.marker` if it comes back by itself, or `pids/libprocess.pid` if it waits to be asked.
    Subscription {
        /// Which.
        run: Run,
        /// The driver, if it is one.
        pid: Option<Pid>,
    },
    /// `executor.sentinel`: this run is over.
    Sentinel(Run),
}

/// A container to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Names, and from them the directories.
    pub run: Run,
    /// Whose.
    pub framework: Arc<v1::FrameworkInfo>,
    /// What to run (`command`), and in what container.
    pub executor: Arc<v1::ExecutorInfo>,
    /// The task, if the agent made this executor for it.
    pub task: Option<Arc<v1::TaskInfo>>,
    /// What the container may use at first: the executor's resources and those of its first task.
    pub resources: Resources,
}
