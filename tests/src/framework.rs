//! A framework on the v1 scheduler API, spoken by hand: its calls are JSON texts, its events are the chunks that came.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, Connection, Handle, Head, Request, ask};

pub const PATH: &str = "/api/v1/scheduler";

/// Longer than anything a master does by itself within an interval of its own (heartbeats 15 s, offers 1 s).
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Everything that came on the stream so far.
#[derive(Default)]
struct Seen {
    chunks: Vec<String>,
    events: Vec<Value>,
    offers: Vec<Value>,
    ended: bool,
}

#[derive(Default)]
struct Stream {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Stream {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether updates are acknowledged as they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Acknowledge {
    AtOnce,
    ByTheTest,
}

pub struct Framework {
    master: String,
    /// Empty if the subscription was refused.
    pub id: String,
    /// The value of `Mesos-Stream-Id`.
    pub stream: String,
    pub head: Head,
    incoming: Arc<Stream>,
    handle: Handle,
}

/// The smallest good framework info.
pub fn info(name: &str) -> Value {
    json!({ "user": "root", "name": name })
}

impl Framework {
    /// Subscribes; panics unless the answer is a stream.
    #[track_caller]
    pub fn subscribe(master: &str, info: Value) -> Self {
        Self::subscribe_with(master, info, &[], Acknowledge::AtOnce)
    }

    #[track_caller]
    pub fn subscribe_with(
        master: &str,
        info: Value,
        headers: &[(&str, &str)],
        acknowledge: Acknowledge,
    ) -> Self {
        let mut call = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": info } });
        if let Some(id) = info.get("id") {
            call["framework_id"] = id.clone();
        }
        let mut request = Request::json(PATH, call.to_string());
        for (name, value) in headers {
            request.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
            request = request.with(name, value);
        }
        Self::open(master, &request, acknowledge)
            .unwrap_or_else(|error| panic!("subscribe to {master}: {error:#}"))
    }

    fn open(master: &str, request: &Request, acknowledge: Acknowledge) -> anyhow::Result<Self> {
        let mut connection = Connection::open(master)?;
        connection.send(request)?;
        let head = connection.head()?;
        if head.status != 200 {
            let body = connection.body(&head)?;
            anyhow::bail!("status {}: {}", head.status, String::from_utf8_lossy(&body));
        }
        let stream = head.header("Mesos-Stream-Id").unwrap_or_default().to_owned();
        let handle = connection.handle()?;
        let incoming = Arc::new(Stream::default());
        let (master, copy) = (master.to_owned(), incoming.clone());
        let acknowledging = (acknowledge == Acknowledge::AtOnce).then(|| (master.clone(), stream.clone()));
        thread::spawn(move || listen(connection, &copy, acknowledging));
        let mut framework = Framework { master, id: String::new(), stream, head, incoming, handle };
        let first = framework.events_when(PATIENCE, |events| !events.is_empty());
        framework.id = text(&first[0]["subscribed"]["framework_id"]["value"]);
        Ok(framework)
    }

    /// A call of this framework, on a connection of its own.
    #[track_caller]
    pub fn call(&self, kind: &str, more: Value) -> Answer {
        let mut call = json!({ "framework_id": { "value": self.id }, "type": kind });
        for (key, value) in more.as_object().into_iter().flatten() {
            call[key] = value.clone();
        }
        let request = Request::json(PATH, call.to_string()).with("Mesos-Stream-Id", &self.stream);
        ask(&self.master, &request).unwrap_or_else(|error| panic!("{kind}: {error:#}"))
    }

    /// A call that must be accepted: 202 and nothing in it.
    #[track_caller]
    pub fn tell(&self, kind: &str, more: Value) {
        let answer = self.call(kind, more);
        assert_eq!((answer.status(), answer.text().as_str()), (202, ""), "answer to {kind}");
    }

    /// All events once `enough` holds of them; panics if it does not in time.
    #[track_caller]
    pub fn events_when(&self, limit: Duration, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        match self.wait(limit, |seen| enough(&seen.events).then(|| seen.events.clone())) {
            Ok(events) => events,
            Err(last) => panic!("waited {limit:?} in vain; the last events were\n{last}"),
        }
    }

