//! A store of keys and values: asked with a time limit, and put back when it panics.
//!
//! ```text
//! cargo run -p libactor --example kv
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use libactor::{Actor, ActorRef, Context, Handler, Message, Node, Restart};

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

/// Asks the store, and says what came of it.
async fn ask<M: Message<Reply = Option<String>>>(store: &ActorRef<Store>, what: &str, message: M)
where
    Store: Handler<M>,
{
    match tokio::time::timeout(PATIENCE, store.ask(message)).await {
        Ok(Ok(value)) => println!("{what}: {value:?}"),
        Ok(Err(error)) => println!("{what}: {error}"),
        Err(_) => println!("{what}: no answer within {PATIENCE:?}"),
    }
}

fn main() {
    libactor::run(async {
        let node = Node::builder().bind().await.expect("any free port");
        // What was in it is lost with a panic, which leaves nothing that could be trusted; its handles stay good.
        let restart = Restart::default().after(Duration::from_millis(10), Duration::from_secs(1));
        let store = node.supervise("store", restart, Store::default);

        ask(&store, "put colour", Put("colour", "red")).await;
        ask(&store, "put colour", Put("colour", "blue")).await;
        ask(&store, "get colour", Get("colour")).await;
        ask(&store, "put poison", Put("poison", "")).await;
        ask(&store, "get colour", Get("colour")).await;

        node.shutdown().await;
    });
}
