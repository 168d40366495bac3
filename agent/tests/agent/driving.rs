//! An executor as libmesos has it: a driver that speaks the libprocess wire and the unversioned messages.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use libactor::{Actor, Context, Node, Pid, Receive, Routes};
use tepui_proto::internal::{
    ExecutorRegisteredMessage, ExecutorReregisteredMessage, ReconnectExecutorMessage,
    RegisterExecutorMessage, ReregisterExecutorMessage, RunTaskMessage, ShutdownExecutorMessage,
    StatusUpdate, StatusUpdateAcknowledgementMessage, StatusUpdateMessage,
};
use tepui_proto::v1::{self, TaskState};
use tokio::sync::mpsc;

use crate::master::{AGENT, Master};
use crate::site::{Site, run, task};

#[derive(Debug, PartialEq)]
enum Heard {
    Registered(String),
    Reregistered(String),
    Reconnect(String),
    Run(String),
    Acknowledged(String),
    Shutdown,
}

struct Ear(mpsc::UnboundedSender<Heard>);

impl Actor for Ear {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<ExecutorRegisteredMessage>()
            .message::<ExecutorReregisteredMessage>()
            .message::<ReconnectExecutorMessage>()
            .message::<RunTaskMessage>()
            .message::<StatusUpdateAcknowledgementMessage>()
            .message::<ShutdownExecutorMessage>();
    }
}

macro_rules! hears {
    ($($message:ident => $heard:expr,)*) => {
        $(impl Receive<$message> for Ear {
            fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, message: $message) {
                let heard: fn($message) -> Heard = $heard;
                // The test may be over.
                let _ = self.0.send(heard(message));
            }
        })*
    };
}

hears! {
    ExecutorRegisteredMessage => |message| Heard::Registered(message.executor_info.executor_id.value),
    ExecutorReregisteredMessage => |message| Heard::Reregistered(message.slave_id.value),
    ReconnectExecutorMessage => |message| Heard::Reconnect(message.slave_id.value),
    RunTaskMessage => |message| Heard::Run(message.task.task_id.value),
    StatusUpdateAcknowledgementMessage => |message| Heard::Acknowledged(message.task_id.value),
    ShutdownExecutorMessage => |_| Heard::Shutdown,
}

struct Driver {
    node: Node,
    me: Pid,
    agent: Pid,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Driver {
    async fn of(agent: SocketAddr) -> Driver {
        let node = Node::builder().bind().await.unwrap();
        let (sender, heard) = mpsc::unbounded_channel();
        node.spawn("executor(1)", Ear(sender));
        node.serve(|_| ()).await.unwrap();
        node.speak_libprocess(agent);
        let agent = Pid::new("slave(1)", agent).unwrap();
        Driver { me: node.pid("executor(1)"), node, agent, heard }
    }

    /// What it hears next; but for answers to attempts to register that were answered before.
    async fn hears(&mut self, expected: Heard) {
        loop {
            match self.heard.recv().await {
                Some(Heard::Registered(_)) => {}
                other => return assert_eq!(other, Some(expected)),
            }
        }
    }

    /// Until the agent, which may not have heard of the task yet, takes it in.
    async fn registers(&mut self) {
        while self.heard.is_empty() {
            let message =
                RegisterExecutorMessage { framework_id: framework_id(), executor_id: executor_id() };
            self.node.tell(&self.me, &self.agent, message);
            let moment = Duration::from_millis(200);
            if let Ok(heard) = tokio::time::timeout(moment, self.heard.recv()).await {
                assert_eq!(heard, Some(Heard::Registered("e1".into())));
                return;
            }
        }
    }

    fn says(&self, state: TaskState) {
        let update = update(state);
        let message = StatusUpdateMessage { update, pid: Some(self.me.to_string()) };
        self.node.tell(&self.me, &self.agent, message);
    }
}

fn framework_id() -> v1::FrameworkId {
    v1::FrameworkId { value: "f1".into() }
}

fn executor_id() -> v1::ExecutorId {
    v1::ExecutorId { value: "e1".into() }
}

fn update(state: TaskState) -> StatusUpdate {
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: "t1".into() },
        state: state as i32,
        ..v1::TaskStatus::default()
    };
    StatusUpdate {
        framework_id: framework_id(),
        executor_id: Some(executor_id()),
        slave_id: Some(v1::AgentId { value: AGENT.into() }),
        status,
        timestamp: 1.0,
        uuid: Some(Bytes::copy_from_slice(&[state as u8 + 1; 16])),
        latest_state: None,
    }
}

#[test]
fn a_driver_runs_its_task_and_survives_a_restart_of_the_agent() {
    run(async {
        let mut master = Master::start().await;
        let mut site = Site::new(&master);
        site.config.executor_reregistration_timeout = Duration::from_secs(10);
        let agent = site.start().await;
        master.admit().await;
        let mut driver = Driver::of(agent.address()).await;

        master.run(task("t1", "e1", "sleep 1000"));
        driver.registers().await;
        driver.hears(Heard::Run("t1".into())).await;
        driver.says(TaskState::TaskRunning);
        driver.hears(Heard::Acknowledged("t1".into())).await;
        master.status(TaskState::TaskRunning).await;
        agent.shutdown().await;
        let agent = site.start().await;

        driver.hears(Heard::Reconnect(AGENT.into())).await;
        let again = ReregisterExecutorMessage {
            executor_id: executor_id(),
            framework_id: framework_id(),
            tasks: vec![task("t1", "e1", "sleep 1000")],
            updates: vec![update(TaskState::TaskFinished)],
        };
        driver.node.tell(&driver.me, &driver.agent, again);
        driver.hears(Heard::Reregistered(AGENT.into())).await;
        driver.hears(Heard::Acknowledged("t1".into())).await;
        master.readmit().await;
        master.shut_down_agent();
        driver.hears(Heard::Shutdown).await;
        agent.ended().await;
        agent.shutdown().await;
        driver.node.shutdown().await;
    });
}
