//! Questions by pid: answered here and elsewhere alike, and each way in which no answer can come has its name.

mod cast;

use std::time::Duration;

use cast::cluster::get_json;
use cast::{Riddle, node, note, soon};
use futures::FutureExt as _;
use libactor::limits::QUESTIONS_PER_CONNECTION;
use libactor::{Actor, Answer, AskError, Context, Node, Pid, Request, Responder, Routes};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[derive(Clone, PartialEq, prost::Message)]
struct Double {
    #[prost(uint64, tag = "1")]
    number: u64,
}

impl prost::Name for Double {
    const NAME: &'static str = "Double";
    const PACKAGE: &'static str = "test";
}

impl Request for Double {
    type Reply = cast::Note;
}

impl Request for Riddle {
    type Reply = cast::Note;
}

/// Doubles; keeps a question about 1 for ever, drops one about 2, panics over 3, and stops over 4.
#[derive(Default)]
struct Oracle {
    kept: Vec<Responder<cast::Note>>,
}

impl Actor for Oracle {
    fn install(routes: &mut Routes<Self>) {
        routes.request::<Double>();
    }
}

impl Answer<Double> for Oracle {
    fn answer(&mut self, cx: &mut Context<Self>, _: &Pid, double: Double, reply: Responder<cast::Note>) {
        match double.number {
            1 => self.kept.push(reply),
            2 => {}
            3 => panic!("for the test"),
            4 => {
                self.kept.push(reply);
                cx.stop();
            }
            number => reply.send(note(2 * number)),
        }
    }
}

const LIMIT: Duration = Duration::from_secs(10);

async fn asked(node: &Node, to: &Pid, number: u64) -> Result<u64, AskError> {
    let answer = node.ask(&node.pid("me"), to, Double { number }, LIMIT);
    soon(answer).await.map(|note| note.number)
}

/// The same whether the actor is here or elsewhere.
async fn questions_are_answered(asker: &Node, home: &Node) {
    let oracle = home.spawn("oracle", Oracle::default());
    let pid = oracle.pid().clone();

    assert_eq!(asked(asker, &pid, 21).await, Ok(42));
    assert_eq!(asked(asker, &pid, 2).await, Err(AskError::Ended(pid.clone())));
    let nobody = home.pid("nobody");
    assert_eq!(asked(asker, &nobody, 5).await, Err(AskError::NoSuchActor(nobody)));
    let riddle = soon(asker.ask(&asker.pid("me"), &pid, Riddle {}, LIMIT)).await;
    assert_eq!(riddle, Err(AskError::NotUnderstood { actor: pid.clone(), message: "test.Riddle" }));
    let limit = Duration::from_millis(20);
    let late = soon(asker.ask(&asker.pid("me"), &pid, Double { number: 1 }, limit)).await;
    assert_eq!(late, Err(AskError::TimedOut { actor: pid.clone(), limit }));
    assert_eq!(asked(asker, &pid, 4).await, Err(AskError::Ended(pid.clone())));
    soon(home.exited(&pid)).await;
    let oracle = home.spawn("oracle", Oracle::default());
    assert_eq!(asked(asker, oracle.pid(), 3).await, Err(AskError::Ended(pid)));
    assert!(asker.top().waits.is_empty());
}

#[test]
fn a_question_is_answered_on_the_same_node() {
    libactor::run(async {
        let node = node().await;
        questions_are_answered(&node, &node).await;
        node.shutdown().await;
    });
}

#[test]
fn a_question_is_answered_on_another_node() {
    libactor::run(async {
        let (asker, home) = (node().await, node().await);
        questions_are_answered(&asker, &home).await;
        asker.shutdown().await;
        home.shutdown().await;
    });
}

#[test]
fn a_connection_that_is_lost_fails_what_was_asked_over_it() {
    libactor::run(async {
        let (asker, home) = (node().await, node().await);
        let oracle = home.spawn("oracle", Oracle::default());
        assert_eq!(asked(&asker, oracle.pid(), 4_000).await, Ok(8_000));
        let kept = asker.ask(&asker.pid("me"), oracle.pid(), Double { number: 1 }, LIMIT);
        // The second answer says that the first question has arrived.
        assert_eq!(asked(&asker, oracle.pid(), 5).await, Ok(10));

        home.shutdown().await;

        let lost = soon(kept).await.unwrap_err();
        assert!(matches!(lost, AskError::ConnectionLost(_) | AskError::Ended(_)), "{lost}");
        let gone = asked(&asker, oracle.pid(), 5).await;
        assert_eq!(gone, Err(AskError::ConnectionLost(oracle.pid().clone())));
        asker.shutdown().await;
    });
}

