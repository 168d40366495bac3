//! The launch of a task as the master's `/__trace__/tree` tells of it, with everything that can go wrong.

use serde_json::{Value, json};

use super::hop::Hop;
use super::tree::Tree;

const MASTER: &str = "master@10.0.0.1:5050";
const AGENT: &str = "slave(1)@10.0.0.7:5051";
const FRAMEWORK: &str = "http(6a1c-0001)@10.0.0.1:5050";
const EXECUTOR: &str = "executor-<1>@10.0.0.7:40001";

/// Offer to update; one update is sent twice, one message is lost and one still waits.
pub fn launch() -> Tree {
    let hops = [
        hop("0a", None, FRAMEWORK, "mesos.v1.scheduler.Event", [Some(0), None, None, None], "sent")
            .with("kind", "OFFERS"),
        hop(
            "0b",
            Some("0a"),
            MASTER,
            "mesos.v1.scheduler.Call",
            [None, Some(1200), Some(1212), Some(1522)],
            "handled",
        )
        .from(FRAMEWORK)
        .with("kind", "ACCEPT"),
        hop(
            "0c",
            Some("0b"),
            AGENT,
            "mesos.internal.RunTaskMessage",
            [Some(1500), Some(1680), Some(1700), Some(2800)],
            "handled",
        ),
        hop(
            "0d",
            Some("0c"),
            EXECUTOR,
            "mesos.v1.executor.Event",
            [Some(90_000), Some(90_150), Some(90_160), Some(90_410)],
            "handled",
        )
        .from(AGENT)
        .with("kind", "LAUNCH"),
        hop(
            "0e",
            Some("0d"),
            AGENT,
            "mesos.v1.executor.Call",
            [Some(90_400), Some(90_300), Some(90_900), Some(91_000)],
            "handled",
        )
        .from(EXECUTOR)
        .with("kind", "UPDATE")
        .with("state", "TASK_RUNNING"),
        hop(
            "0f",
            Some("0e"),
            MASTER,
            "mesos.internal.StatusUpdateMessage",
            [Some(91_000), None, None, None],
            "connection lost",
        )
        .from(AGENT)
        .with("state", "TASK_RUNNING"),
        hop(
            "10",
            Some("0e"),
            MASTER,
            "mesos.internal.StatusUpdateMessage",
            [Some(10_091_000), Some(10_091_200), None, None],
            "waiting",
        )
        .from(AGENT)
        .with("state", "TASK_RUNNING")
        .again(),
    ];
    let hops = hops.into_iter().map(|Line(hop)| serde_json::from_value::<Hop>(hop).expect("a hop"));
    Tree::new(hops.collect())
}

struct Line(Value);

/// Times are microseconds since the first hop.
fn hop(
    id: &str,
    cause: Option<&str>,
    to: &str,
    message: &str,
    times: [Option<u64>; 4],
    outcome: &str,
) -> Line {
    let [sent, received, began, ended] = times.map(|time| Some(1_700_000_000_000_000_000 + time? * 1000));
    let long = |id: &str| format!("{id:0>16}");
    Line(json!({
        "node": "10.0.0.1:5050", "trace": long("0a"), "id": long(id), "cause": cause.map(long),
        "from": MASTER, "to": to, "message": message, "size": 420, "logical": long("0"),
        "sent": sent, "received": received, "began": began, "ended": ended,
        "outcome": outcome, "tags": { "task": ["web-1"] },
    }))
}

impl Line {
    fn from(mut self, from: &str) -> Line {
        self.0["from"] = from.into();
        self
    }

    fn again(mut self) -> Line {
        self.0["repeats"] = json!(1);
        self
    }

    fn with(mut self, tag: &str, value: &str) -> Line {
        self.0["tags"][tag] = json!([value]);
        self
    }
}
