//! A task of a cluster of one master and one agent: from the framework's call to its news that the task runs.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use tepui_bench::{Figures, percentiles};
use tepui_tests::docker;
use tepui_tests::engine::Engine;
use tepui_tests::framework::{Framework, info, scalar};
use tepui_tests::waiting::{secs, until};

use crate::{CPUS, LINE, MEGABYTES, STARTED, WARM};

pub fn launches() -> Result<Figures> {
    let engine = Engine::start();
    let cluster = docker::cluster(&engine, &["--docker_remove_delay=0secs"]);
    let framework = Framework::subscribe(cluster.master.address(), info("bench"));
    let mut samples = Vec::with_capacity(STARTED);
    for number in 0..WARM + STARTED {
        let id = format!("t{number}");
        let mut task = docker::task(&id, LINE);
        task["container"]["docker"]["network"] = json!("NONE");
        task["resources"] = json!([scalar("cpus", CPUS), scalar("mem", f64::from(MEGABYTES))]);
        // The shell has no handler for anything gentler.
        task["kill_policy"] = json!({ "grace_period": { "nanoseconds": 0 } });
        let offer = framework.revived_offer();

        let begin = Instant::now();
        framework.launch(&offer, &[task]);
        framework.await_state(&id, "TASK_RUNNING");
        samples.push(begin.elapsed());

        framework.kill(&id);
        framework.await_state(&id, "TASK_KILLED");
        // As on the other side, the next one begins when nothing is left of this one.
        until("the container to be removed", secs(30), || engine.containers().is_empty().then_some(()));
    }
    Ok(percentiles(&mut samples[WARM..]))
}
