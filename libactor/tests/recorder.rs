//! The flight recorder of a node at work: whatever becomes of a message, it is recorded, once.

mod cast;

use std::collections::BTreeMap;

use cast::{Do, Note, Riddle, listener, node, note, served, soon};
use libactor::trace::{Outcome, Query, Record};
use libactor::{Actor, Context, Handler, Message, Node, Pid, Receive, Routes};
use proptest::prelude::*;

/// Encodes as nothing that is a [`Note`].
#[derive(Clone, PartialEq, prost::Message)]
struct Garbage {
    #[prost(string, tag = "1")]
    text: String,
}

impl prost::Name for Garbage {
    const NAME: &'static str = "Garbage";
    const PACKAGE: &'static str = "test";
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Handled,
    Panics,
    Nobody,
    Unknown,
    Garbage,
    Elsewhere,
    NobodyElsewhere,
    UnknownElsewhere,
    TooLarge,
    Unreachable,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    prop_oneof![
        4 => Just(Handled),
        1 => Just(Panics),
        2 => Just(Nobody),
        2 => Just(Unknown),
        2 => Just(Garbage),
        4 => Just(Elsewhere),
        2 => Just(NobodyElsewhere),
        2 => Just(UnknownElsewhere),
        1 => Just(TooLarge),
        1 => Just(Unreachable),
        1 => Just(Stop),
    ]
}

/// What may become of it at its sender's node, given that the actors may have ended before or meanwhile.
fn possible(step: Step) -> &'static [Outcome] {
    use Outcome::*;
    match step {
        Step::Handled => &[Handled, ActorEnded, NoSuchActor],
        Step::Panics => &[Panicked, ActorEnded, NoSuchActor],
        Step::Nobody => &[NoSuchActor],
        Step::Unknown => &[NoSuchMessage, NoSuchActor],
        Step::Garbage => &[Malformed, ActorEnded, NoSuchActor],
        Step::Elsewhere => &[Sent, NoSuchActor, ShutDown, ConnectionLost],
        Step::NobodyElsewhere => &[NoSuchActor, Sent, ShutDown, ConnectionLost],
        Step::UnknownElsewhere => &[NoSuchMessage, NoSuchActor, Sent, ShutDown, ConnectionLost],
        Step::TooLarge => &[TooLarge],
        // The last when the link is ending just then.
        Step::Unreachable => &[Unreachable, ShutDown, ConnectionLost],
        Step::Stop => &[],
    }
}

const FRAME: usize = 64 << 10;

fn perform(
    step: Step,
    from: &Pid,
    here: &Node,
    there: &Node,
    gone: &Pid,
    listener: &libactor::ActorRef<cast::Listener>,
) {
    let (me, theirs) = (listener.pid(), there.pid("listener"));
    match step {
        Step::Handled => here.tell(from, me, note(1)),
        Step::Panics => here.tell(from, me, note(u64::MAX)),
        Step::Nobody => here.tell(from, &here.pid("nobody"), note(1)),
        Step::Unknown => here.tell(from, me, Riddle {}),
        Step::Garbage => {
            // Only an actor may give a message another name.
            let teller = here.spawn(&format!("teller-{}", from.name()), Teller);
            teller.tell(Tell(me.clone()));
        }
        Step::Elsewhere => here.tell(from, &theirs, note(1)),
        Step::NobodyElsewhere => here.tell(from, &there.pid("nobody"), note(1)),
        Step::UnknownElsewhere => here.tell(from, &theirs, Riddle {}),
        Step::TooLarge => here.tell(from, &theirs, Note { number: 1, text: "x".repeat(FRAME) }),
        Step::Unreachable => here.tell(from, gone, note(1)),
        Step::Stop => listener.stop(),
    }
}

struct Teller;
struct Tell(Pid);

impl Actor for Teller {}

impl Message for Tell {
    type Reply = ();
}

impl Handler<Tell> for Teller {
    fn handle(&mut self, cx: &mut Context<Self>, Tell(to): Tell) {
        cx.tell_as(&to, "test.Note", Garbage { text: "no number".into() });
        cx.stop();
    }
}

