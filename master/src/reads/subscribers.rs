//! Operators' event streams, between the readers' thread and the sockets.
//!
//! Events are encoded once, and wait in one log for all who have not read them: a thousand slow readers hold no more than
//! one of them does.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use libactor::Clock;
use tepui_proto::recordio;
use tepui_proto::v1::master::Event;

use super::events;
use crate::encoding::Encoding;

/// Bytes of events in each encoding that wait for slow readers: some two hundred thousand updates. Beyond it the streams of
/// those who are that far behind are closed: they subscribe again and get the state anew, and the master's memory is not their queue.
pub(super) const MAX_WAITING: usize = 64 << 20;

/// After how long without an event a stream says that it is alive. Mesos' number, which subscribers are told.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// All subscribers. Clones share them.
#[derive(Clone)]
pub(super) struct Subscribers {
    most: usize,
    max_waiting: usize,
    clock: Clock,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// By number: the first is the oldest.
    readers: BTreeMap<u64, Reader>,
    json: Log,
    protobuf: Log,
    next: u64,
}

/// One subscriber, as far as the readers' thread knows it.
struct Reader {
    encoding: Encoding,
    /// The number of the next record it reads.
    position: u64,
}

/// The records that somebody has not read yet.
#[derive(Default)]
struct Log {
    /// The number of the first record that is there.
    first: u64,
    records: VecDeque<Record>,
    bytes: usize,
    readers: usize,
    /// How many of them have read everything.
    at_end: usize,
    /// Those of them who wait to be told of more, by their number.
    waiting: BTreeMap<u64, Waker>,
}

struct Record {
    bytes: Bytes,
    /// How many read it next. All others have read it already, or will read one before it.
    readers: usize,
}

