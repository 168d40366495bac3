//! What the recorder promises: room, order, whole records, one outcome.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::limits::RECORDER_BYTES;
use crate::pid::Pid;
use crate::trace::{HybridTime, Query, Record};

fn recorder(bytes: usize) -> (Recorder, Clock) {
    let clock = Clock::starting_at(Timestamp::from_nanos(1_000_000_000));
    (Recorder::new(bytes, clock.clone(), Arc::new(Ids::random())), clock)
}

fn pid(name: &str) -> Pid {
    Pid::new(name, "10.0.0.1:5050".parse().unwrap()).unwrap()
}

fn entry(from: &str, to: &str) -> Entry {
    Entry::received(&pid(from), &pid(to), "test.Note", 7)
}

fn all(recorder: &Recorder) -> Vec<Record> {
    recorder.query(&Query::default())
}

fn found(recorder: &Recorder, query: Query) -> Vec<MessageId> {
    recorder.query(&query).iter().map(|record| record.header.id).collect()
}

#[test]
fn a_million_headers_with_all_their_names_and_tags_take_64_mib_at_most() {
    let (recorder, _) = recorder(RECORDER_BYTES);

    assert!(recorder.capacity() >= 1_000_000, "{}", recorder.capacity());
    assert!(recorder.store.unwrap().most_bytes() <= 64 << 20);
}

#[test]
fn the_bound_holds_for_every_size() {
    for bytes in [SMALLEST_RECORDER, 5_000_001, 16 << 20, 100 << 20] {
        let (recorder, _) = recorder(bytes);

        assert!(recorder.store.unwrap().most_bytes() <= bytes, "{bytes}");
    }
    assert_eq!(recorder(1).0.capacity(), recorder(SMALLEST_RECORDER).0.capacity());
    assert_eq!(recorder(0).0.capacity(), 0);
}

#[test]
fn a_recorder_of_no_bytes_keeps_nothing_and_messages_still_have_ids() {
    let (recorder, _) = recorder(0);

    let causes: BTreeSet<MessageId> = (0..100).map(|_| recorder.record(entry("a", "b")).message).collect();
    recorder.ended(*causes.first().unwrap(), Outcome::Handled);

    assert_eq!(causes.len(), 100);
    assert_eq!(all(&recorder), []);
}

#[test]
fn the_newest_headers_are_kept_in_their_order_when_the_ring_has_gone_round() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let count = recorder.capacity() * 5 / 2;

    let ids: Vec<MessageId> = (0..count).map(|_| recorder.record(entry("a", "b")).message).collect();

    assert_eq!(found(&recorder, Query::default()), ids[count - recorder.capacity()..]);
    assert_eq!(found(&recorder, Query { limit: Some(3), ..Query::default() }), ids[count - 3..]);
}

#[test]
fn a_new_pid_with_each_message_makes_the_oldest_records_give_way_and_none_wrong() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let name = |number: usize| format!("executor-of-a-rather-long-name({number})");

    for number in 0..20_000 {
        recorder.record(entry(&name(number), "agent"));
    }

    let records = all(&recorder);
    // A quarter of the pids at least, of which there is room for 200.
    assert!(records.len() > 50 && records.len() < recorder.capacity(), "{}", records.len());
    for (record, number) in records.iter().rev().zip((0..20_000).rev()) {
        assert_eq!((record.header.from.name(), record.header.to.name()), (name(number).as_str(), "agent"));
    }
    assert!(recorder.store.unwrap().most_bytes() <= SMALLEST_RECORDER);
}

#[test]
fn what_happens_to_a_message_is_written_where_it_is_and_its_first_end_stays() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let header = Header {
        from: pid("a"),
        to: "b@[::1]:80".parse().unwrap(),
        name: "test.Note".into(),
        size: usize::MAX,
        trace: TraceId(1),
        id: MessageId(2),
        cause: MessageId(3),
        logical: HybridTime(4),
    };
    let at = |millis| Timestamp::from_nanos(5_000_000_000) + Duration::from_millis(millis);
    let ticket = recorder.claim_place(&header.name);
    recorder.write(ticket, &header, Times::received(at(0)), Outcome::Waiting);
    let waiting = all(&recorder);
    recorder.begin(ticket, at(1));
    let handling = all(&recorder);
    recorder.end(ticket, at(3), Outcome::Panicked);
    recorder.end(ticket, at(4), Outcome::ActorEnded);
    recorder.begin(ticket, at(5));

    let record = Record {
        header: Header { size: u32::MAX as usize, ..header },
        sent: None,
        received: Some(at(0)),
        began: None,
        ended: None,
        outcome: Outcome::Waiting,
        tags: Vec::new(),
    };
    assert_eq!(waiting, std::slice::from_ref(&record));
    let record = Record { began: Some(at(1)), outcome: Outcome::Handling, ..record };
    assert_eq!(handling, std::slice::from_ref(&record));
    assert_eq!(all(&recorder), [Record { ended: Some(at(3)), outcome: Outcome::Panicked, ..record }]);
}

