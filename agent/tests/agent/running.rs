//! Tasks from the master to their executor and back, and what is left of them.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use tepui_proto::v1::TaskState::{TaskFailed, TaskRunning};

use crate::executor::{get, post};
use crate::master::{Heard, Master};
use crate::site::{Site, executor, run, task, until};

#[test]
fn an_agent_registers_answers_pings_and_says_so() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;

        let register = master.admit().await;
        assert_eq!(register.slave.hostname, "node7");
        assert_eq!(register.version(), "1.11.0");
        master.ping();
        master.hear(|heard| matches!(heard, Heard::Pong).then_some(())).await;

        let state: Value = serde_json::from_str(&get(agent.address(), "/slave(1)/state").await.body).unwrap();
        assert_eq!(state["id"], "m-S0");
        assert_eq!(state["resources"]["ports"], "[31000-32000]");
        let metrics: Value =
            serde_json::from_str(&get(agent.address(), "/metrics/snapshot").await.body).unwrap();
        assert_eq!(metrics["slave/registered"], 1.0);
        agent.shutdown().await;
    });
}

#[test]
fn a_task_goes_from_the_master_to_its_executor_and_its_states_come_back() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;
        master.admit().await;

        master.run(task("t1", "e1", "env > partial; mv partial environment; sleep 1000"));
        let executor = executor(&agent, "e1");
        let refused = executor.subscribe(json!([])).await;
        let mut events = match refused {
            Ok(events) => events,
            // The agent may not have heard of the task yet.
            Err(_) => {
                until("the executor's environment", || site.sandbox("e1").join("environment").exists()).await;
                executor.subscribe(json!([])).await.unwrap()
            }
        };
        let subscribed = events.next_of("SUBSCRIBED").await;
        assert_eq!(subscribed["subscribed"]["executor_info"]["executor_id"], json!({ "value": "e1" }));
        let launch = events.next_of("LAUNCH").await;
        assert_eq!(launch["launch"]["task"]["task_id"]["value"], "t1");

        assert_eq!(executor.update("t1", "TASK_RUNNING", 1).await.status, 202);
        assert_eq!(events.next_of("ACKNOWLEDGED").await["acknowledged"]["task_id"]["value"], "t1");
        let status = master.status(TaskRunning).await;
        assert!(status.container_status.unwrap().executor_pid.unwrap() > 0);
        until("the environment", || site.sandbox("e1").join("environment").exists()).await;
        let environment = fs::read_to_string(site.sandbox("e1").join("environment")).unwrap();
        let endpoint = format!("MESOS_AGENT_ENDPOINT={}\n", agent.address());
        assert!(
            environment.contains(&endpoint) && environment.contains("MESOS_CHECKPOINT=1\n"),
            "{environment}"
        );

        let tasks = post(agent.address(), "/slave(1)/api/v1", r#"{"type":"GET_TASKS"}"#).await;
        let tasks: Value = serde_json::from_str(&tasks.body).unwrap();
        assert_eq!(tasks["get_tasks"]["launched_tasks"][0]["state"], "TASK_RUNNING");
        assert_eq!(tasks["get_tasks"]["queued_tasks"], json!([]));
        master.shut_down_agent();
        events.next_of("SHUTDOWN").await;
        agent.ended().await;
        agent.shutdown().await;
    });
}

#[test]
fn a_fetch_that_fails_fails_the_task_with_the_reason() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;
        master.admit().await;
        let mut unfetchable = task("t1", "e1", "true");
        let command = unfetchable.executor.as_mut().unwrap().command.as_mut().unwrap();
        command
            .uris
            .push(tepui_proto::v1::command_info::Uri { value: "ftp://x/y".into(), ..Default::default() });

        master.run(unfetchable);

        let status = master.status(TaskFailed).await;
        assert_eq!(status.reason().as_str_name(), "REASON_CONTAINER_LAUNCH_FAILED");
        assert!(
            status.message().starts_with("Failed to launch container: fetch ftp://x/y"),
            "{}",
            status.message()
        );
        agent.shutdown().await;
    });
}

#[test]
fn what_an_ended_executor_leaves_is_collected() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        site.config.gc_delay = Duration::ZERO;
        site.config.disk_watch_interval = Duration::from_millis(20);
        let agent = site.start().await;
        master.admit().await;

        master.run(task("t1", "e1", "exit 7"));
        let exited = master.hear(|heard| if let Heard::Exited(exited) = heard { Some(exited) } else { None });
        assert_eq!(exited.await.status, 7 << 8);
        master.status(TaskFailed).await;

        let frameworks =
            ["slaves/m-S0/frameworks", "meta/slaves/m-S0/frameworks"].map(|p| site.config.work_dir.join(p));
        for directory in frameworks {
            until("everything is deleted", || fs::read_dir(&directory).is_ok_and(|all| all.count() == 0))
                .await;
        }
        agent.shutdown().await;
    });
}

#[test]
fn sandboxes_are_shown_by_their_names() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        let agent = site.start().await;
        master.admit().await;
        master.run(task("t1", "e1", "echo hello; exit 1"));
        master.status(TaskFailed).await;

        let path = "/files/read?path=/frameworks/f1/executors/e1/runs/latest/stdout&offset=0";
        let read = get(agent.address(), path).await;

        assert_eq!(read.body, r#"{"data":"hello\n","offset":0}"#);
        agent.shutdown().await;
    });
}
