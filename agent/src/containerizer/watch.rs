//! From running to ended: notices the end, or brings it about when a limit is reached, and cleans up.

use std::{sync::Arc, time::Duration};

use futures::future::{Either, select, select_all};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    ContainerTermination, Limitation,
    launcher::{Process, tree},
    native::{Container, Machinery, Phase, blocking, locked},
};

/// How long the helper gets to notice that its command is dead, and to write that down, before it is killed too.
const HELPER_GRACE: Duration = Duration::from_secs(2);

/// Runs for as long as the container.
pub(super) async fn until_ended(machinery: Arc<Machinery>, container: Arc<Container>, process: Arc<Process>) {
    if let Some(limitation) = machinery.limited_before_end(&container, &process).await {
        info!(container = container.id, reason = ?limitation.reason, "container reached a limit");
        locked(&container.limitation).get_or_insert(limitation);
        machinery.kill(&container.id, &process).await;
    }
    machinery.finish(container, Some(process)).await;
}

impl Machinery {
    /// The limit that an isolator sees reached, or `None` when the container ends first.
    async fn limited_before_end(&self, container: &Container, process: &Process) -> Option<Limitation> {
        let watches = self.isolators.iter().filter_map(|it| it.clone().watch(&container.id));
        let watches: Vec<_> = watches.collect();
        if watches.is_empty() {
            process.ended().await;
            return None;
        }
        match select(Box::pin(process.ended()), select_all(watches)).await {
            Either::Left(_) => None,
            Either::Right(((limitation, _, _), _)) => Some(limitation),
        }
    }

    /// Kills everything in the container, again and again until its helper has ended.
    pub async fn kill(self: &Arc<Self>, id: &str, process: &Arc<Process>) {
        let mut with_helper = false;
        loop {
            let (machinery, id, pid) = (self.clone(), id.to_string(), process.pid());
            blocking(move || machinery.kill_once(&id, pid)).await;
            if with_helper {
                // It may have ended meanwhile.
                let _ = process.signal(libc::SIGKILL);
            }
            if timeout(HELPER_GRACE, process.ended()).await.is_ok() {
                return;
            }
            with_helper = true;
        }
    }

    fn kill_once(&self, id: &str, helper: i32) {
        match &self.freezer {
            Some(freezer) => freezer.kill(id, Some(helper)),
            None => tree::kill_below(helper),
        }
    }

    /// The helper has ended: what is left of the container goes, and its end becomes known.
    pub async fn finish(self: &Arc<Self>, container: Arc<Container>, process: Option<Arc<Process>>) {
        let (machinery, ended) = (self.clone(), container.clone());
        let termination = blocking(move || {
            let reaped = process.and_then(|process| process.reap());
            let wait_status = ended.directory.status().or(reaped);
            let found = machinery.clean_up(&ended.id);
            let limitation = locked(&ended.limitation).take().or(found);
            ContainerTermination { wait_status, limitation }
        })
        .await;
        info!(container = container.id, wait_status = ?termination.wait_status, "container ended");
        container.phase.send_replace(Phase::Ended(termination));
    }

    /// Removes processes and cgroups; a limit that was hit unnoticed comes to light here. Blocks.
    pub fn clean_up(&self, id: &str) -> Option<Limitation> {
        if let Some(freezer) = &self.freezer {
            // More than a look only if the helper was killed: whatever is left then is killed as well.
            const ROUNDS: usize = 100;
            for _ in 0..ROUNDS {
                if freezer.members(id).is_empty() {
                    break;
                }
                freezer.kill(id, None);
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let mut found = None;
        for isolator in self.isolators.iter().rev() {
            match isolator.cleanup(id) {
                Ok(limitation) => found = found.or(limitation),
                Err(error) => {
                    warn!(container = id, error = error.cause, isolator = error.isolator, "cleanup failed")
                }
            }
        }
        if let Some(Err(error)) = self.freezer.as_ref().map(|freezer| freezer.remove(id)) {
            warn!(container = id, error, "freezer cgroup not removed");
        }
        found
    }
}
