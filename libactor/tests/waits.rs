//! Actors that wait: for futures, for answers that come later, for each other; and what is seen of it from outside.

mod cast;

use std::time::Duration;

use cast::{Do, grown, soon};
use libactor::{
    Actor, AskError, Clock, Context, Deferred, Exit, Handler, Message, Node, Pid, Recipient, Responder,
    Restart, Timestamp,
};

/// Does as it is told.
#[derive(Default)]
struct Player {
    kept: Vec<Responder<u32>>,
    seen: Vec<u32>,
}

impl Actor for Player {}

impl Handler<Do<Player>> for Player {
    fn handle(&mut self, cx: &mut Context<Self>, Do(step): Do<Player>) {
        step(self, cx);
    }
}

fn perform(step: impl FnOnce(&mut Player, &mut Context<Player>) + Send + 'static) -> Do<Player> {
    Do(Box::new(step))
}

struct See(u32);
struct Seen;
struct Later;
struct Relay(Vec<Recipient<Relay>>);

impl Message for See {
    type Reply = u32;
}

impl Message for Seen {
    type Reply = Vec<u32>;
}

impl Message for Later {
    type Reply = Deferred<u32>;
}

impl Message for Relay {
    type Reply = Deferred<u32>;
}

impl Handler<See> for Player {
    fn handle(&mut self, _: &mut Context<Self>, See(number): See) -> u32 {
        self.seen.push(number);
        number
    }
}

impl Handler<Seen> for Player {
    fn handle(&mut self, _: &mut Context<Self>, _: Seen) -> Vec<u32> {
        self.seen.clone()
    }
}

impl Handler<Later> for Player {
    fn handle(&mut self, cx: &mut Context<Self>, _: Later) -> Deferred<u32> {
        let (responder, answer) = cx.defer();
        self.kept.push(responder);
        answer
    }
}

/// Asks the next one, and answers with what that one answers.
impl Handler<Relay> for Player {
    fn handle(&mut self, cx: &mut Context<Self>, Relay(mut rest): Relay) -> Deferred<u32> {
        let (responder, answer) = cx.defer();
        match rest.pop() {
            Some(next) => {
                let asked = next.ask(Relay(rest));
                cx.spawn_then(async move { asked.await?.await }, |_, _, answer| {
                    if let Ok(number) = answer {
                        responder.send(number);
                    }
                });
            }
            None => self.kept.push(responder),
        }
        answer
    }
}

async fn virtual_node() -> (Node, Clock) {
    let clock = Clock::starting_at(Timestamp::from_nanos(0));
    let node = Node::builder().clock(clock.clone()).bind().await.expect("a free port");
    (node, clock)
}

#[test]
fn an_actor_that_waits_handles_nothing_until_the_future_is_done() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let player = node.spawn("player", Player::default());

        player.tell(perform(|_, cx| {
            let sleep = cx.clock().sleep(Duration::from_secs(10));
            cx.wait_then(sleep, |player, cx, ()| {
                player.seen.push(1);
                // A wait may follow a wait.
                cx.wait_then(async {}, |player, _, ()| player.seen.push(2));
            });
        }));
        player.tell(See(3));
        let seen = player.ask(Seen);
        clock.advance(Duration::from_secs(9)).await;
        assert_eq!(node.top().actors[0].depth, 2);
        clock.advance(Duration::from_secs(1)).await;

        assert_eq!(soon(seen).await, Ok(vec![1, 2, 3]));
        node.shutdown().await;
    });
}

#[test]
fn an_actor_that_waits_for_ever_ends_with_its_node() {
    libactor::run(async {
        let (node, _) = virtual_node().await;
        let player = node.spawn("player", Player::default());
        player.tell(perform(|_, cx| cx.wait_then(std::future::pending::<()>(), |_, _, ()| {})));
        let exited = node.exited(player.pid());

        node.shutdown().await;

        soon(exited).await;
    });
}

#[test]
fn a_panic_while_an_actor_waits_ends_it() {
    libactor::run(async {
        let (node, _) = virtual_node().await;
        let player = node.spawn("player", Player::default());

        player.tell(perform(|_, cx| cx.wait_then(async { panic!("for the test") }, |_, _, ()| {})));

        assert_eq!(soon(player.ask(See(1))).await, Err(AskError::Ended(player.pid().clone())));
        node.shutdown().await;
    });
}

