//! Web servers in Docker containers, checked by HTTP and replaced one by one.

mod rollout;
mod server;

use std::time::Duration;

use tepui_scheduler::{Context, Framework, Handle, Need, Offer, Task, is_terminal, v1};

use rollout::{Ended, Rollout};
pub use server::Site;

/// Keeps a number of web servers running. When there is a new page to serve, a new generation of servers takes over: one is
/// started, and once it is healthy an old one is stopped, until all are new. A generation that does not get healthy replaces nobody.
pub struct DockerWeb {
    site: Site,
    need: Need,
    rollout: Rollout,
    /// Told already that the newest generation serves alone.
    done: bool,
    /// Servers that ended before they were healthy, in a row; the next one waits for the pause's end.
    failures: u32,
    pausing: bool,
    launches: u64,
    epoch: u64,
    watch: Box<dyn FnMut(WebEvent)>,
}

/// What happens on the way.
#[derive(Clone)]
pub enum WebEvent {
    /// The master knows the framework, which can be told things from now on.
    Subscribed(Handle<DockerWeb>),
    /// A server was started.
    Launched {
        /// Its task.
        id: String,
        /// Its generation.
        generation: u64,
        /// Where it will serve: host and port.
        at: String,
    },
    /// A server's task has news.
    Server {
        /// Its task.
        id: String,
        /// Its state.
        state: v1::TaskState,
        /// What its health check says, if it has said anything.
        healthy: Option<bool>,
        /// Why, for people.
        message: String,
        /// Servers that are healthy now.
        serving: usize,
    },
    /// An old server is no longer needed, and is asked to end.
    Stopping(String),
    /// A server ended before it was healthy; the next one is started after this pause.
    Pausing(Duration),
    /// All servers are of this generation, and healthy.
    Done(u64),
}

const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

impl DockerWeb {
    /// So many servers of a site. Each needs what `need` says and one port. `epoch` makes task ids unlike those of earlier runs:
    /// the time of day in seconds is a good one.
    pub fn new(
        site: Site,
        servers: usize,
        need: Need,
        epoch: u64,
        watch: impl FnMut(WebEvent) + 'static,
    ) -> Self {
        DockerWeb {
            site,
            need: need.ports(1),
            rollout: Rollout::new(servers),
            done: false,
            failures: 0,
            pausing: false,
            launches: 0,
            epoch,
            watch: Box::new(watch),
        }
    }

    /// Serves another page from now on, by a new generation of servers.
    pub fn serve(&mut self, cx: &mut Context<Self>, page: impl Into<String>) {
        self.site.page = page.into();
        self.rollout.replace();
        self.done = false;
        self.failures = 0;
        self.carry_on(cx);
    }

    fn fill(&mut self, offer: &mut Offer) -> Vec<Task> {
        let mut tasks = Vec::new();
        while !self.pausing && self.rollout.missing() > 0 {
            let Ok(resources) = self.need.take(offer) else { break };
            let Some(port) = resources.ports().numbers().next() else { break };
            self.launches += 1;
            let generation = self.rollout.generation();
            let id = format!("web-{}-{generation}-{}", self.epoch, self.launches);
            tasks.push(self.site.server(&id, port).resources(&resources));
            let at = format!("{}:{port}", offer.hostname());
            (self.watch)(WebEvent::Launched { id: id.clone(), generation, at });
            self.rollout.launched(id);
        }
        tasks
    }

    /// Stops whom nobody needs any more, and asks for offers if somebody is missing.
    fn carry_on(&mut self, cx: &mut Context<Self>) {
        while let Some(task) = self.rollout.surplus() {
            (self.watch)(WebEvent::Stopping(task.clone()));
            cx.kill(&v1::TaskId { value: task });
        }
        if self.rollout.missing() > 0 && !self.pausing {
            cx.revive();
        }
        if self.rollout.is_done() && !std::mem::replace(&mut self.done, true) {
            (self.watch)(WebEvent::Done(self.rollout.generation()));
        }
    }

    /// The next server waits: one that cannot start must not keep the cluster busy.
    fn pause(&mut self, cx: &mut Context<Self>) {
        let pause = PAUSE_MIN.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        self.failures += 1;
        self.pausing = true;
        (self.watch)(WebEvent::Pausing(pause));
        cx.after(pause, |web, cx| {
            web.pausing = false;
            web.carry_on(cx);
        });
    }
}

impl Framework for DockerWeb {
    fn subscribed(&mut self, cx: &mut Context<Self>, _id: &v1::FrameworkId) {
        (self.watch)(WebEvent::Subscribed(cx.handle()));
        // What was asked for while the master was away may not have reached it.
        for task in self.rollout.stopping() {
            cx.kill(&v1::TaskId { value: task.to_owned() });
        }
        self.carry_on(cx);
    }

    fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>) {
        for mut offer in offers {
            let tasks = self.fill(&mut offer);
            if !tasks.is_empty() {
                cx.launch(&offer, tasks);
            }
        }
        if self.pausing || self.rollout.missing() == 0 {
            cx.suppress();
        }
    }

    fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
        let (id, state) = (&status.task_id.value, status.state());
        if is_terminal(state) {
            match self.rollout.ended(id) {
                Some(Ended::Unready) if !self.pausing => self.pause(cx),
                Some(Ended::Unready | Ended::Healthy | Ended::AsAsked) => {}
                None => return,
            }
        } else if let Some(healthy) = status.healthy {
            self.rollout.felt(id, healthy);
            if healthy {
                self.failures = 0;
            }
        }
        let (message, serving) = (status.message().to_owned(), self.rollout.healthy());
        let (id, healthy) = (id.clone(), status.healthy);
        (self.watch)(WebEvent::Server { id, state, healthy, message, serving });
        self.carry_on(cx);
    }
}
