//! Actors of one node: order, asks, panics, fairness, futures, timers in virtual time.

mod cast;

use std::time::Duration;

use cast::{Do, Listener, Riddle, Saw, listener, node, note, perform, soon};
use libactor::{Actor, Clock, Context, Exit, Handler, Message, Node, Timestamp, Worker};

struct Counter {
    count: u64,
}

impl Actor for Counter {}

struct Add(u64);

impl Message for Add {
    type Reply = u64;
}

impl Handler<Add> for Counter {
    fn handle(&mut self, _cx: &mut Context<Self>, Add(number): Add) -> u64 {
        assert!(number < 1000, "told to panic");
        self.count += number;
        self.count
    }
}

#[test]
fn messages_of_one_sender_arrive_in_order_and_as_values() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        let me = node.pid("me");

        for number in 0..1000 {
            node.tell(&me, listener.pid(), note(number));
        }

        for number in 0..1000 {
            assert_eq!(seen.next().await, Saw::Note(me.clone(), number));
        }
        node.shutdown().await;
    });
}

#[test]
fn an_ask_is_answered_also_from_another_thread() {
    libactor::run(async {
        let node = node().await;
        let worker = Worker::start();
        let here = node.spawn("here", Counter { count: 0 });
        let there = node.spawn_on(&worker, "there", || Counter { count: 5 });

        assert_eq!(here.ask(Add(1)).await, Ok(1));
        assert_eq!(soon(there.ask(Add(1))).await, Ok(6));
        assert_eq!(there.recipient().ask(Add(1)).await, Ok(7));
        node.shutdown().await;
    });
}

#[test]
fn a_panic_ends_its_actor_and_nothing_else() {
    libactor::run(async {
        let node = node().await;
        let (victim, other) =
            (node.spawn("victim", Counter { count: 0 }), node.spawn("other", Counter { count: 0 }));

        let answer = soon(victim.ask(Add(1000))).await;

        assert_eq!(*answer.unwrap_err().actor(), *victim.pid());
        assert_eq!(soon(node.exited(victim.pid())).await, Exit::Missing);
        assert_eq!(other.ask(Add(2)).await, Ok(2));
        // The name is free again.
        assert_eq!(node.spawn("victim", Counter { count: 0 }).ask(Add(3)).await, Ok(3));
        node.shutdown().await;
    });
}

#[test]
fn a_name_is_taken_until_its_actor_has_ended() {
    libactor::run(async {
        let node = node().await;
        let first = node.spawn("one", Counter { count: 0 });

        assert!(node.try_spawn("one", Counter { count: 0 }).is_err());
        assert!(node.try_spawn("a/b", Counter { count: 0 }).is_err());
        first.stop();
        assert_eq!(soon(node.exited(first.pid())).await, Exit::Stopped);

        assert!(node.try_spawn("one", Counter { count: 0 }).is_ok());
        assert!(first.ask(Add(1)).await.is_err());
        node.shutdown().await;
    });
}

#[test]
fn the_end_of_a_worker_is_the_end_of_its_actors() {
    libactor::run(async {
        let node = node().await;
        let worker = Worker::start();
        let counter = node.spawn_on(&worker, "counter", || Counter { count: 0 });
        let exited = node.exited(counter.pid());

        drop(worker);

        assert_eq!(soon(exited).await, Exit::Stopped);
        node.shutdown().await;
    });
}

/// Tells itself the same thing again, for ever.
struct Busy;
struct Again;

impl Actor for Busy {
    fn started(&mut self, cx: &mut Context<Self>) {
        cx.actor_ref().tell(Again);
    }
}

impl Message for Again {
    type Reply = ();
}

impl Handler<Again> for Busy {
    fn handle(&mut self, cx: &mut Context<Self>, _: Again) {
        cx.actor_ref().tell(Again);
    }
}

