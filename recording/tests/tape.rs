//! Recording and replaying a core that one can see through: what is kept, what ends a recording, what is noticed.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tepui_model::Time;
use tepui_model::recorded::Core;
use tepui_recording::{
    Busy, End, Limits, ReadError, Reader, Record, Records, ReplayError, Replayed, Tape, Why, replay,
};

/// Adds up what it is told, and when.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sum {
    total: u64,
}

impl Core for Sum {
    type Input = String;
    type Effect = String;

    const NAME: &'static str = "sum";

    fn take(&mut self, now: Time, input: String) -> Vec<String> {
        assert_ne!(input, "poison", "nobody survives this");
        self.total += input.len() as u64 * now.as_secs();
        vec![format!("total {}", self.total)]
    }
}

/// A daemon: a core, its tape and its clock.
#[derive(Default)]
struct Daemon {
    core: Sum,
    tape: Tape,
    seconds: u64,
}

impl Daemon {
    fn record(&mut self, limits: Limits) -> Records {
        self.try_record(limits).expect("nobody else records")
    }

    fn try_record(&mut self, limits: Limits) -> Result<Records, Busy> {
        self.tape.begin(&self.core, "sum@10.0.0.1:1", Time::from_secs(self.seconds), limits)
    }

    fn hears(&mut self, input: &str) {
        self.seconds += 1;
        let now = Time::from_secs(self.seconds);
        self.tape.note(&self.core, now, &input.to_owned());
        self.core.take(now, input.to_owned());
    }

    fn end(&mut self) {
        self.tape.end(&self.core, Why::Asked);
    }
}

/// All that waits for the reader.
fn taken(records: &mut Records) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some(Some(bytes)) = records.next().now_or_never() {
        file.extend_from_slice(&bytes);
    }
    file
}

fn recorded() -> Vec<u8> {
    let mut daemon = Daemon::default();
    daemon.hears("before");
    let mut records = daemon.record(Limits::DEFAULT);
    ["one", "two", "three"].iter().for_each(|input| daemon.hears(input));
    daemon.end();
    daemon.hears("after");
    taken(&mut records)
}

fn replayed(file: &[u8]) -> Result<Replayed, ReplayError> {
    let (header, reader) = Reader::open(file)?;
    replay::<Sum>(&header, reader, None, |_, _, _, _| {})
}

fn end_of(file: &[u8]) -> End {
    let (_, mut reader) = Reader::open(file).unwrap();
    let mut last = None;
    while let Some(record) = reader.next_record().unwrap() {
        last = Some(record);
    }
    let Some(Record::End(end)) = last else { panic!("{last:?} is no end") };
    end
}

/// Where the last record begins.
fn start_of_end(file: &[u8]) -> usize {
    let mut at = 12;
    loop {
        let length = u32::from_le_bytes(file[at + 1..at + 5].try_into().unwrap()) as usize;
        let next = at + 9 + length + 8;
        if next == file.len() {
            return at;
        }
        at = next;
    }
}

#[test]
fn a_replay_ends_where_the_daemon_was_when_it_stopped_recording() {
    let mut told = Vec::new();

    let file = recorded();
    let (header, reader) = Reader::open(&*file).unwrap();
    let replayed = replay::<Sum>(&header, reader, None, |number, now, input, effects| {
        told.push(format!("{number} at {}: {input} {:?}", now.as_secs(), effects()));
    })
    .unwrap();

    assert_eq!((header.core.as_str(), header.actor.as_str()), ("sum", "sum@10.0.0.1:1"));
    assert_eq!(replayed.is_same(), Some(true));
    assert_eq!((replayed.inputs, replayed.torn), (3, false));
    assert_eq!(
        told,
        [r#"1 at 2: one ["total 12"]"#, r#"2 at 3: two ["total 21"]"#, r#"3 at 4: three ["total 41"]"#]
    );
}

#[test]
fn a_replay_stops_where_it_is_told_to() {
    let file = recorded();
    let (header, reader) = Reader::open(&*file).unwrap();

    let replayed = replay::<Sum>(&header, reader, Some(2), |_, _, _, _| {}).unwrap();

    assert_eq!((replayed.inputs, replayed.is_same()), (2, None));
}

#[test]
fn another_input_or_another_time_ends_in_another_state() {
    let file_of = |inputs: &[&str], seconds| {
        let mut daemon = Daemon { seconds, ..Daemon::default() };
        let mut records = daemon.record(Limits::DEFAULT);
        inputs.iter().for_each(|input| daemon.hears(input));
        daemon.end();
        taken(&mut records)
    };
    let right = file_of(&["one", "two"], 0);
    // What was recorded of one daemon, with the last word of another.
    let with_the_end_of = |other: Vec<u8>| {
        let file = [&right[..start_of_end(&right)], &other[start_of_end(&other)..]].concat();
        replayed(&file).unwrap().is_same()
    };

    assert_eq!(with_the_end_of(file_of(&["one", "two"], 0)), Some(true));
    assert_eq!(with_the_end_of(file_of(&["one", "twofold"], 0)), Some(false));
    assert_eq!(with_the_end_of(file_of(&["one", "two"], 7)), Some(false));
    assert_eq!(with_the_end_of(file_of(&["one"], 0)), Some(false));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let file = recorded();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            let outcome = replayed(&flipped);
            assert!(outcome.is_err(), "byte {at}, bit {bit}: {outcome:?}");
        }
    }
}

