//! Looking at a task from beside it: with processes and sockets of our own.

mod command;
mod http;
mod tcp;

pub use command::end_tree;

use std::sync::Arc;

use tepui_proto::v1;

use super::plan::Probe;
use super::{Blind, Prober, Probing};

/// Looks from where this process is: its user, working directory, namespaces and cgroups are the task's too, or are entered
/// before.
#[derive(Debug, Clone, Default)]
pub struct Native {
    /// The task's own environment, on top of ours and below the check's.
    environment: Arc<v1::Environment>,
    role: Option<String>,
}

impl Native {
    /// For a task with this environment and this role.
    #[must_use]
    pub fn new(environment: v1::Environment, role: Option<String>) -> Native {
        Native { environment: Arc::new(environment), role }
    }
}

impl Prober for Native {
    fn probe(&self, probe: &Probe) -> Probing {
        match probe {
            Probe::Command(command) => {
                let mut command = command.as_ref().clone();
                let own = command.environment.take().unwrap_or_default().variables;
                let variables = self.environment.variables.iter().cloned().chain(own).collect();
                command.environment = Some(v1::Environment { variables });
                let role = self.role.clone();
                Box::pin(async move { command::look(&command, role.as_deref()).await.map_err(Blind::Failed) })
            }
            Probe::Http(url) => {
                let url = url.as_ref().clone();
                Box::pin(async move { http::look(url).await.map_err(Blind::Failed) })
            }
            Probe::Tcp(address) => {
                let address = *address;
                Box::pin(async move { Ok(tcp::look(address).await) })
            }
        }
    }
}
