//! A store of keys and values: asked with a time limit, and put back by a supervisor when it panics.
//!
//! ```text
//! cargo run -p libactor --example kv
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use libactor::{Actor, ActorRef, Context, Exit, Handler, Message, Node, Pid};

/// Long for a map in memory.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Store(BTreeMap<String, String>);

struct Put(&'static str, &'static str);
struct Get(&'static str);

impl Actor for Store {}

impl Message for Put {
    type Reply = Option<String>;
}

impl Message for Get {
    type Reply = Option<String>;
}

impl Handler<Put> for Store {
    fn handle(&mut self, _cx: &mut Context<Self>, Put(key, value): Put) -> Option<String> {
        assert_ne!(key, "poison", "this key makes the store panic");
        self.0.insert(key.into(), value.into())
    }
}

impl Handler<Get> for Store {
    fn handle(&mut self, _cx: &mut Context<Self>, Get(key): Get) -> Option<String> {
        self.0.get(key).cloned()
    }
}

/// Keeps a store running. What was in it is lost with it: a panic leaves nothing that could be trusted.
struct Supervisor {
    store: Option<ActorRef<Store>>,
}

/// The store of now.
struct Current;

impl Message for Current {
    type Reply = Option<ActorRef<Store>>;
}

impl Supervisor {
    fn start_store(&mut self, cx: &mut Context<Self>) {
        let store = cx.node().spawn("store", Store::default());
        cx.watch(store.pid());
        self.store = Some(store);
    }
}

impl Actor for Supervisor {
    fn started(&mut self, cx: &mut Context<Self>) {
        self.start_store(cx);
    }

    fn exited(&mut self, cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        println!("{pid} {why}");
        self.store = None;
        if why == Exit::Panicked {
            self.start_store(cx);
        }
    }
}

impl Handler<Current> for Supervisor {
    fn handle(&mut self, _cx: &mut Context<Self>, _: Current) -> Option<ActorRef<Store>> {
        self.store.clone()
    }
}

/// Asks the store of now, and says what came of it.
async fn ask<M: Message<Reply = Option<String>>>(supervisor: &ActorRef<Supervisor>, what: &str, message: M)
where
    Store: Handler<M>,
{
    let Ok(Some(store)) = supervisor.ask(Current).await else { return println!("{what}: no store") };
    match tokio::time::timeout(PATIENCE, store.ask(message)).await {
        Ok(Ok(value)) => println!("{what}: {value:?}"),
        Ok(Err(error)) => println!("{what}: {error}"),
        Err(_) => println!("{what}: no answer within {PATIENCE:?}"),
    }
}

fn main() {
    libactor::run(async {
        let node = Node::builder().bind().await.expect("any free port");
        let supervisor = node.spawn("supervisor", Supervisor { store: None });

        ask(&supervisor, "put colour", Put("colour", "red")).await;
        ask(&supervisor, "put colour", Put("colour", "blue")).await;
        ask(&supervisor, "get colour", Get("colour")).await;
        ask(&supervisor, "put poison", Put("poison", "")).await;
        ask(&supervisor, "get colour", Get("colour")).await;

        node.shutdown().await;
    });
}
