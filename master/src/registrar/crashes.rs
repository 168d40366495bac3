//! The registry on a disk that loses power: at every write, with any part of what was not flushed on it. What was answered as
//! durable is there, and nothing is there by half.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::tests::admit;
use super::*;

/// What a disk was told to do.
#[derive(Clone, Debug)]
enum Deed {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
    Flush,
}

/// A disk that remembers what it was told.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    deeds: Vec<Deed>,
}

impl Disk {
    fn with(bytes: Vec<u8>) -> Disk {
        Disk(Arc::new(Mutex::new(State { bytes, deeds: Vec::new() })))
    }

    fn deeds(&self) -> Vec<Deed> {
        self.0.lock().unwrap().deeds.clone()
    }

    fn tell(&self, deed: Deed) {
        let mut state = self.0.lock().unwrap();
        happen(&mut state.bytes, &deed);
        state.deeds.push(deed);
    }
}

fn happen(bytes: &mut Vec<u8>, deed: &Deed) {
    match deed {
        Deed::Write { offset, data } => {
            let end = offset + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*offset..end].copy_from_slice(data);
        }
        Deed::Length(length) => bytes.resize(*length, 0),
        Deed::Flush => {}
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let begin = usize::try_from(offset).unwrap();
        let there = state.bytes.get(begin..begin + out.len());
        out.copy_from_slice(there.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.tell(Deed::Length(usize::try_from(length).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.tell(Deed::Flush);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.tell(Deed::Write { offset: usize::try_from(offset).unwrap(), data: data.to_vec() });
        Ok(())
    }
}

/// A life of a registry: after so many deeds of the disk so many changes were asked for, and so many answered as durable.
struct Life {
    deeds: Vec<Deed>,
    /// The database was made by so many deeds; it is put in its place after them.
    made: usize,
    asked: Vec<(usize, usize)>,
    answered: Vec<(usize, usize)>,
    /// The registry after each number of changes.
    states: Vec<internal::Registry>,
}

/// Changes come in batches of one to three.
fn life() -> Life {
    let disk = Disk::default();
    let store = Store::on(disk.clone()).unwrap();
    let made = disk.deeds().len();
    let mut registry = internal::Registry::default();
    let (mut asked, mut states) = (vec![(0, 0)], vec![registry.clone()]);
    let answered = RefCell::new(vec![(0, 0)]);
    for batch in [1, 3, 2, 1, 3] {
        let (changes, waiting) = mpsc::channel();
        let before = registry.clone();
        for _ in 0..batch {
            let number = states.len();
            let operation = admit(&format!("agent-with-a-long-name-{number:0>200}"));
            operation.apply(&mut registry);
            states.push(registry.clone());
            changes.send(Change { ticket: Ticket(number as u64), operation }).unwrap();
        }
        drop(changes);
        asked.push((disk.deeds().len(), states.len() - 1));
        keep(&waiting, before, Some(&store), &Durable::of(Some(&store)), |(tickets, outcome)| {
            outcome.unwrap();
            let last = tickets.last().map_or(0, |ticket| ticket.0 as usize);
            answered.borrow_mut().push((disk.deeds().len(), last));
        });
    }
    Life { deeds: disk.deeds(), made, asked, answered: answered.into_inner(), states }
}

impl Life {
    /// The disk after power was lost before this deed: what was flushed, and of the rest what `is_kept` keeps.
    fn disk_at(&self, crash: usize, mut is_kept: impl FnMut(usize) -> bool, torn: Option<usize>) -> Vec<u8> {
        let done = &self.deeds[..crash];
        // What was renamed into its place had been closed, which flushes.
        let flushed = done.iter().rposition(|deed| matches!(deed, Deed::Flush)).max(self.made.checked_sub(1));
        let mut bytes = Vec::new();
        for (number, deed) in done.iter().enumerate() {
            if Some(number) <= flushed || is_kept(number) {
                happen(&mut bytes, deed);
            }
        }
        // A part of the write that was under way.
        if let (Some(torn), Some(Deed::Write { offset, data })) = (torn, self.deeds.get(crash)) {
            let data = data[..torn.min(data.len())].to_vec();
            happen(&mut bytes, &Deed::Write { offset: *offset, data });
        }
        bytes
    }

    /// The registry is what it was after some change: none that was answered is missing, none is there that was not asked for.
    fn check(&self, crash: usize, disk: Vec<u8>, how: &str) {
        let until = |notes: &[(usize, usize)]| {
            notes.iter().filter(|(at, _)| *at <= crash).map(|(_, changes)| *changes).max().unwrap_or(0)
        };
        let (least, most) = (until(&self.answered), until(&self.asked));
        let store = Store::on(Disk::with(disk));
        let store = store.unwrap_or_else(|error| panic!("crash before deed {crash}, {how}: {error}"));
        let registry =
            store.read().unwrap_or_else(|error| panic!("crash before deed {crash}, {how}: {error}"));
        let found = self.states.iter().position(|state| *state == registry);
        let found = found.unwrap_or_else(|| panic!("crash before deed {crash}, {how}: half a change"));
        assert!(
            (least..=most).contains(&found),
            "crash before deed {crash}, {how}: {found} changes, {least} were answered, {most} asked for"
        );
        store.write(&self.states[most].encode_to_vec()).unwrap();
        assert_eq!(store.read().unwrap(), self.states[most], "crash before deed {crash}, {how}: written on");
    }
}

#[test]
fn power_may_be_lost_at_every_write() {
    let seed = std::env::var("TEPUI_SEED").map_or(1, |seed| seed.parse().expect("TEPUI_SEED is a number"));
    println!("seed {seed} (TEPUI_SEED chooses another)");
    let mut random = StdRng::seed_from_u64(seed);
    let life = life();
    assert_eq!(life.answered.last().map(|(_, changes)| *changes), Some(life.states.len() - 1));

    for crash in life.made..=life.deeds.len() {
        life.check(crash, life.disk_at(crash, |_| true, None), "everything written");
        life.check(crash, life.disk_at(crash, |_| false, None), "only what was flushed");
        life.check(crash, life.disk_at(crash, |_| random.random_bool(0.5), None), "some of the rest");
        let torn = Some(512 * random.random_range(0..8));
        life.check(crash, life.disk_at(crash, |_| true, torn), "a torn write");
    }
}
