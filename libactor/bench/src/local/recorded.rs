//! What the flight recorder costs: a protobuf message, which it records, beside the same value as a plain Rust message, which it does not.

use anyhow::Result;
use libactor::{Actor, ActorRef, Context, Handler, Message, Node, Pid, Receive, Routes};
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit};

use super::{Count, Parcel, Receiver, each, measure_tell};

#[derive(Clone, PartialEq, prost::Message)]
struct Note {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint64, tag = "2")]
    first: u64,
    #[prost(uint64, tag = "3")]
    second: u64,
}

impl prost::Name for Note {
    const NAME: &'static str = "Note";
    const PACKAGE: &'static str = "libactor.bench";
}

impl From<Parcel> for Note {
    fn from(parcel: Parcel) -> Note {
        let [first, second] = parcel.payload;
        Note { number: parcel.number, first, second }
    }
}

/// The same, out of the recorder's sight.
struct Plain(Note);

impl Message for Plain {
    type Reply = ();
}

struct Counter(Count);

impl Counter {
    fn count(&self, note: &Note) {
        std::hint::black_box(note);
        self.0.one();
    }
}

impl Actor for Counter {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Note>();
    }
}

impl Receive<Note> for Counter {
    fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, note: Note) {
        self.count(&note);
    }
}

impl Handler<Plain> for Counter {
    fn handle(&mut self, _cx: &mut Context<Self>, Plain(note): Plain) {
        self.count(&note);
    }
}

struct Recorded {
    node: Node,
    from: Pid,
    to: Pid,
}

impl Receiver for Recorded {
    fn tell(&self, parcel: Parcel) {
        self.node.tell(&self.from, &self.to, Note::from(parcel));
    }

    async fn ask(&self, _parcel: Parcel) -> u64 {
        unreachable!("only told")
    }
}

struct Unrecorded(ActorRef<Counter>);

impl Receiver for Unrecorded {
    fn tell(&self, parcel: Parcel) {
        self.0.tell(Plain(Note::from(parcel)));
    }

    async fn ask(&self, _parcel: Parcel) -> u64 {
        unreachable!("only told")
    }
}

pub fn contest() -> Contest {
    let what = "a recorded local message beside a plain one";
    let target = Target::AtMostAbove(100e-9);
    Contest {
        sides: vec![
            Side::new("a local message: recorded", || run(true)),
            Side::new("a local message: plain", || run(false)),
        ],
        rows: vec![Row::new(what, Unit::Seconds, "each", target).beside("plain", 1)],
    }
}

fn run(recorded: bool) -> Result<Figures> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        let count = Count::default();
        let counter = node.spawn("counter", Counter(count.clone()));
        let figures = if recorded {
            let (from, to) = (node.pid("sender"), counter.pid().clone());
            measure_tell(&Recorded { node, from, to }, &count).await
        } else {
            measure_tell(&Unrecorded(counter), &count).await
        };
        Ok(each(&figures))
    })
}
