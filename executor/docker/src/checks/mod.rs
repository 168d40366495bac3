//! Looking at a task from inside its container.
//!
//! Commands are run by the engine, in the container's namespaces and cgroups, as its user and with its environment. HTTP and TCP
//! are tried from a thread of ours that has entered the container's network: nothing has to be in the image for that, and a
//! container without any network still has its loopback.

mod command;
mod network;

use bollard::models::ContainerInspectResponse;
use tepui_executor::checks::{Blind, Native, Probe, Prober, Probing};

use crate::engine::Engine;
use network::Network;

/// Looks at the task in one container.
pub(crate) struct InContainer {
    engine: Engine,
    container: String,
    /// Its network, or why it cannot be entered.
    network: Result<Network, String>,
    native: Native,
}

impl InContainer {
    /// For a container that runs.
    pub(crate) fn new(
        engine: Engine,
        container: String,
        inspected: &ContainerInspectResponse,
    ) -> InContainer {
        let network = Network::of(inspected)
            .map_err(|why| format!("enter the network of container {container}: {why}"));
        InContainer { engine, container, network, native: Native::default() }
    }
}

impl Prober for InContainer {
    fn probe(&self, probe: &Probe) -> Probing {
        match (probe, &self.network) {
            (Probe::Command(command), _) => {
                let (engine, container) = (self.engine.clone(), self.container.clone());
                let command = command.as_ref().clone();
                Box::pin(async move { command::look(&engine, &container, &command).await })
            }
            (Probe::Http(_) | Probe::Tcp(_), Ok(Network::Ours)) => self.native.probe(probe),
            (Probe::Http(_) | Probe::Tcp(_), Ok(Network::Other(namespace))) => {
                network::look_inside(namespace.clone(), self.native.clone(), probe.clone())
            }
            (Probe::Http(_) | Probe::Tcp(_), Err(why)) => {
                Box::pin(std::future::ready(Err(Blind::Failed(why.clone()))))
            }
        }
    }
}
