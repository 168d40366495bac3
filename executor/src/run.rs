//! Running an executor until it ends.

use std::net::Ipv4Addr;

use libactor::{Builder, Node, Pid};
use tokio::sync::oneshot;

use crate::actor::ExecutorActor;
use crate::link::chain;
use crate::{Environment, Executor};

/// Which way an executor talks to its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    /// The HTTP executor API at `MESOS_AGENT_ENDPOINT`.
    #[default]
    Http,
    /// Actor messages to `MESOS_SLAVE_PID`.
    Actor,
}

/// Why an executor ended without wanting to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The environment is not an executor's.
    #[error(transparent)]
    Environment(#[from] crate::EnvironmentError),
    /// The node could not start.
    #[error("start the executor's node: {0}")]
    Node(String),
    /// `MESOS_SLAVE_PID` is needed for the way by actor messages.
    #[error("MESOS_SLAVE_PID='{0}' is not an agent's pid such as slave(1)@10.0.0.7:5051")]
    AgentPid(String),
    /// The agent said so; trying again would not help.
    #[error("the agent refused the executor: {0}")]
    Refused(String),
    /// The agent is not coming back.
    #[error("{0}")]
    AgentGone(String),
    /// A callback panicked.
    #[error("the executor's actor ended unexpectedly; its panic was logged")]
    Panicked,
}

/// Runs an executor in this process, with the environment its agent gave it, until it stops.
///
/// # Errors
/// When it ends without wanting to.
pub fn run<E: Executor>(executor: E, via: Via) -> Result<(), RunError> {
    let environment = Environment::from_process()?;
    libactor::run(async move {
        let failed = |error: &dyn std::error::Error| RunError::Node(chain(error));
        let builder = match via {
            Via::Actor => {
                Builder::from_environment(Ipv4Addr::LOCALHOST.into()).map_err(|error| failed(&error))?
            }
            // Nobody connects to us.
            Via::Http => Node::builder(),
        };
        let builder = builder.flight_recorder(environment.flight_recorder);
        let builder = builder.body_renderer(tepui_model::secrets::shown);
        let node = builder.bind().await.map_err(|error| failed(&error))?;
        node.serve(|_| {}).await.map_err(|error| RunError::Node(error.to_string()))?;
        let outcome = spawn(&node, environment, executor, via).await;
        node.shutdown().await;
        outcome
    })
}

/// Runs an executor as one more actor of a node.
///
/// # Errors
/// When it ends without wanting to.
pub async fn spawn<E: Executor>(
    node: &Node,
    environment: Environment,
    executor: E,
    via: Via,
) -> Result<(), RunError> {
    let agent = match via {
        Via::Http => None,
        Via::Actor => {
            let text = environment.agent_pid.clone().unwrap_or_default();
            Some(text.parse::<Pid>().map_err(|_| RunError::AgentPid(text))?)
        }
    };
    let (ended, outcome) = oneshot::channel();
    let name = format!("executor-{}", uuid::Uuid::new_v4());
    node.spawn(&name, ExecutorActor::new(environment, agent, executor, ended));
    outcome.await.unwrap_or(Err(RunError::Panicked))
}