#[test]
fn a_torn_tail_is_dropped_and_said() {
    let file = recorded();
    let mut most = 0;
    for length in 12..file.len() {
        match replayed(&file[..length]) {
            Ok(replayed) => {
                assert!(replayed.inputs >= most, "{length}");
                most = replayed.inputs;
                assert_eq!(replayed.is_same(), None, "{length}");
            }
            Err(ReplayError::NoSnapshot | ReplayError::Read(ReadError::Order { number: 0, .. })) => {
                assert_eq!(most, 0, "{length}");
            }
            Err(other) => panic!("{length}: {other}"),
        }
    }
    assert_eq!(most, 3);
    assert!(replayed(&file[..file.len() - 1]).unwrap().torn);
}

#[test]
fn what_is_foreign_is_told_apart() {
    let file = recorded();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = file.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        replayed(&changed).unwrap_err().to_string()
    };

    assert!(with(0, b"PNG").contains("not a recording"));
    assert!(with(8, &[9]).contains("form 9; this build reads form 1"));
    let (mut header, reader) = Reader::open(&*file).unwrap();
    header.build = "0.0.7".into();
    let why = replay::<Sum>(&header, reader, None, |_, _, _, _| {}).unwrap_err().to_string();
    assert!(why.contains("tepui 0.0.7 recorded this"), "{why}");
    assert!(replayed(b"").unwrap_err().to_string().contains("not a recording"));
}

#[test]
fn inputs_of_other_types_are_not_taken_for_ours() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Other {
        total: u64,
    }
    impl Core for Other {
        type Input = (u64, u64, u64);
        type Effect = String;
        const NAME: &'static str = "other";
        fn take(&mut self, _now: Time, _input: (u64, u64, u64)) -> Vec<String> {
            Vec::new()
        }
    }
    let file = recorded();
    let (header, reader) = Reader::open(&*file).unwrap();

    let why = replay::<Other>(&header, reader, None, |_, _, _, _| {}).unwrap_err().to_string();

    assert!(why.starts_with("input 1 cannot be read; replay it with the build that recorded it"), "{why}");
}

#[test]
fn a_panic_is_found_again() {
    let mut daemon = Daemon::default();
    let mut records = daemon.record(Limits::DEFAULT);
    daemon.hears("fine");
    daemon.tape.note(&daemon.core, Time::from_secs(2), &"poison".to_owned());
    let file = taken(&mut records);

    let why = replayed(&file).unwrap_err().to_string();

    assert!(why.starts_with("the core panics at input 2: ") && why.contains("nobody survives this"), "{why}");
}

#[test]
fn a_recording_ends_with_its_time_also_when_nothing_happens() {
    let limits = Limits { time: Duration::from_secs(2), ..Limits::DEFAULT };
    let mut busy = Daemon::default();
    let mut idle = Daemon::default();

    let mut of_busy = busy.record(limits);
    (0..5).for_each(|_| busy.hears("x"));
    let mut of_idle = idle.record(limits);
    idle.tape.time_is_up(&idle.core, of_idle.number + 1);
    idle.tape.time_is_up(&idle.core, of_idle.number);

    let file = taken(&mut of_busy);
    assert_eq!((end_of(&file).why, end_of(&file).inputs), (Why::TimeIsUp, 1));
    assert_eq!(replayed(&file).unwrap().is_same(), Some(true));
    assert_eq!(end_of(&taken(&mut of_idle)).inputs, 0);
}

#[test]
fn a_recording_ends_when_it_is_large_enough() {
    let mut daemon = Daemon::default();
    let mut records = daemon.record(Limits { bytes: 1000, ..Limits::DEFAULT });
    (0..5).for_each(|_| daemon.hears(&"x".repeat(300)));

    let file = taken(&mut records);

    assert_eq!((end_of(&file).why, end_of(&file).inputs), (Why::LargeEnough, 3));
    assert_eq!(replayed(&file).unwrap().is_same(), Some(true));
}

#[test]
fn a_reader_that_is_too_slow_ends_the_recording_and_not_the_daemon() {
    let mut daemon = Daemon::default();
    let mut records = daemon.record(Limits { bytes: 1 << 40, ..Limits::DEFAULT });
    let megabyte = "x".repeat(1 << 20);
    (0..100).for_each(|_| daemon.hears(&megabyte));

    let file = taken(&mut records);

    assert_eq!(end_of(&file).why, Why::SlowReader);
    assert!(file.len() < (65 << 20), "{}", file.len());
    assert_eq!(replayed(&file).unwrap().is_same(), Some(true));
}

#[test]
fn one_records_at_a_time_and_a_reader_that_left_makes_room() {
    let mut daemon = Daemon::default();
    let records = daemon.record(Limits::DEFAULT);
    assert_eq!(daemon.try_record(Limits::DEFAULT).unwrap_err(), Busy);

    drop(records);
    daemon.hears("nobody listens");

    assert!(daemon.try_record(Limits::DEFAULT).is_ok());
}

#[test]
fn limits_are_read_from_a_query() {
    assert_eq!(Limits::of_query(""), Ok(Limits::DEFAULT));
    let limits = Limits { time: Duration::from_secs(7), bytes: 100 };
    assert_eq!(Limits::of_query("seconds=7&bytes=100"), Ok(limits));
    let why = Limits::of_query("seconds=0").unwrap_err();
    assert_eq!(why, "seconds=0: write a whole number from 1 to 86400");
    assert!(Limits::of_query("hours=1").unwrap_err().contains("'hours' is unknown"));
}