#[test]
fn an_actor_that_is_never_idle_lets_others_have_their_turn() {
    libactor::run(async {
        let node = node().await;
        node.spawn("busy", Busy);
        let counter = node.spawn("counter", Counter { count: 0 });

        for round in 1..=100 {
            assert_eq!(soon(counter.ask(Add(1))).await, Ok(round));
        }
        node.shutdown().await;
    });
}

#[test]
fn a_future_of_an_actor_goes_on_as_its_step() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);

        listener.tell(perform(|_, cx| {
            cx.spawn_then(async { 41 }, |_, cx, number| {
                let me = cx.me().clone();
                cx.tell(&me, note(number + 1));
            });
        }));

        assert_eq!(seen.next().await, Saw::Note(listener.pid().clone(), 42));
        node.shutdown().await;
    });
}

#[test]
fn a_panic_in_a_future_ends_its_actor() {
    libactor::run(async {
        let node = node().await;
        let listener = node.spawn("listener", listener().0);
        let exited = node.exited(listener.pid());

        listener.tell(perform(|_, cx| cx.spawn_then(async { panic!("for the test") }, |_, _, ()| {})));

        assert_eq!(soon(exited).await, Exit::Panicked);
        node.shutdown().await;
    });
}

async fn virtual_node() -> (Node, Clock) {
    let clock = Clock::starting_at(Timestamp::from_nanos(0));
    let node = Node::builder().clock(clock.clone()).bind().await.expect("a free port");
    (node, clock)
}

/// Tells itself its number, so that it shows up as a note.
fn later(delay: u64, number: u64) -> Do<Listener> {
    perform(move |_, cx| {
        let tell = perform(move |_, cx: &mut Context<Listener>| {
            let me = cx.me().clone();
            cx.tell(&me, note(number));
        });
        cx.after(Duration::from_secs(delay), tell);
    })
}

#[test]
fn timers_fire_in_order_when_virtual_time_passes() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        listener.tell(later(3600, 3));
        listener.tell(later(10, 1));
        listener.tell(later(60, 2));

        clock.advance(Duration::from_secs(9)).await;
        assert!(seen.nothing_more());
        clock.advance(Duration::from_secs(7200)).await;

        for number in 1..=3 {
            assert_eq!(seen.next().await, Saw::Note(listener.pid().clone(), number));
        }
        assert_eq!(clock.now(), Timestamp::from_nanos(7_209_000_000_000));
        node.shutdown().await;
    });
}

#[derive(Clone)]
struct Tick;

impl Message for Tick {
    type Reply = ();
}

impl Handler<Tick> for Listener {
    fn handle(&mut self, cx: &mut Context<Self>, _: Tick) {
        let (me, now) = (cx.me().clone(), cx.now());
        cx.tell(&me, note(now.as_secs_f64() as u64));
    }
}

#[test]
fn a_repeated_timer_goes_on_until_it_is_cancelled() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        listener.tell(perform(|_, cx| {
            let timer = cx.every(Duration::from_secs(15), Tick);
            cx.spawn_then(cx.clock().sleep(Duration::from_secs(50)), move |_, cx, ()| cx.cancel(&timer));
        }));
        clock.advance(Duration::from_secs(600)).await;

        for second in [15, 30, 45] {
            assert_eq!(seen.next().await, Saw::Note(listener.pid().clone(), second));
        }
        assert!(seen.nothing_more());
        node.shutdown().await;
    });
}

#[test]
fn what_an_actor_does_not_receive_is_recorded_and_hurts_nobody() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        let me = node.pid("me");

        node.tell(&me, listener.pid(), Riddle {});
        node.tell(&me, &node.pid("nobody"), note(1));
        node.tell(&me, listener.pid(), note(2));

        assert_eq!(seen.next().await, Saw::Note(me, 2));
        let outcomes: Vec<String> =
            node.recorder().query(&Default::default()).iter().map(|r| r.outcome.to_string()).collect();
        assert_eq!(outcomes[..2], ["no such message", "no such actor"]);
        node.shutdown().await;
    });
}
