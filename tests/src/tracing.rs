//! `tepui trace`, asked of a cluster.

use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::binary;
use crate::cluster::Cluster;
use crate::framework::task;

pub fn trace(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = binary::command(&["trace"]);
    command.args(arguments).arg(format!("--master={}", cluster.master.address()));
    command.stdin(Stdio::null()).output().expect("the binary can be run")
}

/// What it printed.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What must not be seen anywhere, and what Mesos shows in its state but nobody should see fly by.
pub const SECRET: &str = "hush-7c1e5a";
pub const SECRET_IN_BASE64: &str = "aHVzaC03YzFlNWE";
pub const VALUE: &str = "token-91be04";

/// A task that runs with a secret and a plain variable, and one whose image nobody can fetch without a secret.
pub fn with_secrets() -> [Value; 2] {
    let secret = json!({ "type": "VALUE", "value": { "data": SECRET_IN_BASE64.to_owned() + "=" } });
    let mut runs = task("secretive", "sleep 300");
    runs["command"]["environment"] = json!({ "variables": [
        { "name": "PASSWORD", "type": "SECRET", "secret": secret },
        { "name": "TOKEN", "value": VALUE },
    ] });
    let mut fails = task("imaginary", "true");
    let docker = json!({ "name": "private", "config": secret });
    fails["container"] =
        json!({ "type": "MESOS", "mesos": { "image": { "type": "DOCKER", "docker": docker } } });
    [runs, fails]
}
