//! Tasks with health checks, and what is told about them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::framework::{Framework, PATIENCE};
use crate::waiting::until;

/// A health check that looks five times a second from the first moment on.
pub fn health(kind: &str, more: Value) -> Value {
    let mut health = json!({
        "type": kind, "delay_seconds": 0.0, "interval_seconds": 0.2, "grace_period_seconds": 60.0, "timeout_seconds": 10.0,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        health[key] = value.clone();
    }
    health
}

/// Writes the file at once: nobody sees half of it.
pub fn set(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, file)).expect("our own directory can be written");
}

/// The first status after the first `after` ones that is like this.
#[track_caller]
pub fn await_status(framework: &Framework, id: &str, after: usize, like: impl Fn(&Value) -> bool) -> Value {
    until(format!("a status of {id}"), PATIENCE, || {
        framework.statuses(id).into_iter().skip(after).find(|status| like(status))
    })
}
