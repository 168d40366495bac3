//! Questions about messages: to one node, and through it to all that are connected with it.

mod cast;

use std::time::{Duration, Instant};

use cast::cluster::{Chain, bad_peer, get, get_bytes, get_json};
use cast::{node, note};
use futures::future::join_all;
use libactor::{Node, Pid};
use prost::Message as _;
use serde_json::{Value, json};

fn texts<'a>(hops: &'a Value, field: &str) -> Vec<&'a str> {
    hops.as_array().unwrap().iter().map(|hop| hop[field].as_str().unwrap()).collect()
}

#[test]
fn a_chain_of_five_nodes_tells_one_trace_to_whomever_is_asked() {
    libactor::run(async {
        let mut chain = Chain::new(5).await;
        chain.pass(1).await;
        chain.pass(2).await;

        for asked in [0, 2, 4] {
            let tree = get_json(&chain.nodes[asked], "/__trace__/tree?tag=task=2&scope=cluster").await;

            let hops = &tree["hops"];
            let relays: Vec<String> = chain.relays.iter().map(Pid::to_string).collect();
            assert_eq!(texts(hops, "to"), relays, "{tree}");
            let nodes: Vec<String> = chain.nodes.iter().map(|node| node.address().to_string()).collect();
            assert_eq!(texts(hops, "node"), nodes);
            assert_eq!(hops[0]["cause"], Value::Null);
            for n in 1..5 {
                assert_eq!(hops[n]["cause"], hops[n - 1]["id"]);
            }
            for hop in hops.as_array().unwrap() {
                for time in ["sent", "received", "began", "ended"] {
                    assert!(hop[time].is_u64(), "{time} of {hop}");
                }
                assert_eq!((&hop["outcome"], &hop["message"]), (&json!("handled"), &json!("test.Note")));
            }
            assert_eq!(hops[4]["tags"], json!({"task": ["2"]}));
            assert_eq!(tree["nodes"], json!({"asked": 5, "answered": 5, "silent": []}));
        }
        let one = get_json(&chain.nodes[0], "/__trace__/tree?tag=task=2").await;
        assert_eq!(one["hops"], json!([]), "the first node alone does not know the tag");
        chain.shutdown().await;
    });
}

#[test]
fn a_message_found_by_its_actor_leads_to_its_tree() {
    libactor::run(async {
        let mut chain = Chain::new(3).await;
        chain.pass(1).await;
        let last = &chain.relays[2];

        let path = format!("/__trace__?actor={last}&message=Note&scope=cluster");
        let found = get_json(&chain.nodes[0], &path).await;
        assert_eq!(found["messages"].as_array().unwrap().len(), 1, "{found}");
        let id = found["messages"][0]["id"].as_str().unwrap();
        let tree = get_json(&chain.nodes[1], &format!("/__trace__/tree?id={id}&scope=cluster")).await;

        assert_eq!(tree["hops"].as_array().unwrap().len(), 3);
        assert_eq!(tree["hops"][2]["id"], id);
        let limited = get_json(&chain.nodes[0], "/__trace__?limit=2&scope=cluster").await;
        assert_eq!(limited["messages"].as_array().unwrap().len(), 2);
        assert!(limited["left_out"].as_u64().unwrap() >= 1, "{limited}");
        chain.shutdown().await;
    });
}

