//! ractor's actors.

use anyhow::Result;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tepui_bench::Figures;

use super::{Count, Parcel, Receiver, What, Where, measure, one_thread, other_thread};

struct Counter(Count);

enum Post {
    Told(Parcel),
    Asked(Parcel, RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Post;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _me: ActorRef<Post>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _me: ActorRef<Post>, post: Post, (): &mut ()) -> Result<(), ActorProcessingErr> {
        match post {
            Post::Told(parcel) => {
                self.0.handle(&parcel);
            }
            Post::Asked(parcel, reply) => reply.send(self.0.handle(&parcel))?,
        }
        Ok(())
    }
}

impl Receiver for ActorRef<Post> {
    fn tell(&self, parcel: Parcel) {
        self.cast(Post::Told(parcel)).expect("the receiver lives");
    }

    async fn ask(&self, parcel: Parcel) -> u64 {
        let answer = self.call(|reply| Post::Asked(parcel, reply), None).await;
        answer.expect("the receiver lives").expect("the receiver answers")
    }
}

pub fn run(what: What, place: Where) -> Result<Figures> {
    one_thread().block_on(async {
        let count = Count::default();
        let counts = count.clone();
        let start = Actor::spawn(None, Counter(counts), ());
        let (receiver, _) = match place {
            Where::SameThread => start.await?,
            Where::AcrossThreads => other_thread().spawn(start).await??,
        };
        Ok(measure(what, receiver, count).await)
    })
}
