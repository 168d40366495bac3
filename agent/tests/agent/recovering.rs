//! An agent that starts again over what an earlier one left: executors, tasks, updates.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use tepui_proto::v1::TaskState::{TaskFailed, TaskFinished, TaskLost, TaskRunning};

use crate::executor::Events;
use crate::master::{Heard, Master};
use crate::site::{Site, executor, run, task, until};

/// A running task `t1` on executor `e1`, its state acknowledged.
async fn running(master: &mut Master, site: &mut Site) -> (tepui_agent::Running, Events) {
    let agent = site.start().await;
    master.admit().await;
    master.run(task("t1", "e1", "touch started; sleep 1000"));
    until("the executor starts", || site.sandbox("e1").join("started").exists()).await;
    let mut events = executor(&agent, "e1").subscribe(json!([])).await.unwrap();
    events.next_of("SUBSCRIBED").await;
    events.next_of("LAUNCH").await;
    executor(&agent, "e1").update("t1", "TASK_RUNNING", 1).await;
    master.status(TaskRunning).await;
    (agent, events)
}

/// The helper that leads the container's session.
fn container_pid(site: &Site) -> Pid {
    let text = fs::read_to_string(site.meta("e1").join("pids/forked.pid")).unwrap();
    Pid::from_raw(text.parse().unwrap())
}

/// Kills the command, and with it its session; the helper that waits for it lives on.
fn end(site: &Site) {
    let helper = container_pid(site);
    for process in procfs::process::all_processes().unwrap().flatten() {
        if process.stat().is_ok_and(|stat| stat.ppid == helper.as_raw()) {
            // Those that the helper inherited meanwhile lead no group, and are being killed with theirs.
            let _ = kill(Pid::from_raw(-process.pid), Signal::SIGKILL);
        }
    }
}

#[test]
fn an_executor_outlives_its_agent_and_goes_on_with_the_next() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let (agent, _events) = running(&mut master, &mut site).await;
        agent.shutdown().await;
        assert!(kill(container_pid(&site), None).is_ok(), "the container lives on");

        let agent = site.start().await;
        let mut events = executor(&agent, "e1").subscribe(json!([])).await.unwrap();
        events.next_of("SUBSCRIBED").await;
        let reregister = master.readmit().await;
        assert_eq!(reregister.tasks.len(), 1);
        assert_eq!(reregister.tasks[0].state().as_str_name(), "TASK_RUNNING");
        assert_eq!(reregister.executor_infos.len(), 1);

        executor(&agent, "e1").update("t1", "TASK_FINISHED", 2).await;
        master.status(TaskFinished).await;
        end(&site);
        let exited =
            master.hear(|heard| if let Heard::Exited(exited) = heard { Some(exited) } else { None }).await;
        assert_eq!(exited.status, 9);
        until("the run is marked as over", || site.meta("e1").join("executor.sentinel").exists()).await;
        agent.shutdown().await;
    });
}

#[test]
fn an_executor_that_ended_while_the_agent_was_away_fails_its_task() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let (agent, _events) = running(&mut master, &mut site).await;
        agent.shutdown().await;
        end(&site);
        let helper = container_pid(&site);
        until("the helper has noted the end", || {
            procfs::process::Process::new(helper.as_raw())
                .and_then(|p| p.stat())
                .map_or(true, |stat| stat.state == 'Z')
        })
        .await;

        let agent = site.start().await;
        master.readmit().await;

        let status = master.status(TaskFailed).await;
        assert_eq!(status.reason().as_str_name(), "REASON_EXECUTOR_TERMINATED");
        agent.shutdown().await;
    });
}

#[test]
fn an_executor_that_does_not_come_back_is_destroyed() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let (agent, _events) = running(&mut master, &mut site).await;
        agent.shutdown().await;

        let agent = site.start().await;
        master.readmit().await;

        let status = master.status(TaskLost).await;
        assert_eq!(status.reason().as_str_name(), "REASON_EXECUTOR_REREGISTRATION_TIMEOUT");
        agent.shutdown().await;
    });
}

#[test]
fn an_unacknowledged_update_is_told_by_the_next_agent() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let (agent, mut events) = running(&mut master, &mut site).await;
        executor(&agent, "e1").update("t1", "TASK_FINISHED", 2).await;
        // It is on disk once the executor hears so; nobody acknowledges it to the agent.
        events.next_of("ACKNOWLEDGED").await;
        events.next_of("ACKNOWLEDGED").await;
        agent.shutdown().await;
        end(&site);

        let agent = site.start().await;
        let reregister = master.readmit().await;
        assert_eq!(reregister.tasks[0].state().as_str_name(), "TASK_FINISHED");

        master.status(TaskFinished).await;
        agent.shutdown().await;
    });
}