#[test]
fn news_of_a_sent_message_find_it_by_its_id_once_and_no_other() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let sent = recorder.record(Entry::sent(&pid("a"), &pid("b"), "test.Note", 1)).message;
    let handled = recorder.record(entry("a", "b").outcome(Outcome::Handled)).message;

    recorder.amend(sent, Outcome::NoSuchActor);
    recorder.amend(sent, Outcome::ConnectionLost);
    recorder.amend(handled, Outcome::ConnectionLost);
    recorder.amend(MessageId(12345), Outcome::ConnectionLost);

    let outcomes: Vec<Outcome> = all(&recorder).iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::NoSuchActor, Outcome::Handled]);
}

#[test]
fn news_of_a_message_whose_slot_has_another_by_now_change_nothing() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let old = recorder.record(entry("a", "b")).message;
    let stuck = recorder.claim_place("test.Note");
    for _ in 0..recorder.capacity() {
        recorder.record(Entry::sent(&pid("a"), &pid("b"), "test.Note", 1));
    }

    recorder.ended(old, Outcome::Handled);
    recorder.amend(old, Outcome::ConnectionLost);
    recorder.end(stuck, Timestamp::from_nanos(1), Outcome::Handled);

    assert!(all(&recorder).iter().all(|record| record.outcome == Outcome::Sent));
}

#[test]
fn a_writer_that_slept_for_a_lap_does_not_overwrite_newer_records() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let late = recorder.claim_place("test.Note");
    let newer: Vec<MessageId> =
        (0..recorder.capacity()).map(|_| recorder.record(entry("a", "b")).message).collect();
    let header = recorder.query(&Query { limit: Some(1), ..Query::default() })[0].header.clone();

    recorder.write(late, &header, Times::default(), Outcome::Waiting);

    assert_eq!(found(&recorder, Query::default()), newer);
}

#[test]
fn messages_that_ask_for_records_are_not_recorded() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);

    recorder.record(Entry::sent(&pid("a"), &pid("b"), "libactor.trace.Query", 1));
    recorder.record(Entry::sent(&pid("a"), &pid("b"), "libactor.tracer", 1));

    let names: Vec<_> = all(&recorder).into_iter().map(|record| record.header.name).collect();
    assert_eq!(names, ["libactor.tracer"]);
}

#[test]
fn each_condition_of_a_query_picks_what_it_says() {
    let (recorder, clock) = recorder(SMALLEST_RECORDER);
    let now = clock.now();
    let slow = recorder.record(entry("a", "b").handled(now, now + Duration::from_millis(9))).message;
    let lost = recorder
        .record(Entry::sent(&pid("a"), &pid("c"), "other.Riddle", 1).at(now + Duration::from_secs(1)));
    recorder.amend(lost.message, Outcome::Overflow);
    let waits = recorder.record(entry("d", "b").caused_by(lost).at(Timestamp::from_nanos(1))).message;
    let lost = lost.message;

    let any = Query::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(&recorder, any()), [slow, lost, waits]);
    assert_eq!(found(&recorder, Query { trace: Some(TraceId(lost.0)), ..any() }), [lost, waits]);
    assert_eq!(found(&recorder, Query { id: Some(waits), ..any() }), [waits]);
    assert_eq!(found(&recorder, Query { id: Some(MessageId(1)), ..any() }), []);
    assert_eq!(found(&recorder, Query { actor: text("b"), ..any() }), [slow, waits]);
    assert_eq!(found(&recorder, Query { actor: text("c@10.0.0.1:5050"), ..any() }), [lost]);
    assert_eq!(found(&recorder, Query { actor: text("c@10.0.0.2:5050"), ..any() }), []);
    assert_eq!(found(&recorder, Query { message: text("Riddle"), ..any() }), [lost]);
    assert_eq!(found(&recorder, Query { message: text("test.Note"), ..any() }), [slow, waits]);
    assert_eq!(found(&recorder, Query { message: text("Not"), ..any() }), []);
    assert_eq!(
        found(&recorder, Query { slower_than: Some(Duration::from_millis(5)), ..any() }),
        [slow, waits]
    );
    assert_eq!(found(&recorder, Query { slower_than: Some(Duration::from_millis(9)), ..any() }), [waits]);
    assert_eq!(found(&recorder, Query { errors: true, ..any() }), [lost]);
    assert_eq!(found(&recorder, Query { since: Some(now), ..any() }), [slow, lost]);
    assert_eq!(found(&recorder, Query { since: Some(now), limit: Some(1), ..any() }), [lost]);
}

#[test]
fn a_tag_finds_the_whole_trace_and_is_shown_at_its_message() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let first = recorder.record(entry("a", "b").tag("task", "t1").tag("task", "t2").tag("task", "t1"));
    let second = recorder.record(entry("b", "c").caused_by(first)).message;
    recorder.record(entry("a", "b").tag("task", "t12"));
    let tagged = |value: &str| Query { tag: Some(("task".into(), value.into())), ..Query::default() };

    let records = recorder.query(&tagged("t1"));

    let ids: Vec<MessageId> = records.iter().map(|record| record.header.id).collect();
    assert_eq!(ids, [first.message, second]);
    let tag = |value: &str| ("task".to_owned(), value.to_owned());
    assert_eq!((&records[0].tags[..], &records[1].tags[..]), (&[tag("t1"), tag("t2")][..], &[][..]));
    assert_eq!(found(&recorder, tagged("t2")).len(), 2);
    assert_eq!(found(&recorder, tagged("t")), []);
}

