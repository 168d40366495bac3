//! Talks to programs built on the C++ libprocess: pings an agent of Apache Mesos, or plays a master to its scheduler driver.
//!
//! ```text
//! cargo run -p libactor --example libprocess_peer -- ping 127.0.0.1:5050
//! cargo run -p libactor --example libprocess_peer -- master 127.0.0.1:5055
//! ```

use std::net::SocketAddr;

use libactor::{Actor, Context, Exit, Node, Pid, Receive, Routes};
use tokio::sync::mpsc;

/// The few fields of Mesos' messages that are needed here; prost ignores the others.
mod mesos {
    macro_rules! named {
        ($($message:ident),*) => {$(
            impl prost::Name for $message {
                const NAME: &'static str = stringify!($message);
                const PACKAGE: &'static str = "mesos.internal";
            }
        )*};
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct PingSlaveMessage {
        #[prost(bool, required, tag = "1")]
        pub connected: bool,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct PongSlaveMessage {}

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct AuthenticateMessage {
        #[prost(string, required, tag = "1")]
        pub pid: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct AuthenticationMechanismsMessage {
        #[prost(string, repeated, tag = "1")]
        pub mechanisms: Vec<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Id {
        #[prost(string, required, tag = "1")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MasterInfo {
        #[prost(string, required, tag = "1")]
        pub id: String,
        #[prost(uint32, required, tag = "2")]
        pub ip: u32,
        #[prost(uint32, required, tag = "3")]
        pub port: u32,
        #[prost(string, optional, tag = "4")]
        pub pid: Option<String>,
        #[prost(string, optional, tag = "5")]
        pub hostname: Option<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct FrameworkRegisteredMessage {
        #[prost(message, required, tag = "1")]
        pub framework_id: Id,
        #[prost(message, required, tag = "2")]
        pub master_info: MasterInfo,
    }

    /// `mesos.scheduler.Call`.
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Call {
        #[prost(int32, optional, tag = "2")]
        pub r#type: Option<i32>,
    }

    named!(
        PingSlaveMessage,
        PongSlaveMessage,
        AuthenticateMessage,
        AuthenticationMechanismsMessage,
        FrameworkRegisteredMessage,
        Call
    );
}

const SUBSCRIBE: i32 = 1;

type Done = mpsc::UnboundedSender<()>;

/// Pings the agent and asks the master whether it authenticates; then waits for their end.
struct Pinger {
    program: SocketAddr,
    done: Done,
}

impl Actor for Pinger {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<mesos::PongSlaveMessage>().message::<mesos::AuthenticationMechanismsMessage>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        let agent = Pid::new("slave(1)", self.program).expect("an agent's name");
        let master = Pid::new("master", self.program).expect("a master's name");
        cx.watch(&agent);
        cx.tell(&agent, mesos::PingSlaveMessage { connected: true });
        cx.tell(&master, mesos::AuthenticateMessage { pid: cx.me().to_string() });
    }

    fn exited(&mut self, _cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        println!("{pid} exited: {why}");
        let _ = self.done.send(());
    }
}

impl Receive<mesos::PongSlaveMessage> for Pinger {
    fn receive(&mut self, _cx: &mut Context<Self>, from: &Pid, _: mesos::PongSlaveMessage) {
        println!("pong from {from}");
    }
}

impl Receive<mesos::AuthenticationMechanismsMessage> for Pinger {
    fn receive(
        &mut self,
        _cx: &mut Context<Self>,
        from: &Pid,
        answer: mesos::AuthenticationMechanismsMessage,
    ) {
        println!("{from} authenticates by {}", answer.mechanisms.join(", "));
    }
}

/// Registers every framework that subscribes, and makes no offers.
struct Master {
    done: Done,
}

impl Actor for Master {
    fn install(routes: &mut Routes<Self>) {
        routes.message_as::<mesos::Call>("mesos.scheduler.Call");
    }

    fn exited(&mut self, _cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        println!("{pid} exited: {why}");
        let _ = self.done.send(());
    }
}

impl Receive<mesos::Call> for Master {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, call: mesos::Call) {
        println!("call {} from {from}", call.r#type());
        if call.r#type != Some(SUBSCRIBE) {
            return;
        }
        let SocketAddr::V4(address) = cx.me().address() else { return };
        let master_info = mesos::MasterInfo {
            id: "libactor".into(),
            // As its four bytes lie in the memory of a little-endian machine.
            ip: u32::from_le_bytes(address.ip().octets()),
            port: address.port().into(),
            pid: Some(cx.me().to_string()),
            hostname: Some(address.ip().to_string()),
        };
        cx.watch(from);
        let framework_id = mesos::Id { value: "libactor-0000".into() };
        cx.tell(from, mesos::FrameworkRegisteredMessage { framework_id, master_info });
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (role, address) = match &arguments[..] {
        [role, address] => (role.as_str(), address.parse::<SocketAddr>().expect("an address is ip:port")),
        _ => panic!("usage: libprocess_peer ping|master IP:PORT"),
    };
    libactor::run(async {
        let (done, mut is_done) = mpsc::unbounded_channel();
        let listen = if role == "master" { address } else { SocketAddr::new(address.ip(), 0) };
        let node = Node::builder().listen(listen).bind().await.expect("a free port");
        node.serve(|_| {}).await.expect("no routes");
        if role == "master" {
            node.spawn("master", Master { done });
        } else {
            node.speak_libprocess(address);
            node.spawn("pinger", Pinger { program: address, done });
        }
        println!("listening on {}", node.address());
        is_done.recv().await;
        node.shutdown().await;
    });
}
