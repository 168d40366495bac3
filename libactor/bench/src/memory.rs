//! What an actor costs that does nothing: the slope of resident memory between two sizes of the crowd.

use anyhow::{Context as _, Result};
use libactor::Node;
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit};

const FEW: usize = 50_000;
const MANY: usize = 200_000;

/// A state of eight bytes, and one message that each handles once, so that its mailbox was in use.
struct Idler(u64);
struct Number;

impl libactor::Actor for Idler {}

impl libactor::Message for Number {
    type Reply = u64;
}

impl libactor::Handler<Number> for Idler {
    fn handle(&mut self, _cx: &mut libactor::Context<Self>, _: Number) -> u64 {
        self.0
    }
}

impl actix::Actor for Idler {
    type Context = actix::Context<Self>;
}

impl actix::Message for Number {
    type Result = u64;
}

impl actix::Handler<Number> for Idler {
    type Result = u64;

    fn handle(&mut self, _: Number, _cx: &mut actix::Context<Self>) -> u64 {
        self.0
    }
}

pub fn contest() -> Contest {
    let row = Row::new("memory per idle actor", Unit::Bytes, "each", Target::AtMost(1200.0));
    Contest {
        sides: vec![Side::new("memory: libactor", ours), Side::new("memory: actix", by_actix)],
        rows: vec![row.beside("actix", 1)],
    }
}

/// Named, as every actor is, and known to the node alone.
fn ours() -> Result<Figures> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        let start = |range: std::ops::Range<usize>| {
            let node = node.clone();
            async move {
                for number in range {
                    let idler = node.spawn(&format!("idler-{number}"), Idler(number as u64));
                    assert_eq!(idler.ask(Number).await, Ok(number as u64));
                }
            }
        };
        start(0..FEW).await;
        let few = resident()?;
        start(FEW..MANY).await;
        slope(few)
    })
}

fn by_actix() -> Result<Figures> {
    actix::System::new().block_on(async {
        // One ends when nobody knows it any more.
        let mut known = Vec::with_capacity(MANY);
        let start = async |known: &mut Vec<actix::Addr<Idler>>, range: std::ops::Range<usize>| {
            for number in range {
                let idler = actix::Actor::start(Idler(number as u64));
                assert_eq!(idler.send(Number).await, Ok(number as u64));
                known.push(idler);
            }
        };
        start(&mut known, 0..FEW).await;
        let few = resident()?;
        start(&mut known, FEW..MANY).await;
        slope(few)
    })
}

fn slope(few: usize) -> Result<Figures> {
    let grown = resident()?.saturating_sub(few);
    Ok(Figures::from([("each".to_owned(), grown as f64 / (MANY - FEW) as f64)]))
}

/// Resident memory of this process, in bytes.
fn resident() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("find VmRSS")?;
    let kib: usize = line.trim().trim_end_matches(" kB").parse().context("read VmRSS")?;
    Ok(kib << 10)
}
