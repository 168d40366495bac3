//! A chat: a room that passes on what its guests say, and forgets those whose connection is lost.
//!
//! ```text
//! cargo run -p libactor --example chat -- room 127.0.0.1:4000
//! cargo run -p libactor --example chat -- join 127.0.0.1:4000 ada
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use libactor::{Actor, Context, Exit, Handler, Message, Node, Pid, Receive, Routes};
use tokio::io::AsyncBufReadExt;

/// A guest comes.
#[derive(Clone, PartialEq, prost::Message)]
struct Join {
    #[prost(string, tag = "1")]
    name: String,
}

/// Somebody says something: a guest to the room, the room to its guests.
#[derive(Clone, PartialEq, prost::Message)]
struct Say {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    text: String,
}

impl prost::Name for Join {
    const NAME: &'static str = "Join";
    const PACKAGE: &'static str = "chat";
}

impl prost::Name for Say {
    const NAME: &'static str = "Say";
    const PACKAGE: &'static str = "chat";
}

/// As many as fit into a small room. More are not let in.
const GUESTS: usize = 100;

#[derive(Default)]
struct Room {
    guests: BTreeMap<Pid, String>,
}

impl Room {
    fn tell_all(&self, cx: &Context<Self>, name: &str, text: &str) {
        println!("{name}: {text}");
        for guest in self.guests.keys() {
            cx.tell(guest, Say { name: name.to_owned(), text: text.to_owned() });
        }
    }
}

impl Actor for Room {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Join>().message::<Say>();
    }

    fn exited(&mut self, cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        if let Some(name) = self.guests.remove(pid) {
            self.tell_all(cx, "room", &format!("{name} left ({why})"));
        }
    }
}

impl Receive<Join> for Room {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, Join { name }: Join) {
        if self.guests.len() >= GUESTS {
            return cx.tell(from, Say { name: "room".into(), text: "there is no room for more".into() });
        }
        cx.watch(from);
        self.guests.insert(from.clone(), name.clone());
        self.tell_all(cx, "room", &format!("{name} came"));
    }
}

impl Receive<Say> for Room {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, Say { text, .. }: Say) {
        // Who has not joined is not heard; who has goes by the name of then.
        if let Some(name) = self.guests.get(from).cloned() {
            self.tell_all(cx, &name, &text);
        }
    }
}

/// Joins the room, and joins it again whenever it is lost.
struct Guest {
    room: Pid,
    name: String,
}

struct JoinNow;
struct Typed(String);

impl Message for JoinNow {
    type Reply = ();
}

impl Message for Typed {
    type Reply = ();
}

impl Actor for Guest {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Say>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.actor_ref().tell(JoinNow);
    }

    fn exited(&mut self, cx: &mut Context<Self>, room: &Pid, why: Exit) {
        println!("{room}: {why}");
        // A node that is not there is dialled with back-off; one without a room answers at once.
        cx.after(Duration::from_secs(1), JoinNow);
    }
}

impl Handler<JoinNow> for Guest {
    fn handle(&mut self, cx: &mut Context<Self>, _: JoinNow) {
        cx.watch(&self.room);
        cx.tell(&self.room, Join { name: self.name.clone() });
    }
}

impl Handler<Typed> for Guest {
    fn handle(&mut self, cx: &mut Context<Self>, Typed(text): Typed) {
        cx.tell(&self.room, Say { name: self.name.clone(), text });
    }
}

impl Receive<Say> for Guest {
    fn receive(&mut self, _cx: &mut Context<Self>, _: &Pid, Say { name, text }: Say) {
        println!("{name}: {text}");
    }
}

async fn room(address: SocketAddr) {
    let node = Node::builder().listen(address).bind().await.expect("a free port");
    node.serve(|_| {}).await.expect("no routes");
    let room = node.spawn("room", Room::default());
    println!("{} is open; GET http://{address}/__processes__ shows it", room.pid());
    tokio::signal::ctrl_c().await.expect("Ctrl-C can be waited for");
    node.shutdown().await;
}

async fn join(address: SocketAddr, name: &str) {
    let node = Node::builder().bind().await.expect("any free port");
    node.serve(|_| {}).await.expect("no routes");
    let room = Pid::new("room", address).expect("a room's name");
    let guest = node.spawn("guest", Guest { room, name: name.to_owned() });
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        guest.tell(Typed(line));
    }
    node.shutdown().await;
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = |text: &str| text.parse().expect("an address is ip:port");
    match arguments[..] {
        ["room", at] => libactor::run(room(address(at))),
        ["join", at, name] => libactor::run(join(address(at), name)),
        _ => eprintln!("usage: chat room IP:PORT, or chat join IP:PORT NAME"),
    }
}
