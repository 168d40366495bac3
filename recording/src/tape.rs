//! What a daemon's actor holds: an idle tape, or one that somebody reads.
//!
//! Recording must not slow the daemon down: what the reader does not take in time ends the recording, with a record that
//! says so. An idle tape costs one comparison a step.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tepui_model::Time;
use tepui_model::recorded::{self, Core};
use tokio::sync::mpsc;

use crate::BUILD;
use crate::file::{self, End, Header, Record, Why};

/// Inputs that wait for a slow reader, beside the snapshot: seconds of a busy master's. Beyond it the recording ends.
const MAX_WAITING: usize = 64 << 20;

/// When a recording ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// After so long.
    pub time: Duration,
    /// When its inputs are so many bytes; the snapshot does not count.
    pub bytes: u64,
}

impl Limits {
    /// Five minutes, or a gigabyte: what an operator who waits for a fault and forgets about it can afford.
    pub const DEFAULT: Limits = Limits { time: Duration::from_secs(300), bytes: 1 << 30 };

    /// A day, or 16 gigabytes.
    pub const LARGEST: Limits = Limits { time: Duration::from_secs(24 * 60 * 60), bytes: 16 << 30 };

    /// Those of a request's query, `seconds=30&bytes=1000000`; the default, where it says nothing.
    ///
    /// # Errors
    ///
    /// Which parameter is wrong, and what it may be.
    pub fn of_query(query: &str) -> Result<Limits, String> {
        let mut limits = Limits::DEFAULT;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let number = |largest: u64| match value.parse::<u64>() {
                Ok(number) if (1..=largest).contains(&number) => Ok(number),
                _ => Err(format!("{name}={value}: write a whole number from 1 to {largest}")),
            };
            match name {
                "seconds" => limits.time = Duration::from_secs(number(Limits::LARGEST.time.as_secs())?),
                "bytes" => limits.bytes = number(Limits::LARGEST.bytes)?,
                _ => return Err(format!("'{name}' is unknown; there are 'seconds' and 'bytes'")),
            }
        }
        Ok(limits)
    }
}

/// Somebody else records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this actor is being recorded already; wait until that ends, or end it with DELETE")]
pub struct Busy;

/// See the module.
#[derive(Debug, Default)]
pub struct Tape {
    running: Option<Running>,
    /// Tells recordings apart.
    number: u64,
}

#[derive(Debug)]
struct Running {
    records: mpsc::UnboundedSender<Bytes>,
    /// Bytes that the reader has not taken.
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    inputs: u64,
    /// That inputs may still take.
    room: u64,
    until: Time,
}

/// The reader's end: the bytes of the file.
#[derive(Debug)]
pub struct Records {
    records: mpsc::UnboundedReceiver<Bytes>,
    waiting: Arc<AtomicUsize>,
    /// Which recording this is, for [`Tape::time_is_up`].
    pub number: u64,
}

impl Tape {
    /// Begins with the state as it is.
    ///
    /// # Errors
    ///
    /// One reader at a time.
    pub fn begin<C: Core>(
        &mut self,
        core: &C,
        actor: &str,
        now: Time,
        limits: Limits,
    ) -> Result<Records, Busy> {
        if self.running.as_ref().is_some_and(|running| !running.records.is_closed()) {
            return Err(Busy);
        }
        let header = Header { core: C::NAME.into(), actor: actor.into(), build: BUILD.into(), began: now };
        let mut start = file::write_header(&header);
        start.extend(file::write(&Record::Snapshot(core.snapshot())));
        let (sender, records) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let running = Running {
            records: sender,
            waiting: Arc::clone(&waiting),
            most_waiting: start.len() + MAX_WAITING,
            inputs: 0,
            room: limits.bytes,
            until: now + limits.time,
        };
        running.send(start);
        self.running = Some(running);
        self.number += 1;
        Ok(Records { records, waiting, number: self.number })
    }

    /// To be called with every input, right before the core takes it.
    #[inline]
    pub fn note<C: Core>(&mut self, core: &C, now: Time, input: &C::Input) {
        if self.running.is_some() {
            self.note_running(core, now, input);
        }
    }

    #[cold]
    fn note_running<C: Core>(&mut self, core: &C, now: Time, input: &C::Input) {
        let Some(running) = &mut self.running else { return };
        if running.records.is_closed() {
            self.running = None;
            return;
        }
        let record = file::write(&Record::Input { now, bytes: recorded::write(input) });
        let size = record.len() as u64;
        let over = if now >= running.until {
            Some(Why::TimeIsUp)
        } else if size > running.room {
            Some(Why::LargeEnough)
        } else if running.waiting.load(Ordering::Relaxed) + record.len() > running.most_waiting {
            Some(Why::SlowReader)
        } else {
            None
        };
        match over {
            Some(why) => self.end(core, why),
            None => {
                running.inputs += 1;
                running.room -= size;
                running.send(record);
            }
        }
    }

    /// Ends the recording, if there is one, between two steps.
    pub fn end<C: Core>(&mut self, core: &C, why: Why) {
        let Some(running) = self.running.take() else { return };
        let end = End { inputs: running.inputs, digest: core.digest(), why };
        running.send(file::write(&Record::End(end)));
    }

    /// For a timer: a core to which nothing happens would never notice that its time is up.
    pub fn time_is_up<C: Core>(&mut self, core: &C, number: u64) {
        if self.number == number {
            self.end(core, Why::TimeIsUp);
        }
    }
}

impl Running {
    fn send(&self, bytes: Vec<u8>) {
        self.waiting.fetch_add(bytes.len(), Ordering::Relaxed);
        // A reader that is gone shows at the next input.
        let _ = self.records.send(bytes.into());
    }
}

impl Stream for Records {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let polled = self.records.poll_recv(cx);
        if let Poll::Ready(Some(bytes)) = &polled {
            self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        polled
    }
}
