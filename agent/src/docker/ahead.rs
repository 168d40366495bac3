//! A task's container, made while its executor comes up: the one takes about as long as the other. The executor starts it, or makes
//! it itself if it is not there; whatever is wrong with it, the executor finds out again and says so.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tepui_agent_core::Run;
use tepui_docker::Engine;
use tepui_docker::spec::Plan;
use tepui_model::ContainerId;
use tepui_proto::v1;
use tokio::sync::watch;
use tracing::debug;

use super::Docker;
use crate::volumes::Volume;

/// The containers that are being made, or were: each is taken out when its executor has ended. Whoever makes one holds the sender.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead(Arc<Mutex<HashMap<String, watch::Receiver<()>>>>);

impl Docker {
    /// Makes the container of this task, if all that needs is there.
    pub(crate) fn make_ahead(&self, run: &Run, task: &v1::TaskInfo, sandbox: PathBuf, volumes: &[Volume]) {
        let Ok(plan) = self.setup(run, volumes).plan(task, sandbox) else { return };
        if plan.force_pull || has_foreign_volumes(&plan) {
            return;
        }
        let socket = self.flags.socket.clone();
        let (making, made) = watch::channel(());
        self.ahead.lock().insert(run.container.to_string(), made);
        tokio::spawn(async move {
            let _making = making;
            let made = async { Engine::at(&socket)?.create(&plan).await };
            if let Err(error) = made.await {
                debug!(%error, container = plan.name, "docker container not made ahead of its executor");
            }
        });
    }

    /// Ready when the container is not being made any more: before that it could not be found for sure.
    pub(super) async fn settled(&self, container: &ContainerId) {
        let container = container.to_string();
        let made = self.ahead.lock().get(&container).cloned();
        if let Some(mut made) = made {
            // Nothing is sent: it closes.
            while made.changed().await.is_ok() {}
            self.ahead.lock().remove(&container);
        }
    }
}

impl Ahead {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose driver may take long to find out that it cannot make one.
fn has_foreign_volumes(plan: &Plan) -> bool {
    let driver = plan.body.host_config.as_ref().and_then(|host| host.volume_driver.as_deref());
    driver.is_some_and(|driver| driver != "local")
}