#[test]
fn an_answer_may_come_after_other_messages_and_its_loss_is_told() {
    libactor::run(async {
        let (node, _) = virtual_node().await;
        let player = node.spawn("player", Player::default());

        let (first, second) = (player.ask(Later).await.unwrap(), player.ask(Later).await.unwrap());
        assert_eq!(player.ask(See(1)).await, Ok(1));
        player.tell(perform(|player, _| player.kept.remove(0).send(7)));

        assert_eq!(soon(first).await, Ok(7));
        player.tell(perform(|player, _| player.kept.clear()));
        assert_eq!(soon(second).await, Err(AskError::Ended(player.pid().clone())));
        node.shutdown().await;
    });
}

fn ring(node: &Node, names: &[&str]) -> Vec<Vec<Pid>> {
    vec![names.iter().map(|name| node.pid(name)).collect()]
}

#[test]
fn two_that_wait_for_each_other_are_reported_within_a_second() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let before = cast::counter("libactor/wait_cycles");
        let [a, b] = ["a", "b"].map(|name| node.spawn(name, Player::default()));

        for (asker, asked) in [(&a, b.clone()), (&b, a.clone())] {
            asker.tell(perform(move |_, cx| {
                let asked = asked.ask(See(1));
                cx.wait_then(asked, |_, _, _| {});
            }));
        }
        clock.advance(Duration::from_millis(999)).await;

        grown("libactor/wait_cycles", before).await;
        let top = node.top();
        assert_eq!(top.cycles, ring(&node, &["a", "b"]));
        assert!(top.waits.iter().all(|wait| wait.blocks && wait.message.ends_with("See")));
        // Once for one ring.
        clock.advance(Duration::from_secs(60)).await;
        assert_eq!(cast::counter("libactor/wait_cycles"), before + 1.0);
        node.shutdown().await;
    });
}

#[test]
fn three_that_owe_each_other_an_answer_are_reported_within_a_second() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let before = cast::counter("libactor/wait_cycles");
        let [a, b, c] = ["a", "b", "c"].map(|name| node.spawn(name, Player::default()));

        // a asks b, b asks c, c asks a, and a keeps that question for later.
        let rest = vec![a.recipient(), c.recipient(), b.recipient()];
        a.tell(Relay(rest));
        clock.advance(Duration::from_millis(999)).await;

        grown("libactor/wait_cycles", before).await;
        assert_eq!(node.top().cycles, ring(&node, &["a", "b", "c"]));
        node.shutdown().await;
    });
}

#[test]
fn a_long_chain_of_those_who_wait_is_no_deadlock() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let before = cast::counter("libactor/wait_cycles");
        let players: Vec<_> =
            (0..200).map(|number| node.spawn(&format!("p{number:03}"), Player::default())).collect();
        let mut rest: Vec<_> = players.iter().skip(1).map(|player| player.recipient()).collect();
        rest.reverse();

        let answer = players[0].ask(Relay(rest)).await.unwrap();
        clock.advance(Duration::from_secs(30)).await;
        let top = node.top();
        assert!(top.cycles.is_empty() && top.waits.len() == 199, "{} waits", top.waits.len());
        players[199].tell(perform(|player, _| player.kept.remove(0).send(5)));

        assert_eq!(soon(answer).await, Ok(5));
        clock.advance(Duration::from_secs(1)).await;
        assert!(node.top().waits.is_empty());
        assert_eq!(cast::counter("libactor/wait_cycles"), before);
        node.shutdown().await;
    });
}

