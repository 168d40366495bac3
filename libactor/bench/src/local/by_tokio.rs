//! No actors: a task with a channel, and a oneshot for each answer.

use anyhow::Result;
use tepui_bench::Figures;
use tokio::sync::{mpsc, oneshot};

use super::{Count, Parcel, Receiver, What, Where, measure, one_thread, other_thread};

type Post = (Parcel, Option<oneshot::Sender<u64>>);

struct Mailbox(mpsc::UnboundedSender<Post>);

impl Receiver for Mailbox {
    fn tell(&self, parcel: Parcel) {
        assert!(self.0.send((parcel, None)).is_ok(), "the receiver lives");
    }

    async fn ask(&self, parcel: Parcel) -> u64 {
        let (reply, answer) = oneshot::channel();
        assert!(self.0.send((parcel, Some(reply))).is_ok(), "the receiver lives");
        answer.await.expect("the receiver answers")
    }
}

pub fn run(what: What, place: Where) -> Result<Figures> {
    one_thread().block_on(async {
        let (mailbox, mut posts) = mpsc::unbounded_channel::<Post>();
        let count = Count::default();
        let counts = count.clone();
        let serve = async move {
            while let Some((parcel, reply)) = posts.recv().await {
                let number = counts.handle(&parcel);
                if let Some(reply) = reply {
                    let _ = reply.send(number);
                }
            }
        };
        match place {
            Where::SameThread => drop(tokio::spawn(serve)),
            Where::AcrossThreads => drop(other_thread().spawn(serve)),
        }
        Ok(measure(what, Mailbox(mailbox), count).await)
    })
}