/// Does the steps, shuts the nodes down without waiting for anything but the sender's own actor, and gives the records of both.
fn played(steps: Vec<Step>, waits: bool) -> (Vec<Record>, Vec<Record>) {
    libactor::run(async move {
        let here = served(Node::builder().largest_frame(FRAME).flight_recorder(1 << 20)).await;
        let there = served(Node::builder().flight_recorder(1 << 20)).await;
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let gone = Pid::new("anybody", gone).unwrap();
        let (ours, _seen) = listener();
        let (theirs, _heard) = listener();
        let ours = here.spawn("listener", ours);
        there.spawn("listener", theirs);

        for (number, step) in steps.into_iter().enumerate() {
            perform(step, &here.pid(&format!("step-{number}")), &here, &there, &gone, &ours);
        }
        if waits {
            let _ = ours.ask(Do(Box::new(|_, _| {}))).await;
        }
        here.shutdown().await;
        there.shutdown().await;
        (here.recorder().query(&Query::default()), there.recorder().query(&Query::default()))
    })
}

fn number(record: &Record) -> usize {
    let from = record.header.from.name();
    from.trim_start_matches("teller-").trim_start_matches("step-").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn whatever_becomes_of_a_message_is_recorded_once(
        steps in prop::collection::vec(step(), 1..40),
        waits in any::<bool>(),
    ) {
        let (here, there) = played(steps.clone(), waits);

        let mut outcomes: BTreeMap<usize, Vec<Outcome>> = BTreeMap::new();
        for record in &here {
            outcomes.entry(number(record)).or_default().push(record.outcome);
            prop_assert!(record.outcome.is_settled());
            prop_assert!(record.sent.is_some());
            prop_assert!(record.ended.is_some() || record.outcome == Outcome::Sent, "{record:?}");
            prop_assert!(record.began.is_none() || record.began <= record.ended);
        }
        for (number, step) in steps.iter().enumerate() {
            let recorded = outcomes.remove(&number).unwrap_or_default();
            // A teller that was cut off by the end of the node has sent nothing.
            let sends = !matches!(step, Step::Stop | Step::Garbage);
            prop_assert!(recorded.len() <= 1 && (!sends || recorded.len() == 1), "{step:?} {recorded:?}");
            prop_assert!(recorded.iter().all(|outcome| possible(*step).contains(outcome)), "{step:?} {recorded:?}");
        }
        prop_assert!(outcomes.is_empty());
        for record in &there {
            prop_assert!(record.outcome.is_settled() && record.sent.is_none() && record.received.is_some());
        }
    }
}

/// Waits in its handler until it is let go.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Actor for Stuck {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Note>();
    }
}

impl Receive<Note> for Stuck {
    fn receive(&mut self, cx: &mut Context<Self>, _: &Pid, note: Note) {
        cx.tag("note", &note.number.to_string());
        let _ = self.0.recv();
    }
}

#[test]
fn a_stuck_message_and_those_behind_it_are_seen_while_they_are_stuck() {
    libactor::run(async {
        let node = node().await;
        let (permit, permits) = std::sync::mpsc::channel();
        let worker = libactor::Worker::start();
        let stuck = node.spawn_on(&worker, "stuck", move || Stuck(permits));
        let me = node.pid("me");

        node.tell(&me, stuck.pid(), note(1));
        node.tell(&me, stuck.pid(), note(2));

        let outcomes = || -> Vec<Outcome> {
            node.recorder().query(&Query::default()).iter().map(|record| record.outcome).collect()
        };
        until(|| outcomes() == [Outcome::Handling, Outcome::Waiting]).await;
        let query = Query { tag: Some(("note".into(), "1".into())), ..Query::default() };
        until(|| !node.recorder().query(&query).is_empty()).await;
        let record = &node.recorder().query(&query)[0];
        assert_eq!((record.sent, record.ended), (record.received, None));
        assert!(record.began >= record.received);
        assert_eq!(record.tags, [("note".to_owned(), "1".to_owned())]);
        drop(permit);
        until(|| outcomes() == [Outcome::Handled, Outcome::Handled]).await;
        node.shutdown().await;
    });
}

#[test]
fn a_handler_that_goes_straight_on_begins_when_the_one_before_it_ended() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        let me = node.pid("me");

        // Both wait before the actor's first turn on this thread.
        node.tell(&me, listener.pid(), note(1));
        node.tell(&me, listener.pid(), note(2));
        seen.next().await;
        seen.next().await;

        let records = node.recorder().query(&Query::default());
        assert!(records[0].ended.is_some());
        assert_eq!(records[0].ended, records[1].began);
        node.tell(&me, listener.pid(), note(3));
        seen.next().await;
        let records = node.recorder().query(&Query::default());
        assert!(records[2].began >= records[2].received);
        node.shutdown().await;
    });
}

async fn until(mut is_so: impl FnMut() -> bool) {
    soon(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
