//! Messages that come in together are one parcel on their way, and are still messages each for itself.

mod cast;

use std::time::Duration;

use cast::{Note, Saw, listener, node, note, soon};
use libactor::trace::{Outcome, Query, Record};
use libactor::{Actor, Context, Node, Pid, Receive, Restart, Routes};
use prost::Message as _;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn framed(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes(), content].concat()
}

/// A field of a protobuf message that is text, bytes or a message.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128);
    [&[tag << 3 | 2, content.len() as u8], content].concat()
}

/// A note, its receiver and its name only if they are to be said.
fn deliver(to: Option<&str>, number: u64) -> Vec<u8> {
    let named = |to: &str| [field(1, to.as_bytes()), field(2, b"stranger"), field(3, b"test.Note")].concat();
    let named = to.map(named).unwrap_or_default();
    framed(&field(2, &[named, field(4, &note(number).encode_to_vec())].concat()))
}

/// A stranger that says all of it in one breath.
async fn say(node: &Node, frames: Vec<Vec<u8>>) -> TcpStream {
    let greeting = [b"\x93lactor\x02", &framed(&field(1, &field(1, b"127.0.0.1:1")))[..]].concat();
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(&[greeting, frames.concat()].concat()).await.unwrap();
    stream
}

/// What is recorded of so many notes, once all are settled, in the order in which they came.
async fn settled(node: &Node, count: usize) -> Vec<Record> {
    soon(async {
        loop {
            let mut records = node.recorder().query(&Query::default());
            records.retain(|record| record.header.name == "test.Note");
            if records.len() == count && records.iter().all(|record| record.outcome.is_settled()) {
                return records;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
}

fn outcomes(records: &[Record]) -> Vec<Outcome> {
    records.iter().map(|record| record.outcome).collect()
}

#[test]
fn a_panic_costs_one_of_them_and_the_others_wait_until_the_actor_is_put_back() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let tell = actor.0.clone();
        drop(actor);
        node.supervise("listener", Restart::default(), move || cast::Listener(tell.clone()));

        let numbers = [1, 2, u64::MAX, 4, 5];
        let frames = numbers.into_iter().enumerate();
        let frames = frames.map(|(n, number)| deliver((n == 0).then_some("listener"), number)).collect();
        let _stream = say(&node, frames).await;

        for number in [1, 2, 4, 5] {
            assert!(
                matches!(seen.next().await, Saw::Note(from, n) if n == number && from.name() == "stranger")
            );
        }
        let records = settled(&node, 5).await;
        use Outcome::{Handled, Panicked};
        assert_eq!(outcomes(&records), [Handled, Handled, Panicked, Handled, Handled]);
        node.shutdown().await;
    });
}

/// Notes what it handles; waits after 10, and ends after 0.
struct Fickle(tokio::sync::mpsc::UnboundedSender<u64>);

impl Actor for Fickle {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Note>();
    }
}

impl Receive<Note> for Fickle {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, Note { number, .. }: Note) {
        let _ = self.0.send(number);
        if number == 10 {
            let pause = tokio::task::yield_now();
            cx.wait_then(pause, |fickle, _, ()| {
                let _ = fickle.0.send(11);
            });
        }
        if number == 0 {
            cx.stop();
        }
    }
}

#[test]
fn those_behind_one_that_makes_the_actor_wait_come_after_it_and_those_behind_its_end_are_lost() {
    libactor::run(async {
        let node = node().await;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        node.spawn("fickle", Fickle(tell));

        let frames = [10, 12, 13, 0, 14, 15].map(|number| deliver(Some("fickle"), number));
        let _stream = say(&node, frames.to_vec()).await;

        let mut handled = Vec::new();
        while let Some(number) = soon(told.recv()).await {
            handled.push(number);
        }
        assert_eq!(handled, [10, 11, 12, 13, 0]);
        let records = settled(&node, 6).await;
        use Outcome::{ActorEnded, Handled};
        assert_eq!(outcomes(&records), [Handled, Handled, Handled, Handled, ActorEnded, ActorEnded]);
        let times = records.iter().map(|record| (record.began, record.ended));
        assert!(times.take(4).is_sorted(), "they were handled one after the other");
        node.shutdown().await;
    });
}

#[test]
fn messages_to_several_actors_in_one_breath_reach_each_in_order() {
    libactor::run(async {
        let node = node().await;
        let (first, mut of_first) = listener();
        let (second, mut of_second) = listener();
        node.spawn("first", first);
        node.spawn("second", second);

        let name = |number: u64| if number.is_multiple_of(3) { "first" } else { "second" };
        let frames = (1..=60).map(|number| deliver(Some(name(number)), number)).collect();
        let _stream = say(&node, frames).await;

        for number in 1..=60 {
            let seen = if name(number) == "first" { &mut of_first } else { &mut of_second };
            assert!(matches!(seen.next().await, Saw::Note(_, n) if n == number));
        }
        assert_eq!(settled(&node, 60).await.len(), 60);
        node.shutdown().await;
    });
}
