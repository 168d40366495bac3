//! The calls and events of executors in the flight recorder, and what they follow from where their clients do not say it.

use std::collections::BTreeMap;

use libactor::trace::{Cause, Causes, Entry, Outcome};
use libactor::{Context, Pid};
use prost::Name as _;
use tepui_agent_core::{ExecutorCall, Input, Peer, Pid as CorePid};
use tepui_model::about::{About as _, Kind as _};
use tepui_proto::v1;
use tepui_proto::v1::executor::{Call, Event};

use crate::actor::AgentActor;

/// Tasks and executors of which it is remembered what their calls follow from: more than one machine runs. Beyond it, the
/// oldest begin a trace of their own.
const REMEMBERED: usize = 16_384;

/// A framework, and its task or executor.
type Key = (String, String);

/// What executors were told, and why they were started.
pub(crate) struct Told {
    /// The messages that asked to run tasks: each task's LAUNCH follows from its own.
    runs: Causes<Key>,
    /// What led to the start of an executor: its SUBSCRIBE follows from it.
    starts: Causes<Key>,
    /// The last events about tasks: updates follow from them.
    events: Causes<Key>,
    /// The frameworks of executors that are actors.
    frameworks: BTreeMap<CorePid, String>,
}

/// How a call came.
pub(crate) struct Arrival {
    /// Bytes of its body.
    pub size: usize,
    /// The message that it follows from, as its header `traceparent` says.
    pub parent: Option<Cause>,
}

impl Told {
    pub fn new() -> Told {
        let causes = || Causes::new(REMEMBERED);
        Told { runs: causes(), starts: causes(), events: causes(), frameworks: BTreeMap::new() }
    }

    /// A message asks to run these tasks.
    pub fn run<'a>(
        &mut self,
        framework: Option<&v1::FrameworkId>,
        tasks: impl IntoIterator<Item = &'a v1::TaskInfo>,
    ) {
        let Some(framework) = framework else { return };
        for task in tasks {
            self.runs.note((framework.value.clone(), task.task_id.value.clone()), Cause::current());
        }
    }

    /// An executor is being started.
    pub fn starts(&mut self, framework: &str, executor: &str) {
        self.starts.note((framework.to_owned(), executor.to_owned()), Cause::current());
    }

    pub fn actor_calls(&mut self, from: CorePid, call: &Call) {
        if self.frameworks.len() >= REMEMBERED {
            self.frameworks.pop_first();
        }
        self.frameworks.insert(from, call.framework_id.value.clone());
    }

    pub fn actor_gone(&mut self, pid: &CorePid) {
        self.frameworks.remove(pid);
    }

    /// What a call follows from that brings no trace.
    fn answered(&self, call: &Call) -> Option<Cause> {
        let framework = &call.framework_id.value;
        let task = call.update.as_ref().map(|update| &update.status.task_id.value);
        let event = task.and_then(|task| self.events.find(&(framework.clone(), task.clone())));
        event.or_else(|| self.starts.find(&(framework.clone(), call.executor_id.value.clone())))
    }

    /// What an event follows from: a LAUNCH from the message that asked for it, though other things may have had to happen
    /// before.
    fn reason(&self, framework: &str, event: &Event) -> Cause {
        let task = event.launch.as_ref().map(|launch| &launch.task.task_id);
        let group = || event.launch_group.as_ref()?.task_group.tasks.first().map(|task| &task.task_id);
        let run = task.or_else(group).and_then(|task| {
            let key = (framework.to_owned(), task.value.clone());
            self.runs.find(&key)
        });
        run.unwrap_or_else(Cause::current)
    }

    fn note(&mut self, framework: &str, event: &Event, cause: Cause) {
        let launched = event.launch.iter().map(|launch| &launch.task.task_id);
        let grouped = event.launch_group.iter().flat_map(|launch| &launch.task_group.tasks);
        let killed = event.kill.iter().map(|kill| &kill.task_id);
        for task in launched.chain(grouped.map(|task| &task.task_id)).chain(killed) {
            self.events.note((framework.to_owned(), task.value.clone()), cause);
        }
    }
}

/// The pid of a client, which has no address of its own.
fn client(cx: &Context<AgentActor>, executor: &str) -> Pid {
    let pid = Pid::new(&format!("http({executor})"), cx.node().address());
    pid.unwrap_or_else(|_| cx.node().pid("http"))
}

impl AgentActor {
    /// A call that came over HTTP; what the core does follows from it.
    pub(crate) fn recorded(&mut self, cx: &mut Context<Self>, call: ExecutorCall, arrival: &Arrival) {
        let said = &call.call;
        let cause = arrival.parent.or_else(|| self.told.answered(said)).unwrap_or_else(Cause::current);
        let name = format!("{}.{}", Call::full_name(), said.kind());
        let from = client(cx, &said.executor_id.value);
        let mut entry = Entry::received(&from, cx.me(), name, arrival.size).caused_by(cause);
        for (key, value) in said.about() {
            entry = entry.tag(key, &value);
        }
        let this = cx.node().recorder().record(entry);
        cx.node().recorder().began(this.message);
        this.during(|| self.step(cx, Input::Executor(Box::new(call))));
        cx.node().recorder().ended(this.message, Outcome::Handled);
    }

    /// Sends an event to an executor; false if it does not read its stream.
    pub(crate) fn tell_executor(&mut self, cx: &mut Context<Self>, to: &Peer, event: &Event) -> bool {
        match to {
            Peer::Actor(pid) => {
                let framework = self.told.frameworks.get(pid).cloned().unwrap_or_default();
                let kind = [("kind", event.kind().to_owned())];
                let tags = kind.into_iter().chain(event.about()).collect();
                let reason = self.told.reason(&framework, event);
                reason.during(|| crate::perform::tell_about(cx, pid, event.clone(), tags));
                true
            }
            Peer::Driver(pid) => {
                let framework = self.told.frameworks.get(pid).cloned().unwrap_or_default();
                let reason = self.told.reason(&framework, event);
                reason.during(|| self.tell_driver(cx, pid, event));
                true
            }
            Peer::Http(connection) => {
                let Some(stream) = self.streams.get(connection) else { return true };
                let body = stream.encode(event);
                let name = format!("{}.{}", Event::full_name(), event.kind());
                let mut entry = Entry::sent(cx.me(), &client(cx, &stream.client.executor), name, body.len());
                entry = entry.caused_by(self.told.reason(&stream.client.framework, event));
                for (key, value) in event.about() {
                    entry = entry.tag(key, &value);
                }
                let cause = cx.node().recorder().record(entry);
                self.told.note(&stream.client.framework, event, cause);
                let sent = stream.send(body, cause);
                if !sent {
                    cx.node().recorder().ended(cause.message, Outcome::Overflow);
                }
                sent
            }
        }
    }
}
