//! Who gets what, who is cut off, and what is kept for whom.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use libactor::Clock;
use tepui_proto::recordio;
use tepui_proto::v1::AgentId;
use tepui_proto::v1::master::Event;
use tepui_proto::v1::master::event::{self, Type};

use super::{HEARTBEAT, Subscribers, Subscription};
use crate::encoding::Encoding;

const BEAT: &str = "20\n{\"type\":\"HEARTBEAT\"}";

fn removed(agent: &str) -> Event {
    let agent_id = AgentId { value: agent.into() };
    Event {
        r#type: Some(Type::AgentRemoved as i32),
        agent_removed: Some(event::AgentRemoved { agent_id }),
        ..Event::default()
    }
}

/// What a subscriber reads of it: about 80 bytes, which is what limits below count on.
fn record(agent: &str) -> String {
    let event = String::from_utf8(Encoding::Json.encode(&removed(agent))).expect("JSON is UTF-8");
    format!("{}\n{event}", event.len())
}

/// Everything that is there to be read now, and whether the stream has ended behind it.
fn read(subscription: &mut Subscription) -> (Vec<String>, bool) {
    let mut records = Vec::new();
    loop {
        match subscription.next().now_or_never() {
            Some(Some(record)) => records.push(String::from_utf8(record.to_vec()).expect("JSON is UTF-8")),
            Some(None) => return (records, true),
            None => return (records, false),
        }
    }
}

fn clock() -> Clock {
    Clock::starting_at(libactor::Timestamp::default())
}

#[test]
fn the_snapshot_comes_first_then_a_heartbeat_then_what_happens_from_there_on() {
    let subscribers = Subscribers::new(10, 1 << 20, clock());
    subscribers.tell(&removed("before"));
    let mut one = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"state"));
    subscribers.tell(&removed("between"));
    let mut two = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"later"));
    subscribers.tell(&removed("after"));

    let first = vec!["5\nstate".to_owned(), BEAT.to_owned(), record("between"), record("after")];
    assert_eq!(read(&mut one), (first, false));
    assert_eq!(read(&mut two), (vec!["5\nlater".to_owned(), BEAT.to_owned(), record("after")], false));
}

#[test]
fn each_reads_its_own_encoding() {
    let subscribers = Subscribers::new(10, 1 << 20, clock());
    let mut json = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"{}"));
    let mut protobuf = subscribers.add(Encoding::Protobuf).beginning_with(recordio::encode(b"\x08\x01"));

    subscribers.tell(&removed("a"));

    assert_eq!(read(&mut json).0[2], record("a"));
    let message = Encoding::Protobuf.encode(&removed("a"));
    let records: Vec<Vec<u8>> = std::iter::from_fn(|| protobuf.next().now_or_never().flatten())
        .map(|record| record.to_vec())
        .collect();
    assert_eq!(
        records,
        [
            b"2\n\x08\x01".to_vec(),
            b"2\n\x08\x09".to_vec(),
            [format!("{}\n", message.len()).as_bytes(), &message].concat()
        ]
    );
}

#[test]
fn who_does_not_read_is_cut_off_and_nobody_else_is() {
    let three_records = 3 * record("0").len();
    let subscribers = Subscribers::new(10, three_records, clock());
    let mut slow = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
    let mut quick = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"q"));
    read(&mut slow);
    read(&mut quick);

    for agent in ["0", "1", "2", "3"] {
        subscribers.tell(&removed(agent));
        assert_eq!(read(&mut quick), (vec![record(agent)], false));
    }

    assert_eq!(read(&mut slow), (Vec::new(), true));
    assert_eq!(subscribers.count(), 1);
    assert_eq!(subscribers.lock().json.bytes, 0, "what only the slow one had not read is gone with it");
}