#[test]
fn a_question_is_answered_by_nobody_but_the_one_who_was_asked() {
    libactor::run(async {
        let (asker, home) = (node().await, node().await);
        let oracle = home.spawn("oracle", Oracle::default());
        let kept = asker.ask(&asker.pid("me"), oracle.pid(), Double { number: 1 }, LIMIT);
        assert_eq!(asked(&asker, oracle.pid(), 5).await, Ok(10));
        let questions = get_json(&asker, "/__trace__?message=test.Double").await;
        let ids = questions["messages"].as_array().unwrap().iter().map(|message| {
            let id = message["id"].as_str().unwrap();
            u64::from_str_radix(id, 16).unwrap().to_le_bytes()
        });

        // Hello, with the address left out; a Reply and an Undelivered for each question; the end.
        let mut forged = b"\x93lactor\x02\0\0\0\x02\x0a\0".to_vec();
        for id in ids {
            forged.extend_from_slice(&[&[0, 0, 0, 11, 0x42, 9, 9][..], &id].concat());
            forged.extend_from_slice(&[&[0, 0, 0, 11, 0x32, 9, 9][..], &id].concat());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let impostor = Pid::new("impostor", listener.local_addr().unwrap()).unwrap();
        tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&forged).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        soon(asker.exited(&impostor)).await;

        assert_eq!(kept.now_or_never(), None);
        let after = get_json(&asker, "/__trace__?message=test.Double").await;
        assert_eq!(after["messages"], questions["messages"]);
        asker.shutdown().await;
        home.shutdown().await;
    });
}

#[test]
fn one_question_too_many_is_refused_and_nothing_else_is_lost() {
    libactor::run(async {
        let (asker, home) = (node().await, node().await);
        let oracle = home.spawn("oracle", Oracle::default());
        let me = asker.pid("me");
        let ask = || asker.ask(&me, oracle.pid(), Double { number: 1 }, Duration::from_secs(600));
        let kept: Vec<_> = (0..QUESTIONS_PER_CONNECTION).map(|_| ask()).collect();

        let refused = soon(ask()).await;

        assert_eq!(refused, Err(AskError::Overloaded(oracle.pid().clone())));
        assert!(kept.into_iter().all(|kept| kept.now_or_never().is_none()));
        // With them the asker is not interested any more, but their places are taken until they are answered.
        assert_eq!(soon(ask()).await, Err(AskError::Overloaded(oracle.pid().clone())));
        asker.shutdown().await;
        home.shutdown().await;
    });
}

/// Asks another oracle and waits for the answer.
struct Curious(Pid);

impl Actor for Curious {
    fn install(routes: &mut Routes<Self>) {
        routes.request::<Double>();
    }
}

impl Answer<Double> for Curious {
    fn answer(&mut self, cx: &mut Context<Self>, _: &Pid, double: Double, reply: Responder<cast::Note>) {
        let asked = cx.ask(&self.0, double, Duration::from_secs(60));
        cx.wait_then(asked, |_, _, answer| {
            if let Ok(note) = answer {
                reply.send(note);
            }
        });
    }
}

#[test]
fn a_ring_across_two_nodes_is_found_in_what_both_know() {
    libactor::run(async {
        let (one, two) = (node().await, node().await);
        let (a, b) = (one.pid("a"), two.pid("b"));
        one.spawn("a", Curious(b.clone()));
        two.spawn("b", Curious(a.clone()));

        let _open = one.ask(&one.pid("me"), &a, Double { number: 1 }, LIMIT);

        let rings = soon(async {
            loop {
                let (here, there) = (one.top(), two.top());
                let rings = libactor::top::cycles(&[here.waits, there.waits].concat());
                if !rings.is_empty() {
                    assert!(here.cycles.is_empty() && there.cycles.is_empty());
                    return rings;
                }
                tokio::task::yield_now().await;
            }
        });
        let mut ring = vec![a, b];
        ring.sort();
        assert_eq!(rings.await, [ring.clone()]);
        // Whoever is asked about all nodes finds it, and says who handles nothing meanwhile.
        let ring: Vec<String> = ring.iter().map(Pid::to_string).collect();
        for asked in [&one, &two] {
            let top = get_json(asked, "/__trace__/top?scope=cluster").await;
            assert_eq!(top["cycles"], json!([ring]), "{top}");
            assert_eq!(top["nodes"], json!({"asked": 2, "answered": 2, "silent": []}));
            let waits = top["waits"].as_array().unwrap();
            // Only what actors ask is a wait: the question from outside is none.
            assert!(waits.len() == 2 && waits.iter().all(|wait| wait["blocks"] == true), "{top}");
            let half = get_json(asked, "/__trace__/top").await;
            assert_eq!(half["cycles"], json!([]), "one node knows half of it: {half}");
        }
        one.shutdown().await;
        two.shutdown().await;
    });
}
