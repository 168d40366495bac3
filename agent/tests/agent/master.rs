//! A master that does what the test says and tells what it hears.

use libactor::{Actor, ActorRef, Context, Handler, Message, Node, Pid, Receive, Routes};
use tepui_proto::internal::{
    ExitedExecutorMessage, PingSlaveMessage, PongSlaveMessage, RegisterSlaveMessage, ReregisterSlaveMessage,
    RunTaskMessage, ShutdownMessage, SlaveRegisteredMessage, SlaveReregisteredMessage,
    StatusUpdateAcknowledgementMessage, StatusUpdateMessage, UpdateSlaveMessage,
};
use tepui_proto::v1;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the agent said.
#[derive(Debug)]
pub enum Heard {
    Register(RegisterSlaveMessage),
    Reregister(ReregisterSlaveMessage),
    Update,
    Pong,
    Status(StatusUpdateMessage),
    Exited(ExitedExecutorMessage),
}

struct Ear {
    heard: UnboundedSender<(Pid, Heard)>,
}

/// Tell the agent something.
enum Say {
    Registered(SlaveRegisteredMessage),
    Reregistered(SlaveReregisteredMessage),
    Ping,
    Run(Box<RunTaskMessage>),
    Acknowledge(StatusUpdateAcknowledgementMessage),
    Shutdown,
}

struct To(Pid, Say);

impl Message for To {
    type Reply = ();
}

impl Actor for Ear {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<RegisterSlaveMessage>()
            .message::<ReregisterSlaveMessage>()
            .message::<UpdateSlaveMessage>()
            .message::<PongSlaveMessage>()
            .message::<StatusUpdateMessage>()
            .message::<ExitedExecutorMessage>();
    }
}

impl Handler<To> for Ear {
    fn handle(&mut self, cx: &mut Context<Self>, To(to, say): To) {
        match say {
            Say::Registered(message) => cx.tell(&to, message),
            Say::Reregistered(message) => cx.tell(&to, message),
            Say::Ping => cx.tell(&to, PingSlaveMessage { connected: true }),
            Say::Run(message) => cx.tell(&to, *message),
            Say::Acknowledge(message) => cx.tell(&to, message),
            Say::Shutdown => cx.tell(&to, ShutdownMessage { message: Some("test".into()) }),
        }
    }
}

macro_rules! hears {
    ($($message:ident => $heard:expr,)*) => {
        $(impl Receive<$message> for Ear {
            fn receive(&mut self, _cx: &mut Context<Self>, from: &Pid, message: $message) {
                let heard: fn($message) -> Heard = $heard;
                // The test may be over.
                let _ = self.heard.send((from.clone(), heard(message)));
            }
        })*
    };
}

hears! {
    RegisterSlaveMessage => Heard::Register,
    ReregisterSlaveMessage => Heard::Reregister,
    UpdateSlaveMessage => |_| Heard::Update,
    PongSlaveMessage => |_| Heard::Pong,
    StatusUpdateMessage => Heard::Status,
    ExitedExecutorMessage => Heard::Exited,
}

pub const AGENT: &str = "m-S0";

/// The master and the agent it serves.
pub struct Master {
    node: Node,
    ear: ActorRef<Ear>,
    heard: UnboundedReceiver<(Pid, Heard)>,
    agent: Option<Pid>,
}

impl Master {
    pub async fn start() -> Master {
        let node = Node::builder().bind().await.unwrap();
        let (sender, heard) = unbounded_channel();
        let ear = node.spawn("master", Ear { heard: sender });
        node.serve(|_| ()).await.unwrap();
        Master { node, ear, heard, agent: None }
    }

    pub fn address(&self) -> String {
        self.node.address().to_string()
    }

    /// The next thing that `wanted` takes; what comes before it is passed over.
    pub async fn hear<T>(&mut self, wanted: impl Fn(Heard) -> Option<T>) -> T {
        loop {
            let (from, heard) = self.heard.recv().await.expect("the ear lives as long as the master");
            self.agent = Some(from);
            if let Some(found) = wanted(heard) {
                return found;
            }
        }
    }

    /// Lets the agent register, for the first time.
    pub async fn admit(&mut self) -> RegisterSlaveMessage {
        let message =
            self.hear(|heard| if let Heard::Register(message) = heard { Some(message) } else { None }).await;
        let slave_id = v1::AgentId { value: AGENT.into() };
        self.say(Say::Registered(SlaveRegisteredMessage { slave_id, connection: None }));
        self.hear(|heard| matches!(heard, Heard::Update).then_some(())).await;
        message
    }

    /// Lets the agent come back.
    pub async fn readmit(&mut self) -> ReregisterSlaveMessage {
        let message = self
            .hear(|heard| if let Heard::Reregister(message) = heard { Some(message) } else { None })
            .await;
        let slave_id = v1::AgentId { value: AGENT.into() };
        self.say(Say::Reregistered(SlaveReregisteredMessage { slave_id, ..Default::default() }));
        message
    }

    pub fn run(&self, task: v1::TaskInfo) {
        let framework = v1::FrameworkInfo {
            user: "root".into(),
            name: "test".into(),
            id: Some(v1::FrameworkId { value: "f1".into() }),
            checkpoint: Some(true),
            ..Default::default()
        };
        let message = RunTaskMessage { framework, task, launch_executor: Some(true), ..Default::default() };
        self.say(Say::Run(Box::new(message)));
    }

    /// The first status of this state; it and those before it are acknowledged.
    pub async fn status(&mut self, state: v1::TaskState) -> v1::TaskStatus {
        loop {
            let status = self.next_status().await;
            if status.state() == state {
                return status;
            }
        }
    }

    async fn next_status(&mut self) -> v1::TaskStatus {
        let message =
            self.hear(|heard| if let Heard::Status(message) = heard { Some(message) } else { None }).await;
        let status = message.update.status;
        self.say(Say::Acknowledge(StatusUpdateAcknowledgementMessage {
            slave_id: v1::AgentId { value: AGENT.into() },
            framework_id: v1::FrameworkId { value: "f1".into() },
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().expect("updates of an agent carry a uuid"),
        }));
        status
    }

    pub fn ping(&self) {
        self.say(Say::Ping);
    }

    pub fn shut_down_agent(&self) {
        self.say(Say::Shutdown);
    }

    fn say(&self, say: Say) {
        self.ear.tell(To(self.agent.clone().expect("the agent has spoken"), say));
    }
}