/// A subscriber's end, the body of the response. Its drop ends the subscription.
pub(crate) struct Subscription {
    number: u64,
    encoding: Encoding,
    /// What comes before the log.
    opening: VecDeque<Bytes>,
    subscribers: Subscribers,
    /// Over when nothing was told for so long that it must say that it is alive.
    silence: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Subscribers {
    /// No subscriber yet, of `most` at a time.
    pub(super) fn new(most: usize, max_waiting: usize, clock: Clock) -> Subscribers {
        Subscribers { most, max_waiting, clock, shared: Arc::default() }
    }

    /// One more, who gets every event that is told from now on. Where there are too many, the oldest goes.
    pub(super) fn add(&self, encoding: Encoding) -> Subscription {
        let mut shared = self.lock();
        let number = shared.next;
        shared.next += 1;
        let log = shared.log(encoding);
        (log.readers, log.at_end) = (log.readers + 1, log.at_end + 1);
        let position = log.end();
        shared.readers.insert(number, Reader { encoding, position });
        let over = shared.readers.len().saturating_sub(self.most);
        let oldest: Vec<u64> = shared.readers.keys().copied().take(over).collect();
        let wakers = shared.remove_all(&oldest);
        drop(shared);
        tracing::info!(subscriber = number, "an operator subscribed to events");
        for number in oldest {
            let most = self.most;
            tracing::warn!(
                subscriber = number,
                most,
                "closed the oldest stream of events: there are too many"
            );
        }
        wakers.into_iter().for_each(Waker::wake);
        let (opening, silence) = (VecDeque::new(), Box::pin(self.clock.sleep(HEARTBEAT)));
        Subscription { number, encoding, opening, subscribers: self.clone(), silence }
    }

    /// Tells everybody. Who is too far behind is cut off.
    pub(super) fn tell(&self, event: &Event) {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            if self.lock().log(encoding).readers == 0 {
                continue;
            }
            let record = recordio::encode(&encoding.encode(event));
            let mut shared = self.lock();
            let slow = shared.push(encoding, record, self.max_waiting);
            let mut wakers = shared.remove_all(&slow);
            wakers.extend(std::mem::take(&mut shared.log(encoding).waiting).into_values());
            drop(shared);
            for number in slow {
                tracing::warn!(subscriber = number, "closed a stream of events: its reader is too slow");
            }
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().readers.len()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What is behind the lock is whole whenever it is free, also when its last user panicked.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn log(&mut self, encoding: Encoding) -> &mut Log {
        match encoding {
            Encoding::Json => &mut self.json,
            Encoding::Protobuf => &mut self.protobuf,
        }
    }

    /// Adds a record; returns those who are too far behind for it. One record is taken however large it is: a stream that is
    /// read must not be closed for it.
    fn push(&mut self, encoding: Encoding, bytes: Bytes, max_waiting: usize) -> Vec<u64> {
        let log = self.log(encoding);
        if !log.push(bytes, max_waiting) {
            return Vec::new();
        }
        let first = log.first;
        let slow =
            self.readers.iter().filter(|(_, reader)| reader.encoding == encoding && reader.position < first);
        slow.map(|(number, _)| *number).collect()
    }

    /// Forgets a reader, and what only it had yet to read; the waker is to be woken, if it waits.
    fn remove(&mut self, number: u64) -> Option<Option<Waker>> {
        let reader = self.readers.remove(&number)?;
        let log = self.log(reader.encoding);
        log.readers -= 1;
        log.leave(reader.position);
        Some(log.waiting.remove(&number))
    }

    fn remove_all(&mut self, numbers: &[u64]) -> Vec<Waker> {
        numbers.iter().filter_map(|number| self.remove(*number)?).collect()
    }

    /// The next record of a reader, `None` within if it has none yet; nothing if it was cut off.
    fn next(&mut self, number: u64, waker: &Waker) -> Option<Option<Bytes>> {
        let Reader { encoding, position } = *self.readers.get(&number)?;
        let log = self.log(encoding);
        let Some(record) = log.read(position) else {
            log.waiting.insert(number, waker.clone());
            return Some(None);
        };
        self.readers.get_mut(&number)?.position += 1;
        Some(Some(record))
    }
}

impl Log {
    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Adds a record for those who have read everything; says whether somebody is too far behind for it.
    fn push(&mut self, bytes: Bytes, max_waiting: usize) -> bool {
        self.bytes += bytes.len();
        self.records.push_back(Record { bytes, readers: std::mem::take(&mut self.at_end) });
        self.drop_read();
        let mut leaves_somebody = false;
        while self.bytes > max_waiting && self.records.len() > 1 {
            leaves_somebody |= self.records.front().is_some_and(|record| record.readers > 0);
            self.drop_first();
        }
        leaves_somebody
    }

    /// A reader takes its next record and goes on to the one behind it.
    fn read(&mut self, position: u64) -> Option<Bytes> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        let bytes = self.records.get(index)?.bytes.clone();
        match self.records.get_mut(index + 1) {
            Some(next) => next.readers += 1,
            None => self.at_end += 1,
        }
        self.leave(position);
        Some(bytes)
    }

    /// A reader reads no more at this place.
    fn leave(&mut self, position: u64) {
        let Some(index) = position.checked_sub(self.first) else { return };
        let record = usize::try_from(index).ok().and_then(|index| self.records.get_mut(index));
        match record {
            Some(record) => record.readers -= 1,
            None => self.at_end -= 1,
        }
        self.drop_read();
    }

    /// What comes before everybody is read.
    fn drop_read(&mut self) {
        while self.records.front().is_some_and(|record| record.readers == 0) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.bytes -= record.bytes.len();
            self.first += 1;
        }
    }
}

impl Subscription {
    /// Puts the first event before everything else, and a heartbeat right behind it, as Mesos does: there are clients that look
    /// at an event only when the next one is there.
    pub(super) fn beginning_with(mut self, snapshot: Bytes) -> Subscription {
        self.opening = [snapshot, self.heartbeat()].into();
        self
    }

    fn heartbeat(&self) -> Bytes {
        recordio::encode(&self.encoding.encode(&events::heartbeat()))
    }

    fn wind_up(&mut self) {
        self.silence = Box::pin(self.subscribers.clock.sleep(HEARTBEAT));
    }
}

/// One record is one chunk of the response, as on schedulers' streams.
impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(record) = self.opening.pop_front() {
            return Poll::Ready(Some(record));
        }
        let next = self.subscribers.lock().next(self.number, cx.waker());
        match next {
            None => return Poll::Ready(None),
            // Whoever gets events knows that the master is alive.
            Some(Some(record)) => {
                self.wind_up();
                return Poll::Ready(Some(record));
            }
            Some(None) => {}
        }
        ready!(self.silence.as_mut().poll(cx));
        self.wind_up();
        Poll::Ready(Some(self.heartbeat()))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.subscribers.lock().remove(self.number).is_some() {
            tracing::info!(subscriber = self.number, "an operator's stream of events ended");
        }
    }
}
