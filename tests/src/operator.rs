//! An operator's stream of events on `POST /api/v1`, read by the test itself: an event is there when it is asked for.

use std::time::Instant;

use serde_json::{Value, json};

use crate::framework::PATIENCE;
use crate::http::{Connection, Head, Request};

/// A subscription. What was read stays in `chunks` and `events`, in order.
pub struct Subscription {
    connection: Connection,
    pub head: Head,
    pub chunks: Vec<Vec<u8>>,
    pub events: Vec<Value>,
}

/// `SUBSCRIBE`, as JSON.
pub fn subscribe() -> Request {
    Request::json("/api/v1", json!({ "type": "SUBSCRIBE" }).to_string())
}

impl Subscription {
    /// Subscribes in JSON; panics unless the answer is a stream.
    #[track_caller]
    pub fn open(master: &str) -> Self {
        Self::ask(master, &subscribe())
    }

    #[track_caller]
    pub fn ask(master: &str, request: &Request) -> Self {
        let mut connection = Connection::open(master).expect("the master listens");
        connection.send(request).expect("the master reads");
        let head = connection.head().expect("the master answers");
        assert!(head.status == 200 && head.is_chunked(), "no stream: {head:?}");
        Subscription { connection, head, chunks: Vec::new(), events: Vec::new() }
    }

    /// The next chunk; nothing at the end of the stream.
    #[track_caller]
    pub fn chunk(&mut self) -> Option<&[u8]> {
        let chunk = self.connection.chunk().expect("a stream that goes on or ends")?;
        self.chunks.push(chunk);
        self.chunks.last().map(Vec::as_slice)
    }

    /// The next event; nothing at the end of the stream. One chunk must be one record.
    #[track_caller]
    pub fn event(&mut self) -> Option<Value> {
        let chunk = String::from_utf8(self.chunk()?.to_vec()).expect("JSON is UTF-8");
        let (length, record) = chunk.split_once('\n').unwrap_or_else(|| panic!("no record: {chunk}"));
        assert_eq!(length, record.len().to_string(), "the length of {record}");
        let event: Value = serde_json::from_str(record).unwrap_or_else(|why| panic!("{why}: {record}"));
        self.events.push(event.clone());
        Some(event)
    }

    /// Reads on until such an event comes.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.event() {
                Some(event) if wanted(&event) => return event,
                Some(_) => {}
                None => panic!("the stream ended after\n{}", self.text()),
            }
        }
        panic!("waited {PATIENCE:?} in vain; the events were\n{}", self.text())
    }

    fn text(&self) -> String {
        self.events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// What was told of tasks after the snapshot: of each event its kind, the task, and the state.
    pub fn of_tasks(&self) -> Vec<[String; 3]> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = |event: &Value| {
            let task = event["task_added"].get("task").or(event["task_updated"].get("status"))?;
            Some([text(&event["type"]), text(&task["task_id"]["value"]), text(&task["state"])])
        };
        self.events.iter().filter_map(told).collect()
    }
}
