//! Running a framework: alone in a process, or beside other actors on a node.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use libactor::{Builder, Node, Pid};
use tokio::sync::oneshot;

use crate::actor::SchedulerActor;
use crate::link::chain;
use crate::{Framework, MasterAddress, Settings};

/// Why a framework ended without wanting to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The node could not start.
    #[error("start the framework's node: {0}")]
    Node(String),
    /// The master said so; trying again would not help.
    #[error("the master refused the framework: {0}")]
    Refused(String),
    /// The framework gave up ([`crate::Context::fail`]).
    #[error("{0}")]
    Failed(String),
    /// A callback panicked.
    #[error("the framework's actor ended unexpectedly; its panic was logged")]
    Panicked,
}

/// Runs a framework in this process until it ends, and hands it back. With actor messages its node listens
/// where `LIBPROCESS_IP` and `LIBPROCESS_PORT` say; both ways speak TLS as `LIBPROCESS_SSL_…` say.
///
/// # Errors
/// When it ends without wanting to.
pub fn run<F: Framework>(settings: Settings, framework: F) -> Result<F, RunError> {
    libactor::run(async move {
        let failed = |error: &dyn std::error::Error| RunError::Node(chain(error));
        let builder = match &settings.master {
            MasterAddress::Actor(pid) => {
                Builder::from_environment(local_ip(pid)).map_err(|error| failed(&error))?
            }
            // Nobody connects to us.
            MasterAddress::Http(_) | MasterAddress::Https(_) => Node::builder(),
        };
        let builder = builder.flight_recorder(settings.flight_recorder);
        let builder = builder.body_renderer(tepui_model::secrets::shown);
        let node = builder.bind().await.map_err(|error| failed(&error))?;
        node.serve(|_| {}).await.map_err(|error| RunError::Node(error.to_string()))?;
        let outcome = spawn(&node, settings, framework).await;
        node.shutdown().await;
        outcome
    })
}

/// Runs a framework as one more actor of a node.
///
/// # Errors
/// When it ends without wanting to.
pub async fn spawn<F: Framework>(node: &Node, settings: Settings, framework: F) -> Result<F, RunError> {
    let (ended, outcome) = oneshot::channel();
    let name = format!("scheduler-{}", uuid::Uuid::new_v4());
    node.spawn(&name, SchedulerActor::new(settings, framework, ended));
    outcome.await.unwrap_or(Err(RunError::Panicked))
}

/// The address of ours that a master can answer to: the one the system would reach it from.
fn local_ip(pid: &Pid) -> IpAddr {
    // Connecting a datagram socket sends nothing: it only asks the routing table.
    let ask = || {
        let socket = UdpSocket::bind(if pid.address().is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect(pid.address())?;
        socket.local_addr()
    };
    ask().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