#[test]
fn who_looks_sees_depth_age_rate_and_what_is_handled() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let player = node.spawn("player", Player::default());
        let quiet = node.top().actors.remove(0);
        assert_eq!((quiet.depth, quiet.handled, quiet.handling, quiet.stuck), (0, 0, None, false));

        for number in 0..50 {
            player.tell(See(number));
        }
        clock.advance(Duration::from_secs(2)).await;
        let worked = node.top().actors.remove(0);
        assert_eq!((worked.handled, worked.rate), (50, 25.0));
        // The handler hangs, and looks itself.
        let ours = node.clone();
        player.tell(See(1));
        player.tell(perform(move |_, cx| {
            cx.actor_ref().tell(See(2));
            let first = ours.top().actors.remove(0);
            assert_eq!((first.depth, first.stuck), (2, false));
            assert!(first.handling.is_some_and(|name| name.contains("Do<")));
        }));

        assert_eq!(soon(player.ask(See(3))).await, Ok(3));
        node.shutdown().await;
    });
}

#[test]
fn a_handler_that_hangs_is_called_stuck_after_a_second_until_it_ends() {
    libactor::run(async {
        let node = cast::node().await;
        let worker = libactor::Worker::start();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let player = node.spawn_on(&worker, "player", Player::default);
        let load = |node: &Node| {
            let actors = node.top().actors;
            actors.into_iter().find(|load| load.actor.name() == "player").expect("it lives")
        };
        assert!(!load(&node).stuck);

        player.tell(perform(move |_, _| {
            let _ = wait.recv();
        }));
        let stuck = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let load = load(&node);
                if load.stuck {
                    return load.handling_for;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;

        // Before anything may fail: the worker's end waits for the handler's.
        drop(go_on);
        assert!(stuck.is_ok_and(|handling_for| handling_for >= Duration::from_secs(1)));
        assert_eq!(soon(player.ask(See(1))).await, Ok(1));
        assert!(!load(&node).stuck);
        node.shutdown().await;
    });
}

#[test]
fn a_supervised_actor_is_put_back_with_its_mailbox_and_its_watchers_hear_of_it() {
    libactor::run(async {
        let (node, clock) = virtual_node().await;
        let restart = Restart::default()
            .at_most(1, Duration::from_secs(60))
            .after(Duration::from_secs(1), Duration::from_secs(1));
        let player = node.supervise("player", restart, Player::default);
        assert_eq!(player.ask(See(1)).await, Ok(1));
        let exited = node.exited(player.pid());

        player.tell(perform(|_, _| panic!("for the test")));
        let seen = player.ask(Seen);
        clock.advance(Duration::from_millis(999)).await;
        assert_eq!(soon(exited).await, Exit::Panicked);
        let again = node.exited(player.pid());
        clock.advance(Duration::from_millis(1)).await;

        // What it had seen is lost, and what waited is not.
        assert_eq!(soon(seen).await, Ok(vec![]));
        player.tell(perform(|_, _| panic!("once too often")));
        assert_eq!(soon(again).await, Exit::Panicked);
        assert_eq!(soon(node.exited(player.pid())).await, Exit::Missing);
        node.shutdown().await;
    });
}

/// Panics when it is to end.
struct Sore;

impl Actor for Sore {
    fn stopped(&mut self) {
        panic!("for the test");
    }
}

#[test]
fn a_supervised_actor_that_panics_while_it_ends_is_not_put_back() {
    libactor::run(async {
        let (node, _clock) = virtual_node().await;
        let sore = node.supervise("sore", Restart::default(), || Sore);
        let exited = node.exited(sore.pid());

        sore.stop();

        assert_eq!(soon(exited).await, Exit::Panicked);
        assert_eq!(soon(node.exited(sore.pid())).await, Exit::Missing);
        node.shutdown().await;
    });
}

#[test]
fn two_futures_that_panic_at_once_put_a_supervised_actor_back_once() {
    libactor::run(async {
        let (node, _clock) = virtual_node().await;
        let restart =
            Restart::default().at_most(1, Duration::from_secs(60)).after(Duration::ZERO, Duration::ZERO);
        let player = node.supervise("player", restart, Player::default);
        let exited = node.exited(player.pid());

        player.tell(perform(|_, cx| {
            cx.spawn(async { panic!("for the test") });
            cx.spawn(async { panic!("for the test, too") });
        }));

        assert_eq!(soon(exited).await, Exit::Panicked);
        assert_eq!(soon(player.ask(Seen)).await, Ok(vec![]));
        node.shutdown().await;
    });
}
