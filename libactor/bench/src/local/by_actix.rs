//! actix's actors, in an arbiter of their own when they live across threads.

use actix::{Actor, Addr, Arbiter, Context, Handler, Message, System};
use anyhow::Result;
use tepui_bench::Figures;

use super::{Count, Parcel, Receiver, What, Where, measure};

struct Counter(Count);

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Message for Parcel {
    type Result = u64;
}

impl Handler<Parcel> for Counter {
    type Result = u64;

    fn handle(&mut self, parcel: Parcel, _cx: &mut Context<Self>) -> u64 {
        self.0.handle(&parcel)
    }
}

impl Receiver for Addr<Counter> {
    fn tell(&self, parcel: Parcel) {
        self.do_send(parcel);
    }

    async fn ask(&self, parcel: Parcel) -> u64 {
        self.send(parcel).await.expect("the receiver lives")
    }
}

pub fn run(what: What, place: Where) -> Result<Figures> {
    System::new().block_on(async {
        let count = Count::default();
        let counts = count.clone();
        let receiver = match place {
            Where::SameThread => Counter(counts).start(),
            Where::AcrossThreads => Counter::start_in_arbiter(&Arbiter::new().handle(), |_| Counter(counts)),
        };
        Ok(measure(what, receiver, count).await)
    })
}
