//! Pids and names of messages as numbers, and back.
//!
//! Each thread remembers the numbers that it used last, so that a message between two actors that know each other finds them
//! without a lock.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::names::Names;
use super::texts::Texts;
use crate::pid::Pid;

/// Pids, and names, that each thread remembers.
const REMEMBERED: usize = 256;

/// Bits of a pid's number in a slot.
pub(super) const PID_BITS: u32 = 27;

pub(super) struct Pids {
    // Tells the recorders of one process apart.
    recorder: u64,
    // Remembered numbers below this one are asked for again; changed with the texts.
    fresh: AtomicU64,
    texts: Mutex<Texts>,
    names: Mutex<Names>,
}

struct Memory {
    pids: Box<[Option<(u64, Pid, u64)>; REMEMBERED]>,
    // The address and length of a text that lives for ever.
    names: Box<[(u64, usize, usize, u16); REMEMBERED]>,
}

/// What was packed, where and when, and what it became.
struct Packed {
    recorder: u64,
    fresh: u64,
    from: Pid,
    to: Pid,
    // The address and length of a text that lives for ever.
    name: (usize, usize),
    word: u64,
}

thread_local! {
    /// Mostly the next message is like this one.
    static LAST: RefCell<Option<Packed>> = const { RefCell::new(None) };

    static MEMORY: RefCell<Memory> = RefCell::new(Memory {
        pids: Box::new([const { None }; REMEMBERED]),
        names: Box::new([(0, 0, 0, 0); REMEMBERED]),
    });
}

impl Pids {
    pub(super) fn new(room_for_pids: usize, room_for_names: usize) -> Pids {
        static RECORDERS: AtomicU64 = AtomicU64::new(1);
        Pids {
            recorder: RECORDERS.fetch_add(1, Ordering::Relaxed),
            fresh: AtomicU64::new(0),
            texts: Mutex::new(Texts::new(room_for_pids)),
            names: Mutex::new(Names::new(room_for_names)),
        }
    }

    /// Sender, receiver and name as one word.
    #[expect(clippy::ptr_arg, reason = "a name that is borrowed lives for ever")]
    #[inline]
    pub(super) fn pack(&self, from: &Pid, to: &Pid, name: &Cow<'static, str>) -> u64 {
        let text = match name {
            Cow::Borrowed(text) => (text.as_ptr().addr(), text.len()),
            Cow::Owned(_) => return self.pack_new(from, to, name),
        };
        LAST.with_borrow_mut(|last| {
            let fresh = self.fresh.load(Ordering::Relaxed);
            if let Some(last) = last
                && (last.recorder, last.fresh, last.name) == (self.recorder, fresh, text)
                && last.from.is(from)
                && last.to.is(to)
            {
                return last.word;
            }
            let word = self.pack_new(from, to, name);
            let (recorder, from, to) = (self.recorder, from.clone(), to.clone());
            // As it was before: if texts gave way meanwhile, it is packed anew the next time.
            *last = Some(Packed { recorder, fresh, from, to, name: text, word });
            word
        })
    }

    #[expect(clippy::ptr_arg, reason = "a name that is borrowed lives for ever")]
    fn pack_new(&self, from: &Pid, to: &Pid, name: &Cow<'static, str>) -> u64 {
        MEMORY.with_borrow_mut(|memory| {
            let name = self.name(&mut memory.names, name);
            let (from, to) = (self.pid(&mut memory.pids, from), self.pid(&mut memory.pids, to));
            let mask = (1 << PID_BITS) - 1;
            from & mask | (to & mask) << PID_BITS | u64::from(name) << (2 * PID_BITS)
        })
    }

    /// The name's number in such a word.
    pub(super) fn unpack_name(word: u64) -> usize {
        (word >> (2 * PID_BITS)) as usize
    }

    /// The halves of the pids' numbers in such a word: sender, receiver.
    pub(super) fn unpack_pids(word: u64) -> (u64, u64) {
        let mask = (1 << PID_BITS) - 1;
        (word & mask, word >> PID_BITS & mask)
    }