#[test]
fn tags_are_bounded_in_number_and_length_and_the_oldest_go_first() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let long = "ü".repeat(1000);
    let first = recorder.record(entry("a", "b").tag("task", "first"));
    let long_tagged = |number: usize| recorder.record(entry("a", "b").tag(&long, &format!("{number}{long}")));

    let last = (0..10_000).map(long_tagged).last().unwrap();

    let query = |key: &str, value: &str| Query { tag: Some((key.into(), value.into())), ..Query::default() };
    assert_eq!(found(&recorder, query("task", "first")), []);
    assert_eq!(found(&recorder, query(&long, &format!("9999{long}"))), [last.message]);
    let tags = &recorder.query(&Query { id: Some(last.message), ..Query::default() })[0].tags;
    assert_eq!((tags[0].0.len(), tags[0].1.len()), (256, 256));
    assert!(recorder.store.unwrap().most_bytes() <= SMALLEST_RECORDER);
    assert_ne!(first.message, last.message);
}

/// Everything about such a message follows from one number, so that halves of two do not fit together.
fn made_of(number: u64) -> (Header, Timestamp) {
    let header = Header {
        from: pid(&format!("from({})", number % 50)),
        to: pid(&format!("to({})", number % 70)),
        name: ["test.A", "test.B", "test.C"][number as usize % 3].into(),
        size: number as usize,
        trace: TraceId(number),
        id: MessageId(number.wrapping_mul(3)),
        cause: MessageId(number.wrapping_mul(5)),
        logical: HybridTime(number.wrapping_mul(7)),
    };
    (header, Timestamp::from_nanos(number * 1000))
}

#[test]
fn no_record_is_ever_torn_however_many_write_and_read() {
    const WRITERS: u64 = 4;
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let rounds = recorder.capacity() as u64 * 3 / WRITERS;
    let write = |writer: u64| {
        for round in 0..rounds {
            let (header, at) = made_of(round * WRITERS + writer + 1);
            let ticket = recorder.claim_place(&header.name);
            recorder.write(ticket, &header, Times::received(at), Outcome::Waiting);
            recorder.begin(ticket, at + Duration::from_nanos(header.trace.0));
            recorder.end(ticket, at + Duration::from_nanos(2 * header.trace.0), Outcome::Handled);
        }
    };
    let done = AtomicBool::new(false);
    let read = || {
        let (mut seen, mut ended) = (0, false);
        while !ended {
            ended = done.load(Ordering::Acquire);
            for record in recorder.query(&Query { limit: Some(2000), ..Query::default() }) {
                let number = record.header.trace.0;
                let (header, at) = made_of(number);
                assert_eq!((&record.header, record.received), (&header, Some(at)));
                let nanos = |times| at + Duration::from_nanos(number * times);
                assert!(record.began.is_none_or(|began| began == nanos(1)));
                assert!(record.ended.is_none_or(|ended| ended == nanos(2)));
                assert_eq!(record.ended.is_some(), record.outcome == Outcome::Handled);
                assert_eq!(record.began.is_none(), record.outcome == Outcome::Waiting);
                seen += 1;
            }
        }
        seen
    };

    std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            assert!(reader.join().unwrap() >= 2000);
        }
    });

    let traces: BTreeSet<u64> = all(&recorder).iter().map(|record| record.header.trace.0).collect();
    assert_eq!(traces.len(), recorder.capacity());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_text_has_one_number_while_it_is_kept_and_none_is_mistaken(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..400),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..1000),
    ) {
        let mut kept = texts::Texts::new(4096);
        let mut numbers = std::collections::HashMap::new();

        for index in order {
            let text = index.get(&texts);
            let number = kept.number(text);
            if let Some(earlier) = numbers.insert(text.clone(), number) {
                prop_assert!(number >= earlier);
            }
            prop_assert_eq!(kept.get(number), Some(text.clone()));
        }
        for (text, number) in numbers {
            let still = kept.numbers().contains(&number);
            prop_assert_eq!(kept.get(number), still.then_some(text));
        }
        prop_assert!(kept.most_bytes() <= 4096);
    }
}

#[test]
fn an_outcome_waits_for_a_writer_that_sleeps_in_its_slot() {
    let (recorder, _) = recorder(SMALLEST_RECORDER);
    let message = recorder.record(entry("a", "b")).message;
    let wake = recorder.store.as_ref().unwrap().slots.sleep_in(recorder.ticket(message).0);

    std::thread::scope(|scope| {
        scope.spawn(|| recorder.ended(message, Outcome::Handled));
        // Far longer than anybody would spin.
        (0..20_000).for_each(|_| std::thread::yield_now());
        wake();
    });

    assert_eq!(all(&recorder)[0].outcome, Outcome::Handled);
}