#[test]
fn protobuf_is_for_who_accepts_it() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Tree {
        #[prost(message, repeated, tag = "1")]
        hops: Vec<Hop>,
        #[prost(message, optional, tag = "2")]
        nodes: Option<Nodes>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Hop {
        #[prost(string, tag = "6")]
        to: String,
        #[prost(uint32, tag = "14")]
        outcome: u32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Nodes {
        #[prost(uint64, tag = "1")]
        asked: u64,
    }
    libactor::run(async {
        let mut chain = Chain::new(2).await;
        chain.pass(7).await;

        let path = "/__trace__/tree?tag=task=7&scope=cluster";
        let (status, body) = get_bytes(&chain.nodes[0], path, "application/x-protobuf").await;

        let tree = Tree::decode(&body[..]).unwrap();
        let to: Vec<&str> = tree.hops.iter().map(|hop| hop.to.as_str()).collect();
        assert_eq!((status, to), (200, vec![&*chain.relays[0].to_string(), &*chain.relays[1].to_string()]));
        assert_eq!((tree.hops[1].outcome, tree.nodes), (3, Some(Nodes { asked: 2 })));
        chain.shutdown().await;
    });
}

async fn told(here: &Node, peer: std::net::SocketAddr) {
    here.tell(&here.pid("me"), &Pid::new("somebody", peer).unwrap(), note(1));
}

#[test]
fn a_node_that_does_not_answer_is_named_and_the_others_answer() {
    libactor::run(async {
        let mut chain = Chain::new(3).await;
        let peer = bad_peer(false).await;
        told(&chain.nodes[1], peer).await;
        chain.pass(1).await;

        let path = "/__trace__/tree?tag=task=1&scope=cluster&timeout=2s";
        let tree = get_json(&chain.nodes[0], path).await;

        assert_eq!(tree["hops"].as_array().unwrap().len(), 3, "{tree}");
        assert_eq!(tree["nodes"], json!({"asked": 4, "answered": 3, "silent": [peer.to_string()]}));
        chain.shutdown().await;
    });
}

#[test]
fn a_node_that_dies_while_it_is_asked_is_not_waited_for() {
    libactor::run(async {
        let mut chain = Chain::new(2).await;
        let peer = bad_peer(true).await;
        told(&chain.nodes[1], peer).await;
        chain.pass(1).await;

        let begin = Instant::now();
        let path = "/__trace__?tag=task=1&scope=cluster&timeout=30s";
        let found = get_json(&chain.nodes[0], path).await;

        assert_eq!(found["messages"].as_array().unwrap().len(), 2, "{found}");
        assert_eq!(found["nodes"]["silent"], json!([peer.to_string()]));
        assert!(begin.elapsed() < Duration::from_secs(15), "the whole time was waited");
        chain.shutdown().await;
    });
}

#[test]
fn questions_are_not_recorded() {
    libactor::run(async {
        let mut chain = Chain::new(3).await;
        chain.pass(1).await;

        for _ in 0..3 {
            get_json(&chain.nodes[0], "/__trace__/tree?tag=task=1&scope=cluster").await;
        }

        let all = get_json(&chain.nodes[1], "/__trace__?scope=cluster").await;
        assert_eq!(texts(&all["messages"], "message"), ["test.Note"; 3]);
        chain.shutdown().await;
    });
}

#[test]
fn what_is_wrong_with_a_question_is_said() {
    libactor::run(async {
        let node = node().await;
        for (path, error) in [
            ("/__trace__?errors=1", "errors: '1' is not 'true' or 'false'"),
            (
                "/__trace__/tree?scope=cluster",
                "say which tree: id=<16 hexadecimal digits of a message>, or tag=<key>=<value>",
            ),
            (
                "/__trace__/tree?id=1&limit=5",
                "unknown parameter 'limit'; /__trace__/tree knows id, tag, scope, timeout",
            ),
        ] {
            assert_eq!(get(&node, path).await, (400, error.to_owned()));
        }
        node.shutdown().await;
    });
}

#[test]
fn a_thousand_questions_at_once_are_answered_or_refused() {
    libactor::run(async {
        let mut chain = Chain::new(3).await;
        chain.pass(1).await;

        let path = "/__trace__/tree?tag=task=1&scope=cluster&timeout=3s";
        let answers = join_all((0..1000).map(|_| get(&chain.nodes[0], path))).await;

        let count = |status| answers.iter().filter(|answer| answer.0 == status).count();
        assert_eq!(count(200) + count(503), 1000);
        assert!(count(200) > 0);
        // And nothing of it is left behind.
        let tree = get_json(&chain.nodes[0], path).await;
        assert_eq!(tree["nodes"]["answered"], 3);
        chain.shutdown().await;
    });
}

#[test]
fn the_actors_of_all_nodes_are_listed_with_what_they_do() {
    libactor::run(async {
        let mut chain = Chain::new(3).await;
        for number in 0..5 {
            chain.pass(number).await;
        }

        let top = get_json(&chain.nodes[2], "/__trace__/top?scope=cluster").await;

        let actors = top["actors"].as_array().unwrap();
        for relay in &chain.relays {
            let actor = actors.iter().find(|actor| actor["actor"] == relay.to_string());
            let actor = actor.unwrap_or_else(|| panic!("{relay} is missing in {top}"));
            assert_eq!(
                (&actor["depth"], &actor["age"], &actor["stuck"]),
                (&json!(0), &Value::Null, &json!(false))
            );
            assert_eq!((&actor["handled"], &actor["handling"]), (&json!(5), &Value::Null));
            assert_eq!(actor["node"], relay.address().to_string());
        }
        assert_eq!((&top["waits"], &top["cycles"]), (&json!([]), &json!([])));
        assert_eq!(top["nodes"], json!({"asked": 3, "answered": 3, "silent": []}));
        let error = "limit: '0' is not a whole number from 1 on";
        assert_eq!(get(&chain.nodes[0], "/__trace__/top?limit=0").await, (400, error.to_owned()));
        chain.shutdown().await;
    });
}
