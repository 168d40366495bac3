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

/// How often a stream says that it is alive. Mesos' number, which subscribers are told.
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
    waker: Option<Waker>,
}

/// The records that somebody has not read yet.
#[derive(Default)]
struct Log {
    /// The number of the first record that is there.
    first: u64,
    records: VecDeque<Record>,
    bytes: usize,
}

struct Record {
    bytes: Bytes,
    /// How many have yet to read it.
    unread: usize,
}

/// A subscriber's end, the body of the response. Its drop ends the subscription.
pub(crate) struct Subscription {
    number: u64,
    encoding: Encoding,
    /// What comes before the log.
    opening: VecDeque<Bytes>,
    subscribers: Subscribers,
    heartbeat: Pin<Box<dyn Future<Output = ()> + Send>>,
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
        let position = shared.log(encoding).end();
        shared.readers.insert(number, Reader { encoding, position, waker: None });
        let over = shared.readers.len().saturating_sub(self.most);
        let oldest: Vec<u64> = shared.readers.keys().copied().take(over).collect();
        let cut: Vec<Reader> = oldest.iter().filter_map(|number| shared.remove(*number)).collect();
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
        wake(cut);
        let (opening, heartbeat) = (VecDeque::new(), Box::pin(self.clock.sleep(HEARTBEAT)));
        Subscription { number, encoding, opening, subscribers: self.clone(), heartbeat }
    }

    /// Tells everybody. Who is too far behind is cut off.
    pub(super) fn tell(&self, event: &Event) {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            if self.readers_of(encoding) == 0 {
                continue;
            }
            let record = recordio::encode(&encoding.encode(event));
            let mut shared = self.lock();
            let slow = shared.push(encoding, record, self.max_waiting);
            let cut: Vec<Reader> = slow.iter().filter_map(|number| shared.remove(*number)).collect();
            let readers = shared.readers.values_mut().filter(|reader| reader.encoding == encoding);
            let wakers: Vec<Waker> = readers.filter_map(|reader| reader.waker.take()).collect();
            drop(shared);
            for number in slow {
                tracing::warn!(subscriber = number, "closed a stream of events: its reader is too slow");
            }
            wake(cut);
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().readers.len()
    }

    fn readers_of(&self, encoding: Encoding) -> usize {
        self.lock().readers_of(encoding)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What is behind the lock is whole whenever it is free, also when its last user panicked.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(readers: Vec<Reader>) {
    readers.into_iter().filter_map(|reader| reader.waker).for_each(Waker::wake);
}

impl Shared {
    fn log(&mut self, encoding: Encoding) -> &mut Log {
        match encoding {
            Encoding::Json => &mut self.json,
            Encoding::Protobuf => &mut self.protobuf,
        }
    }

    fn readers_of(&self, encoding: Encoding) -> usize {
        self.readers.values().filter(|reader| reader.encoding == encoding).count()
    }

    /// Adds a record; returns those who are too far behind for it. One record is taken however large it is: a stream that is
    /// read must not be closed for it.
    fn push(&mut self, encoding: Encoding, bytes: Bytes, max_waiting: usize) -> Vec<u64> {
        let unread = self.readers_of(encoding);
        let log = self.log(encoding);
        log.bytes += bytes.len();
        log.records.push_back(Record { bytes, unread });
        log.drop_read();
        while log.bytes > max_waiting && log.records.len() > 1 {
            log.drop_first();
        }
        let first = log.first;
        let slow =
            self.readers.iter().filter(|(_, reader)| reader.encoding == encoding && reader.position < first);
        slow.map(|(number, _)| *number).collect()
    }

    /// Forgets a reader, and what only it had yet to read.
    fn remove(&mut self, number: u64) -> Option<Reader> {
        let reader = self.readers.remove(&number)?;
        let log = self.log(reader.encoding);
        for position in reader.position.max(log.first)..log.end() {
            log.read(position);
        }
        Some(reader)
    }

    /// The next record of a reader, `None` within if it has none yet; nothing if it was cut off.
    fn next(&mut self, number: u64, waker: &Waker) -> Option<Option<Bytes>> {
        let Reader { encoding, position, .. } = *self.readers.get(&number)?;
        let record = self.log(encoding).read(position);
        let reader = self.readers.get_mut(&number)?;
        match record {
            Some(_) => reader.position += 1,
            None => reader.waker = Some(waker.clone()),
        }
        Some(record)
    }
}

impl Log {
    fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// A reader takes a record; the last one to do so takes it away, once nothing before it is left.
    fn read(&mut self, position: u64) -> Option<Bytes> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        let record = self.records.get_mut(index)?;
        record.unread -= 1;
        let bytes = record.bytes.clone();
        self.drop_read();
        Some(bytes)
    }

    fn drop_read(&mut self) {
        while self.records.front().is_some_and(|record| record.unread == 0) {
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
    pub(super) fn beginning_with(mut self, snapshot: &[u8]) -> Subscription {
        let heartbeat = self.encoding.encode(&events::heartbeat());
        self.opening = [recordio::encode(snapshot), recordio::encode(&heartbeat)].into();
        self
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
            Some(Some(record)) => return Poll::Ready(Some(record)),
            Some(None) => {}
        }
        ready!(self.heartbeat.as_mut().poll(cx));
        self.heartbeat = Box::pin(self.subscribers.clock.sleep(HEARTBEAT));
        Poll::Ready(Some(recordio::encode(&self.encoding.encode(&events::heartbeat()))))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.subscribers.lock().remove(self.number).is_some() {
            tracing::info!(subscriber = self.number, "an operator's stream of events ended");
        }
    }
}
