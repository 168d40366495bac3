//! Messages between actors of one process: told as fast as they are handled, and asked one after the other.

mod by_actix;
mod by_kameo;
mod by_ractor;
mod by_tokio;
mod ours;
mod recorded;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, percentiles, rate};
use tokio::sync::Notify;

/// Told in one run.
const TOLD: u64 = 2_000_000;
/// Told before the clock runs.
const WARM: u64 = 200_000;
/// At most so many told ones are not handled yet: mailboxes of a busy program, not of one that drowns.
const WINDOW: u64 = 20_000;
/// The receiver wakes the sender once for so many.
const STEP: u64 = 10_000;
/// How often the sender looks at the count, which another thread may be writing.
const LOOK: u64 = 1_000;

/// Asked in one run, and before the clock runs.
const ASKED: usize = 50_000;
const WARM_ASKED: usize = 2_000;

/// Where the receiver lives, seen from the sender.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    SameThread,
    AcrossThreads,
}

/// What is told and asked: 24 bytes.
struct Parcel {
    number: u64,
    payload: [u64; 2],
}

/// An actor that counts, whoever houses it.
trait Receiver {
    fn tell(&self, parcel: Parcel);
    fn ask(&self, parcel: Parcel) -> impl Future<Output = u64>;
}

/// How many messages the receiver has handled.
#[derive(Clone, Default)]
struct Count(Arc<Inner>);

#[derive(Default)]
struct Inner {
    handled: AtomicU64,
    step: Notify,
}

impl Count {
    /// What every receiver does with a message.
    fn handle(&self, parcel: &Parcel) -> u64 {
        std::hint::black_box(parcel.payload);
        self.one();
        parcel.number
    }

    fn one(&self) {
        // Only the receiver writes.
        let handled = self.0.handled.load(Ordering::Relaxed) + 1;
        self.0.handled.store(handled, Ordering::Release);
        if handled.is_multiple_of(STEP) {
            self.0.step.notify_one();
        }
    }

    async fn reaches(&self, target: u64) {
        while self.0.handled.load(Ordering::Acquire) < target {
            self.0.step.notified().await;
        }
    }
}

fn parcel(number: u64) -> Parcel {
    Parcel { number, payload: [number; 2] }
}

async fn measure_tell(receiver: &impl Receiver, count: &Count) -> Figures {
    tell(receiver, count, 0, WARM).await;
    let started = Instant::now();
    tell(receiver, count, WARM, TOLD).await;
    rate(TOLD, started.elapsed())
}

/// Tells so many after `before`, and waits until they are handled.
async fn tell(receiver: &impl Receiver, count: &Count, before: u64, told: u64) {
    for number in before..before + told {
        if number.is_multiple_of(LOOK) {
            count.reaches((number + LOOK).saturating_sub(WINDOW)).await;
        }
        receiver.tell(parcel(number));
    }
    count.reaches(before + told).await;
}

async fn measure_ask(receiver: &impl Receiver) -> Figures {
    let mut samples = Vec::with_capacity(ASKED);
    for number in 0..WARM_ASKED + ASKED {
        let started = Instant::now();
        let answer = receiver.ask(parcel(number as u64)).await;
        let took = started.elapsed();
        assert_eq!(answer, number as u64, "the receiver answers with the number");
        if number >= WARM_ASKED {
            samples.push(took);
        }
    }
    percentiles(&mut samples)
}

/// What is measured of each.
#[derive(Clone, Copy)]
enum What {
    Tell,
    Ask,
}

async fn measure(what: What, receiver: impl Receiver, count: Count) -> Figures {
    match what {
        What::Tell => measure_tell(&receiver, &count).await,
        What::Ask => measure_ask(&receiver).await,
    }
}

type Run = fn(What, Where) -> Result<Figures>;

fn side(who: &str, run: Run, what: What, place: Where) -> Side {
    let verb = if matches!(what, What::Tell) { "tell" } else { "ask" };
    let distance = if place == Where::SameThread { "same thread" } else { "across threads" };
    Side::new(format!("local {verb}, {distance}: {who}"), move || run(what, place))
}

pub fn contests() -> Vec<Contest> {
    vec![
        tells(
            Where::SameThread,
            [
                "local tell, same thread, beside actix",
                "local tell, same thread, beside kameo",
                "local tell, same thread, beside ractor",
            ],
        ),
        tells(
            Where::AcrossThreads,
            [
                "local tell, across threads, beside actix",
                "local tell, across threads, beside kameo",
                "local tell, across threads, beside ractor",
            ],
        ),
        asks(
            Where::SameThread,
            "local ask p50, same thread, beside actix",
            "local ask p50, same thread, beside tokio's oneshot",
        ),
        asks(
            Where::AcrossThreads,
            "local ask p50, across threads, beside actix",
            "local ask p50, across threads, beside tokio's oneshot between two runtimes",
        ),
        recorded::contest(),
    ]
}

fn tells(place: Where, what: [&'static str; 3]) -> Contest {
    let row = |what, target| Row::new(what, Unit::PerSecond, "rate", target);
    Contest {
        sides: vec![
            side("libactor", ours::run, What::Tell, place),
            side("actix", by_actix::run, What::Tell, place),
            side("kameo", by_kameo::run, What::Tell, place),
            side("ractor", by_ractor::run, What::Tell, place),
        ],
        rows: vec![
            row(what[0], Target::RatioAtLeast(0.9)).beside("actix", 1),
            row(what[1], Target::RatioAtLeast(1.0)).beside("kameo", 2),
            row(what[2], Target::RatioAtLeast(1.0)).beside("ractor", 3),
        ],
    }
}

fn asks(place: Where, beside_actix: &'static str, beside_tokio: &'static str) -> Contest {
    Contest {
        sides: vec![
            side("libactor", ours::run, What::Ask, place),
            side("actix", by_actix::run, What::Ask, place),
            side("tokio", by_tokio::run, What::Ask, place),
        ],
        rows: vec![
            Row::new(beside_actix, Unit::Seconds, "p50", Target::RatioAtMost(1.2)).beside("actix", 1),
            Row::new(beside_tokio, Unit::Seconds, "p50", Target::Shown).beside("tokio", 2),
        ],
    }
}

/// A thread with a current-thread runtime, for those that bring none. Ends with the process.
fn other_thread() -> tokio::runtime::Handle {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = one_thread();
        tell.send(runtime.handle().clone()).expect("who starts a thread waits for it");
        runtime.block_on(std::future::pending::<()>());
    });
    told.recv().expect("the thread starts")
}

fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// The time that one message takes, from the messages that a second takes.
fn each(figures: &Figures) -> Figures {
    let seconds = Duration::from_secs_f64(1.0).as_secs_f64() / figures["rate"];
    Figures::from([("each".to_owned(), seconds)])
}
