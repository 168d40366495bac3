//! What is counted, under the names operators know from Mesos' `/metrics/snapshot`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use tepui_proto::v1;

/// A counter's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Counter(pub Cow<'static, str>);

impl Counter {
    /// A counter with a fixed name.
    pub const fn named(name: &'static str) -> Counter {
        Counter(Cow::Borrowed(name))
    }

    /// `master/task_<state>/source_<source>/reason_<reason>`.
    pub fn task_reason(
        state: v1::TaskState,
        source: v1::task_status::Source,
        reason: v1::task_status::Reason,
    ) -> Counter {
        let state = state.as_str_name().to_lowercase();
        let source = source.as_str_name().to_lowercase();
        let reason = reason.as_str_name().to_lowercase();
        Counter(Cow::Owned(format!("master/{state}/{source}/{reason}")))
    }

    /// `master/tasks_<state>`, for the states that end a task.
    pub fn ended(state: v1::TaskState) -> Counter {
        let state = state.as_str_name().trim_start_matches("TASK_").to_lowercase();
        Counter(Cow::Owned(format!("master/tasks_{state}")))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
