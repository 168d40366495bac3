//! The demo's web servers: a first generation, and once that serves, a second one that replaces it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tepui_frameworks::{DockerWeb, Site, WebEvent};
use tepui_scheduler::{Handle, Settings, is_terminal, spawn};
use tokio::sync::{oneshot, watch};

use super::board::Board;
use super::node;

pub const SERVERS: usize = 2;
const PAGES: [&str; 2] = ["hello from the first generation", "hello from the second generation"];

/// How far the servers are.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The second generation serves alone.
    pub replaced: bool,
    /// Where servers are, by task.
    pub at: BTreeMap<String, String>,
    /// The last words of the last server that ended.
    pub trouble: Option<String>,
}

/// Keeps the servers running until it is stopped.
pub async fn serve(
    master: SocketAddr,
    image: String,
    board: Board,
    progress: watch::Sender<Progress>,
    stopped: oneshot::Receiver<()>,
) -> Result<()> {
    let site = Site { image, address: "127.0.0.1".into(), page: PAGES[0].into() };
    let way: Rc<RefCell<Option<Handle<DockerWeb>>>> = Rc::default();
    let watch = move |event| match event {
        WebEvent::Subscribed(handle) => *way.borrow_mut() = Some(handle),
        WebEvent::Launched { id, at, .. } => progress.send_modify(|progress| {
            progress.at.insert(id, at);
        }),
        WebEvent::Server { id, state, message, .. } => {
            if is_terminal(state) {
                progress.send_modify(|progress| {
                    progress.at.remove(&id);
                    progress.trouble = Some(message);
                });
            }
            board.web(&id, state);
        }
        WebEvent::Done(1) => {
            if let Some(way) = &*way.borrow() {
                way.run(|web, cx| web.serve(cx, PAGES[1]));
            }
        }
        WebEvent::Done(_) => progress.send_modify(|progress| progress.replaced = true),
        WebEvent::Stopping(_) | WebEvent::Pausing(_) => {}
    };
    let web = DockerWeb::new(site, SERVERS, "cpus:0.1;mem:32".parse()?, 0, watch);
    let node = node().await?;
    let settings = Settings::new("web", format!("master@{master}").parse()?).failover_timeout(Duration::ZERO);
    let ended = tokio::select! {
        ended = spawn(&node, settings, web) => ended.map(drop),
        _ = stopped => Ok(()),
    };
    node.shutdown().await;
    Ok(ended?)
}
