//! The agent of a replay: it registers, reports what it is told to, and notes what it hears.

use std::net::SocketAddr;

use libactor::{Actor, Context, Node, Pid, Receive, Routes};
use prost::Name;
use tepui_model::{Resources, Role};
use tepui_proto::internal::{
    KillTaskMessage, PingSlaveMessage, PongSlaveMessage, RegisterSlaveMessage, RunTaskMessage,
    ShutdownFrameworkMessage, SlaveRegisteredMessage, StatusUpdateAcknowledgementMessage,
    StatusUpdateMessage, UpdateFrameworkMessage,
};
use tepui_proto::v1;
use tokio::sync::mpsc;

/// The agent of the recordings.
const RESOURCES: &str = "cpus:4;mem:4096;disk:10000;ports:[31000-32000]";

pub struct Agent {
    node: Node,
    pid: Pid,
    master: Pid,
    heard: mpsc::UnboundedReceiver<&'static str>,
}

struct Ear(mpsc::UnboundedSender<&'static str>);

impl Actor for Ear {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<PingSlaveMessage>()
            .message::<SlaveRegisteredMessage>()
            .message::<RunTaskMessage>()
            .message::<KillTaskMessage>()
            .message::<StatusUpdateAcknowledgementMessage>()
            .message::<UpdateFrameworkMessage>()
            .message::<ShutdownFrameworkMessage>();
    }
}

impl Receive<PingSlaveMessage> for Ear {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, _: PingSlaveMessage) {
        cx.tell(from, PongSlaveMessage {});
    }
}

macro_rules! notes {
    ($($message:ident),*) => {$(
        impl Receive<$message> for Ear {
            fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, _: $message) {
                // The test may be over.
                let _ = self.0.send($message::NAME);
            }
        }
    )*};
}

notes!(
    SlaveRegisteredMessage,
    RunTaskMessage,
    KillTaskMessage,
    StatusUpdateAcknowledgementMessage,
    UpdateFrameworkMessage,
    ShutdownFrameworkMessage
);

impl Agent {
    pub async fn registered(master: SocketAddr) -> Agent {
        let node = Node::builder().listen("127.0.0.1:0".parse().unwrap()).bind().await.unwrap();
        let (sender, mut heard) = mpsc::unbounded_channel();
        node.spawn("slave(1)", Ear(sender));
        node.serve(|_| ()).await.unwrap();
        let (pid, master) = (node.pid("slave(1)"), super::pid(&format!("master@{master}")));
        // A master that has just started is still reading its registry, and drops what it is told.
        while heard.is_empty() {
            node.tell(&pid, &master, register());
            let second = std::time::Duration::from_secs(1);
            if let Ok(Some(first)) = tokio::time::timeout(second, heard.recv()).await {
                assert_eq!(first, "SlaveRegisteredMessage");
                break;
            }
        }
        Agent { node, pid, master, heard }
    }

    pub fn pid(&self) -> &Pid {
        &self.pid
    }

    pub fn report(&self, update: StatusUpdateMessage) {
        let message = StatusUpdateMessage { pid: Some(self.pid.to_string()), ..update };
        self.node.tell(&self.pid, &self.master, message);
    }

    /// Everything it heard since it registered; until the framework's end, if that comes.
    pub async fn heard(&mut self, ends: bool) -> Vec<String> {
        let mut all = Vec::new();
        while ends && all.last().is_none_or(|last| last != ShutdownFrameworkMessage::NAME) {
            all.push(self.heard.recv().await.unwrap().to_owned());
        }
        // It may have asked twice, and been answered twice.
        all.retain(|name| name != SlaveRegisteredMessage::NAME);
        all
    }
}

fn register() -> RegisterSlaveMessage {
    use v1::agent_info::capability::Type;
    let resources = Resources::parse(RESOURCES, &Role::star()).unwrap();
    let kinds =
        [Type::MultiRole, Type::HierarchicalRole, Type::ReservationRefinement, Type::AgentOperationFeedback];
    let agent_capabilities =
        kinds.map(|kind| v1::agent_info::Capability { r#type: Some(kind as i32) }).to_vec();
    RegisterSlaveMessage {
        slave: v1::AgentInfo {
            hostname: "localhost".into(),
            port: Some(5051),
            resources: resources.to_wire(),
            ..v1::AgentInfo::default()
        },
        version: Some("1.11.0".into()),
        agent_capabilities,
        ..RegisterSlaveMessage::default()
    }
}
