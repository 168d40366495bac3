//! The network of a container, entered by a thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use bollard::models::ContainerInspectResponse;
use nix::sched::{CloneFlags, setns};
use tepui_executor::checks::{Blind, Native, Probe, Prober, Probing};
use tokio::sync::oneshot;

use crate::process::belongs_to;

/// Where the task's ports are.
#[derive(Debug)]
pub(super) enum Network {
    /// In this process' own network.
    Ours,
    /// In this namespace, which stays what it is, whoever gets the container's pid later.
    Other(Arc<File>),
}

impl Network {
    pub(super) fn of(inspected: &ContainerInspectResponse) -> Result<Network, String> {
        let pid = inspected.state.as_ref().and_then(|state| state.pid).filter(|pid| *pid > 0);
        let Some(pid) = pid else { return Err("it does not run".into()) };
        let id = inspected.id.as_deref().unwrap_or_default();
        if !i32::try_from(pid).is_ok_and(|pid| belongs_to(pid, id)) && !has_host_network(inspected) {
            return Err(format!(
                "its process {pid} is not one of this machine's; the engine has to be on it"
            ));
        }
        let path = format!("/proc/{pid}/ns/net");
        let found = File::open(&path).and_then(|theirs| is_ours(&theirs).map(|ours| (theirs, ours)));
        match found {
            Ok((_, true)) => Ok(Network::Ours),
            Ok((theirs, false)) => Ok(Network::Other(Arc::new(theirs))),
            // Who is not root may not look, but need not either.
            Err(_) if has_host_network(inspected) => Ok(Network::Ours),
            Err(error) => Err(format!(
                "open {path}: {error}; executors need to be root for that, on the engine's machine"
            )),
        }
    }
}

fn is_ours(theirs: &File) -> io::Result<bool> {
    let (theirs, ours) = (theirs.metadata()?, std::fs::metadata("/proc/self/ns/net")?);
    Ok((theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()))
}

fn has_host_network(inspected: &ContainerInspectResponse) -> bool {
    let mode = inspected.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
    mode == Some("host")
}

/// Looks from a thread that lives in this network. A thread and no process: sockets belong to the network of the thread that
/// makes them, and nothing else of the thread changes.
pub(super) fn look_inside(namespace: Arc<File>, native: Native, probe: Probe) -> Probing {
    let (given_up, waits) = oneshot::channel::<()>();
    let (tell, told) = oneshot::channel();
    let started = std::thread::Builder::new().name("check".into()).spawn(move || {
        let found = enter(&namespace).map_err(Blind::Failed).and_then(|runtime| {
            runtime.block_on(async {
                tokio::select! {
                    found = native.probe(&probe) => found,
                    // Nobody waits for the answer any more.
                    _ = waits => Err(Blind::Away("nobody waits".into())),
                }
            })
        });
        let _ = tell.send(found);
    });
    Box::pin(async move {
        let _given_up = given_up;
        started.map_err(|error| Blind::Failed(format!("start a thread: {error}")))?;
        told.await.unwrap_or_else(|_| Err(Blind::Failed("the check's thread panicked".into())))
    })
}

/// The runtime is made inside, so that whatever threads it starts are inside too.
fn enter(namespace: &File) -> Result<tokio::runtime::Runtime, String> {
    setns(namespace, CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("enter the container's network: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("make a runtime: {error}"))
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerState, HostConfig};

    use super::*;

    fn container(pid: i64, mode: &str) -> ContainerInspectResponse {
        ContainerInspectResponse {
            // Part of the name of every control group.
            id: Some("/".into()),
            state: Some(ContainerState { pid: Some(pid), ..ContainerState::default() }),
            host_config: Some(HostConfig { network_mode: Some(mode.into()), ..HostConfig::default() }),
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn a_container_in_our_network_is_looked_at_from_here() {
        let own = i64::from(std::process::id());

        assert!(matches!(Network::of(&container(own, "bridge")), Ok(Network::Ours)));
        assert!(matches!(Network::of(&container(i64::MAX, "host")), Ok(Network::Ours)));
    }

    #[test]
    fn a_network_that_is_not_there_is_named() {
        let gone = Network::of(&container(i64::MAX, "bridge")).unwrap_err();
        let over = Network::of(&container(0, "bridge")).unwrap_err();
        let foreign = ContainerInspectResponse {
            id: Some("0123456789abcdef".into()),
            ..container(i64::from(std::process::id()), "bridge")
        };
        let foreign = Network::of(&foreign).unwrap_err();

        assert!(gone.starts_with("its process 9223372036854775807 is not one of this machine's"), "{gone}");
        assert!(foreign.contains("is not one of this machine's"), "{foreign}");
        assert_eq!(over, "it does not run");
    }
}
