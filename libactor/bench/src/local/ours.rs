//! libactor's actors.

use anyhow::Result;
use libactor::{Actor, ActorRef, Context, Handler, Message, Node, Worker};
use tepui_bench::Figures;

use super::{Count, Parcel, Receiver, What, Where, measure};

struct Counter(Count);

impl Actor for Counter {}

impl Message for Parcel {
    type Reply = u64;
}

impl Handler<Parcel> for Counter {
    fn handle(&mut self, _cx: &mut Context<Self>, parcel: Parcel) -> u64 {
        self.0.handle(&parcel)
    }
}

impl Receiver for ActorRef<Counter> {
    fn tell(&self, parcel: Parcel) {
        ActorRef::tell(self, parcel);
    }

    async fn ask(&self, parcel: Parcel) -> u64 {
        ActorRef::ask(self, parcel).await.expect("the receiver lives")
    }
}

pub fn run(what: What, place: Where) -> Result<Figures> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        let (count, worker) = (Count::default(), Worker::start());
        let counts = count.clone();
        let receiver = match place {
            Where::SameThread => node.spawn("counter", Counter(counts)),
            Where::AcrossThreads => node.spawn_on(&worker, "counter", move || Counter(counts)),
        };
        Ok(measure(what, receiver, count).await)
    })
}