    /// The pid of a number that was packed; none if it has given way.
    pub(super) fn get(&self, packed: u64) -> Option<Pid> {
        let texts = lock(&self.texts);
        // The newest number that ends like this one. Older ones were packed before the slots of now.
        let newest = texts.numbers().end;
        let number = newest - (newest.wrapping_sub(packed) & ((1 << PID_BITS) - 1));
        let text = texts.get(number)?;
        drop(texts);
        decode(&text)
    }

    /// All names, by their numbers.
    pub(super) fn names(&self) -> Vec<Cow<'static, str>> {
        lock(&self.names).all()
    }

    /// What all of it takes when it is full.
    #[cfg(test)]
    pub(super) fn most_bytes(&self) -> usize {
        lock(&self.texts).most_bytes() + lock(&self.names).most_bytes()
    }

    fn pid(&self, memory: &mut [Option<(u64, Pid, u64)>; REMEMBERED], pid: &Pid) -> u64 {
        let place = &mut memory[place(pid)];
        if let Some((recorder, known, number)) = place
            && *recorder == self.recorder
            && *number >= self.fresh.load(Ordering::Relaxed)
            && known.is(pid)
        {
            return *number;
        }
        self.look_up(place, pid)
    }

    #[cold]
    fn look_up(&self, place: &mut Option<(u64, Pid, u64)>, pid: &Pid) -> u64 {
        let mut texts = lock(&self.texts);
        let number = texts.number(&encode(pid));
        self.fresh.store(texts.fresh(), Ordering::Relaxed);
        drop(texts);
        *place = Some((self.recorder, pid.clone(), number));
        number
    }

    #[expect(clippy::ptr_arg, reason = "a name that is borrowed lives for ever")]
    fn name(&self, memory: &mut [(u64, usize, usize, u16); REMEMBERED], name: &Cow<'static, str>) -> u16 {
        let Cow::Borrowed(text) = name else { return lock(&self.names).number(name) };
        let key = (self.recorder, text.as_ptr().addr(), text.len());
        let place = &mut memory[(key.1 >> 2 ^ key.1 >> 10 ^ key.2) % REMEMBERED];
        if (place.0, place.1, place.2) != key {
            *place = (key.0, key.1, key.2, lock(&self.names).number(name));
        }
        place.3
    }
}

/// Where a thread remembers a pid: actors of one node differ in their names' ends, those of one name in their addresses.
fn place(pid: &Pid) -> usize {
    let name = pid.name().as_bytes();
    let end = name.last_chunk::<8>().map_or(name.len() as u64, |end| u64::from_le_bytes(*end));
    let ip = match pid.address().ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits() as u64,
    };
    let first = name.first().map_or(0, |first| u64::from(*first));
    let key =
        end ^ ip.rotate_left(32) ^ u64::from(pid.address().port()).rotate_left(16) ^ first.rotate_left(8);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % REMEMBERED
}

/// The port, the address, and the name; the scope of a link-local address is not kept.
fn encode(pid: &Pid) -> Vec<u8> {
    let mut text = Vec::with_capacity(19 + pid.name().len());
    text.extend(pid.address().port().to_be_bytes());
    match pid.address().ip() {
        IpAddr::V4(ip) => {
            text.push(4);
            text.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            text.push(6);
            text.extend(ip.octets());
        }
    }
    text.extend(pid.name().as_bytes());
    text
}

fn decode(text: &[u8]) -> Option<Pid> {
    let (port, text) = text.split_first_chunk::<2>()?;
    let (version, text) = text.split_first()?;
    let (ip, name): (IpAddr, _) = if *version == 4 {
        let (ip, name) = text.split_first_chunk::<4>()?;
        ((*ip).into(), name)
    } else {
        let (ip, name) = text.split_first_chunk::<16>()?;
        ((*ip).into(), name)
    };
    let name = std::str::from_utf8(name).ok()?;
    Some(Pid::from_parts(name.into(), SocketAddr::new(ip, u16::from_be_bytes(*port))))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