#[test]
fn who_reads_in_time_misses_nothing() {
    let three_records = 3 * record("0").len();
    let subscribers = Subscribers::new(10, three_records, clock());
    let mut subscriber = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
    read(&mut subscriber);

    for agent in ["0", "1", "2"] {
        subscribers.tell(&removed(agent));
    }

    assert_eq!(read(&mut subscriber), (vec![record("0"), record("1"), record("2")], false));
    assert_eq!(subscribers.lock().json.records.len(), 0);
}

#[test]
fn one_event_is_taken_however_large_it_is() {
    let subscribers = Subscribers::new(10, 10, clock());
    let mut subscriber = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
    read(&mut subscriber);

    subscribers.tell(&removed("large"));

    assert_eq!(read(&mut subscriber), (vec![record("large")], false));
}

#[test]
fn of_one_subscriber_too_many_the_oldest_goes() {
    let subscribers = Subscribers::new(2, 1 << 20, clock());
    let mut all: Vec<Subscription> =
        (0..3).map(|_| subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"))).collect();

    subscribers.tell(&removed("a"));

    let ended: Vec<bool> = all.iter_mut().map(|subscription| read(subscription).1).collect();
    assert_eq!(ended, [true, false, false]);
    assert_eq!(subscribers.count(), 2);
}

#[test]
fn who_leaves_is_not_counted_and_nothing_is_kept_for_it() {
    let subscribers = Subscribers::new(10, 1 << 20, clock());
    let gone = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
    subscribers.tell(&removed("a"));

    drop(gone);

    assert_eq!(subscribers.count(), 0);
    assert_eq!(subscribers.lock().json.records.len(), 0);
}

#[test]
fn a_quiet_stream_has_a_heartbeat_every_fifteen_seconds() {
    libactor::run(async {
        let clock = clock();
        let subscribers = Subscribers::new(10, 1 << 20, clock.clone());
        let mut subscriber = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
        assert_eq!(read(&mut subscriber).0.len(), 2);

        clock.advance(HEARTBEAT - Duration::from_nanos(1)).await;
        assert_eq!(read(&mut subscriber), (Vec::new(), false));
        clock.advance(Duration::from_nanos(1)).await;
        assert_eq!(read(&mut subscriber), (vec![BEAT.to_owned()], false));
        clock.advance(HEARTBEAT).await;
        assert_eq!(read(&mut subscriber), (vec![BEAT.to_owned()], false));
    });
}

#[test]
fn an_event_is_as_good_as_a_heartbeat() {
    libactor::run(async {
        let clock = clock();
        let subscribers = Subscribers::new(10, 1 << 20, clock.clone());
        let mut subscriber = subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
        read(&mut subscriber);
        clock.advance(HEARTBEAT - Duration::from_secs(1)).await;
        subscribers.tell(&removed("a"));
        assert_eq!(read(&mut subscriber), (vec![record("a")], false));

        clock.advance(Duration::from_secs(2)).await;
        assert_eq!(read(&mut subscriber), (Vec::new(), false));
        clock.advance(HEARTBEAT).await;
        assert_eq!(read(&mut subscriber), (vec![BEAT.to_owned()], false));
    });
}

#[test]
fn readers_at_different_places_keep_what_the_last_of_them_needs() {
    let subscribers = Subscribers::new(10, 1 << 20, clock());
    let start = || subscribers.add(Encoding::Json).beginning_with(recordio::encode(b"s"));
    let (mut first, mut second) = (start(), start());
    read(&mut first);
    read(&mut second);
    subscribers.tell(&removed("a"));
    let mut third = start();
    read(&mut third);
    subscribers.tell(&removed("b"));

    assert_eq!(read(&mut first).0, [record("a"), record("b")]);
    assert_eq!(subscribers.lock().json.records.len(), 2);
    drop(second);
    assert_eq!(subscribers.lock().json.records.len(), 1);
    assert_eq!(read(&mut third).0, [record("b")]);

    assert_eq!(subscribers.lock().json.records.len(), 0);
    assert_eq!(subscribers.lock().json.at_end, 2);
}
