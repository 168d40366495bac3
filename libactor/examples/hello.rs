//! Two nodes talk: one says hello to the other, which answers. In one process here; two would do the same.
//!
//! ```text
//! cargo run -p libactor --example hello
//! ```

use libactor::{Actor, Context, Node, Pid, Receive, Routes};
use tokio::sync::oneshot;

/// What travels between nodes is a protobuf message with a name.
#[derive(Clone, PartialEq, prost::Message)]
struct Hello {
    #[prost(string, tag = "1")]
    text: String,
}

impl prost::Name for Hello {
    const NAME: &'static str = "Hello";
    const PACKAGE: &'static str = "example";
}

/// Answers whoever says hello.
struct Greeter;

impl Actor for Greeter {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Hello>();
    }
}

impl Receive<Hello> for Greeter {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, hello: Hello) {
        println!("{}: {from} says {:?}", cx.me(), hello.text);
        cx.tell(from, Hello { text: "hello, you".into() });
    }
}

/// Says hello first, and ends with the answer.
struct Visitor {
    greeter: Pid,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Visitor {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Hello>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.tell(&self.greeter, Hello { text: "hello, world".into() });
    }

    fn stopped(&mut self) {
        // Nobody may wait for it.
        let _ = self.done.take().map(|done| done.send(()));
    }
}

impl Receive<Hello> for Visitor {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, hello: Hello) {
        println!("{}: {from} says {:?}", cx.me(), hello.text);
        cx.stop();
    }
}

fn main() {
    libactor::run(async {
        let here = Node::builder().bind().await.expect("any free port");
        let there = Node::builder().bind().await.expect("any free port");
        here.serve(|_| {}).await.expect("no routes");
        there.serve(|_| {}).await.expect("no routes");

        let greeter = there.spawn("greeter", Greeter).pid().clone();
        let (done, is_done) = oneshot::channel();
        here.spawn("visitor", Visitor { greeter, done: Some(done) });

        is_done.await.expect("the visitor ends");
        here.shutdown().await;
        there.shutdown().await;
    });
}
