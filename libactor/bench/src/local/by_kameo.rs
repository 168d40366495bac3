//! kameo's actors, with mailboxes that are not bounded, as those of the others are not.

use anyhow::Result;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};
use tepui_bench::Figures;

use super::{Count, Parcel, Receiver, What, Where, measure, one_thread, other_thread};

#[derive(kameo::Actor)]
struct Counter(Count);

impl Message<Parcel> for Counter {
    type Reply = u64;

    async fn handle(&mut self, parcel: Parcel, _cx: &mut Context<Self, Self::Reply>) -> u64 {
        self.0.handle(&parcel)
    }
}

impl Receiver for ActorRef<Counter> {
    fn tell(&self, parcel: Parcel) {
        self.tell(parcel).try_send().expect("the receiver lives");
    }

    async fn ask(&self, parcel: Parcel) -> u64 {
        self.ask(parcel).await.expect("the receiver lives")
    }
}

pub fn run(what: What, place: Where) -> Result<Figures> {
    one_thread().block_on(async {
        let count = Count::default();
        let counts = count.clone();
        let start = async move { Counter::spawn_with_mailbox(Counter(counts), kameo::mailbox::unbounded()) };
        let receiver = match place {
            Where::SameThread => start.await,
            Where::AcrossThreads => other_thread().spawn(start).await?,
        };
        Ok(measure(what, receiver, count).await)
    })
}
