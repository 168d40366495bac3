//! An actor that gets more than it can handle, and what its neighbour on the same thread has of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::FutureExt;
use libactor::{Node, Worker};
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, percentiles};

/// What waits in the mailbox all the time.
const BACKLOG: u64 = 10_000;
/// What one of them takes.
const WORK: Duration = Duration::from_micros(2);
/// What the neighbour is asked, and how often.
const QUESTIONS: usize = 2_000;
const PACE: Duration = Duration::from_millis(1);
/// When one who asks gives up, which counts as the time that the answer took.
const PATIENCE: Duration = Duration::from_secs(2);

struct Flooded(Arc<AtomicU64>);
struct Neighbour;

struct Splash;
struct Question;

impl Flooded {
    fn work(&self) {
        let started = Instant::now();
        while started.elapsed() < WORK {
            std::hint::spin_loop();
        }
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl libactor::Actor for Flooded {}
impl libactor::Actor for Neighbour {}

impl libactor::Message for Splash {
    type Reply = ();
}

impl libactor::Message for Question {
    type Reply = ();
}

impl libactor::Handler<Splash> for Flooded {
    fn handle(&mut self, _cx: &mut libactor::Context<Self>, _: Splash) {
        self.work();
    }
}

impl libactor::Handler<Question> for Neighbour {
    fn handle(&mut self, _cx: &mut libactor::Context<Self>, _: Question) {}
}

impl actix::Actor for Flooded {
    type Context = actix::Context<Self>;
}

impl actix::Actor for Neighbour {
    type Context = actix::Context<Self>;
}

impl actix::Message for Splash {
    type Result = ();
}

impl actix::Message for Question {
    type Result = ();
}

impl actix::Handler<Splash> for Flooded {
    type Result = ();

    fn handle(&mut self, _: Splash, _cx: &mut actix::Context<Self>) {
        self.work();
    }
}

impl actix::Handler<Question> for Neighbour {
    type Result = ();

    fn handle(&mut self, _: Question, _cx: &mut actix::Context<Self>) {}
}

pub fn contest() -> Contest {
    let what = "a flooded actor's neighbour, ask p99";
    Contest {
        sides: vec![Side::new("flood: libactor", ours), Side::new("flood: actix", by_actix)],
        rows: vec![Row::new(what, Unit::Seconds, "p99", Target::AtMost(20e-3)).beside("actix", 1)],
    }
}

fn ours() -> Result<Figures> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        let worker = Worker::start();
        let handled = Arc::new(AtomicU64::new(0));
        let counted = handled.clone();
        let flooded = node.spawn_on(&worker, "flooded", || Flooded(counted));
        let neighbour = node.spawn_on(&worker, "neighbour", || Neighbour);
        flood(handled, move || flooded.tell(Splash)).await;
        ask(|| neighbour.ask(Question).map(|answer| answer.is_ok())).await
    })
}

fn by_actix() -> Result<Figures> {
    actix::System::new().block_on(async {
        let arbiter = actix::Arbiter::new().handle();
        let handled = Arc::new(AtomicU64::new(0));
        let counted = handled.clone();
        let flooded = actix::Actor::start_in_arbiter(&arbiter, |_| Flooded(counted));
        let neighbour: actix::Addr<Neighbour> = actix::Actor::start_in_arbiter(&arbiter, |_| Neighbour);
        flood(handled, move || flooded.do_send(Splash)).await;
        ask(|| neighbour.send(Question).map(|answer| answer.is_ok())).await
    })
}

/// Keeps the mailbox full from another thread until the process ends. Ready when it is full.
async fn flood(handled: Arc<AtomicU64>, tell: impl Fn() + Send + 'static) {
    let (full, is_full) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut full = Some(full);
        let mut told = 0;
        loop {
            while told < handled.load(Ordering::Relaxed) + BACKLOG {
                tell();
                told += 1;
            }
            let _ = full.take().map(|full| full.send(()));
            // A tenth of the backlog is gone by then.
            std::thread::sleep(WORK * (BACKLOG / 10) as u32);
        }
    });
    is_full.await.expect("the flood comes");
}

/// Each question is asked when its time has come, whether the ones before it were answered or not.
async fn ask<F: Future<Output = bool> + 'static>(question: impl Fn() -> F) -> Result<Figures> {
    let mut pace = tokio::time::interval(PACE);
    let mut answers = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        pace.tick().await;
        let (started, answer) = (Instant::now(), question());
        answers.push(actix_rt::spawn(async move {
            let answered = tokio::time::timeout(PATIENCE, answer).await;
            (answered.unwrap_or(true), started.elapsed())
        }));
    }
    let mut samples = Vec::with_capacity(QUESTIONS);
    for answer in answers {
        let (lives, took) = answer.await?;
        ensure!(lives, "the neighbour ended");
        samples.push(took);
    }
    Ok(percentiles(&mut samples))
}