    fn wait<T>(&self, limit: Duration, found: impl Fn(&mut Seen) -> Option<T>) -> Result<T, String> {
        let end = Instant::now() + limit;
        let mut seen = self.incoming.lock();
        loop {
            if let Some(it) = found(&mut seen) {
                return Ok(it);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                let from = seen.chunks.len().saturating_sub(8);
                return Err(format!(
                    "{}{}",
                    seen.chunks[from..].join("\n"),
                    if seen.ended { "\n(the stream ended)" } else { "" }
                ));
            }
            seen = self.incoming.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn events(&self) -> Vec<Value> {
        self.incoming.lock().events.clone()
    }

    /// The chunks of the body so far, as they came.
    pub fn chunks(&self) -> Vec<String> {
        self.incoming.lock().chunks.clone()
    }

    /// Waits until the master has closed the stream.
    #[track_caller]
    pub fn await_end(&self) {
        crate::waiting::until("the end of the stream", PATIENCE, || self.incoming.lock().ended.then_some(()));
    }

    pub fn has_ended(&self) -> bool {
        self.incoming.lock().ended
    }

    /// An offer that was not used yet.
    #[track_caller]
    pub fn offer(&self) -> Value {
        self.offer_within(PATIENCE)
    }

    /// Asks for offers, so that nobody has to wait for the next allocation. The largest one: what a task that has just ended leaves
    /// may be offered by itself.
    #[track_caller]
    pub fn revived_offer(&self) -> Value {
        self.tell("REVIVE", json!({}));
        let largest = |offers: &[Value]| {
            let sizes = offers.iter().map(cpus).enumerate();
            sizes.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(index, _)| index)
        };
        match self.wait(PATIENCE, |seen| Some(seen.offers.remove(largest(&seen.offers)?))) {
            Ok(offer) => offer,
            Err(last) => panic!("no offer within {PATIENCE:?}; the last events were\n{last}"),
        }
    }

    #[track_caller]
    pub fn offer_within(&self, limit: Duration) -> Value {
        match self.wait(limit, |seen| seen.offers.pop()) {
            Ok(offer) => offer,
            Err(last) => panic!("no offer within {limit:?}; the last events were\n{last}"),
        }
    }

    /// Offers that were not used yet.
    pub fn open_offers(&self) -> Vec<Value> {
        self.incoming.lock().offers.clone()
    }

    /// ACCEPT with one LAUNCH of these tasks; each gets the offer's agent unless it names one.
    #[track_caller]
    pub fn launch(&self, offer: &Value, tasks: &[Value]) {
        let tasks: Vec<Value> = tasks.iter().map(|task| on(task, &offer["agent_id"])).collect();
        let operations = json!([{ "type": "LAUNCH", "launch": { "task_infos": tasks } }]);
        let accept = json!({ "offer_ids": [offer["id"]], "operations": operations, "filters": { "refuse_seconds": 0 } });
        self.tell("ACCEPT", json!({ "accept": accept }));
    }

    #[track_caller]
    pub fn decline(&self, offer: &Value, seconds: f64) {
        let decline = json!({ "offer_ids": [offer["id"]], "filters": { "refuse_seconds": seconds } });
        self.tell("DECLINE", json!({ "decline": decline }));
    }

    #[track_caller]
    pub fn kill(&self, task: &str) {
        self.tell("KILL", json!({ "kill": { "task_id": { "value": task } } }));
    }

    /// Every status of a task so far, in the order they came.
    pub fn statuses(&self, task: &str) -> Vec<Value> {
        let status = |event: &Value| event["update"]["status"].clone();
        self.events().iter().map(status).filter(|status| status["task_id"]["value"] == task).collect()
    }

    pub fn states(&self, task: &str) -> Vec<String> {
        self.statuses(task).iter().map(|status| text(&status["state"])).collect()
    }

    /// The first status of the task in this state.
    #[track_caller]
    pub fn await_state(&self, task: &str, state: &str) -> Value {
        let wanted = |event: &Value| {
            let status = &event["update"]["status"];
            status["task_id"]["value"] == task && status["state"] == state
        };
        let found = self.wait(PATIENCE, |seen| seen.events.iter().find(|event| wanted(event)).cloned());
        match found {
            Ok(event) => event["update"]["status"].clone(),
            Err(last) => panic!("{task} did not get to {state}; the last events were\n{last}"),
        }
    }

    /// Ends the connection, as if the scheduler had died.
    pub fn disconnect(&self) {
        self.handle.close();
    }
}

impl Drop for Framework {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Reads the stream to its end. One chunk must be one record: some clients depend on it.
fn listen(mut connection: Connection, stream: &Stream, acknowledging: Option<(String, String)>) {
    let mut framework = Value::Null;
    while let Ok(Some(chunk)) = connection.chunk() {
        let chunk = String::from_utf8_lossy(&chunk).into_owned();
        let record = chunk.split_once('\n').map_or("", |(_, record)| record);
        let event: Value = serde_json::from_str(record).unwrap_or_else(|_| json!({ "unreadable": chunk }));
        if let Some(id) = event["subscribed"].get("framework_id") {
            framework = id.clone();
        }
        {
            let mut seen = stream.lock();
            seen.offers.extend(event["offers"]["offers"].as_array().into_iter().flatten().cloned());
            seen.offers.retain(|offer| offer["id"] != event["rescind"]["offer_id"]);
            seen.chunks.push(chunk);
            seen.events.push(event.clone());
        }
        stream.changed.notify_all();
        if let Some((master, id)) = &acknowledging {
            acknowledge(master, id, &framework, &event["update"]["status"]);
        }
    }
    stream.lock().ended = true;
    stream.changed.notify_all();
}

fn acknowledge(master: &str, stream: &str, framework: &Value, status: &Value) {
    let Some(uuid) = status.get("uuid") else { return };
    let body = json!({ "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": uuid });
    let call = json!({ "framework_id": framework, "type": "ACKNOWLEDGE", "acknowledge": body });
    // If the master is away the agent sends the update again.
    let _ = ask(master, &Request::json(PATH, call.to_string()).with("Mesos-Stream-Id", stream));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn on(task: &Value, agent: &Value) -> Value {
    let mut task = task.clone();
    if task.get("agent_id").is_none() {
        task["agent_id"] = agent.clone();
    }
    task
}

fn cpus(offer: &Value) -> f64 {
    let resources = offer["resources"].as_array().into_iter().flatten();
    let of_cpus = resources.filter(|resource| resource["name"] == "cpus");
    of_cpus.filter_map(|resource| resource["scalar"]["value"].as_f64()).sum()
}

/// A scalar resource.
pub fn scalar(name: &str, value: f64) -> Value {
    json!({ "name": name, "type": "SCALAR", "scalar": { "value": value } })
}

/// 0.1 cpus and 32 MB.
pub fn small() -> Value {
    json!([scalar("cpus", 0.1), scalar("mem", 32.0)])
}

/// A task that runs a shell command.
pub fn task(id: &str, command: &str) -> Value {
    json!({ "task_id": { "value": id }, "name": id, "resources": small(), "command": { "value": command } })
}
