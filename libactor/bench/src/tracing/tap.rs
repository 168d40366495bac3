//! Somebody follows the messages of a node that gets as many as it can handle.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use tepui_bench::{Contest, Figures, Other, Row, Side, Target, Unit};

use super::get;
use crate::remote::address;
use crate::remote::ours::tell_to;

const TAIL: &str = "/__trace__/tail?rate=100&seconds=60";

pub fn contest() -> Contest {
    let row = |what, side, ratio| {
        let row = Row::new(what, Unit::PerSecond, "rate", Target::RatioAtLeast(ratio));
        row.of(side).beside("no tap", 0)
    };
    Contest {
        sides: vec![
            Side::new("a tap: none", none),
            Side::new("a tap: while it is there", during),
            Side::new("a tap: after it has gone", after),
        ],
        rows: vec![
            row("remote tell with a tap on the receiver", 1, 0.9),
            // Nothing, as far as runs of one program are alike.
            row("remote tell after a tap on the receiver", 2, 0.95),
        ],
    }
}

fn none() -> Result<Figures> {
    let mut node = Other::start("node", &[])?;
    tell_to(address(&mut node)?)
}

fn during() -> Result<Figures> {
    let mut node = Other::start("node", &[])?;
    let address = address(&mut node)?;
    let shown = follow(address)?;
    let figures = tell_to(address)?;
    ensure!(shown.load(Ordering::Relaxed) > 0, "the tap showed nothing");
    Ok(figures)
}

fn after() -> Result<Figures> {
    let mut node = Other::start("node", &[])?;
    let address = address(&mut node)?;
    // The connection is closed before anything is told.
    drop(get(address, TAIL)?);
    tell_to(address)
}

/// Reads the tail until the process ends. How many messages it has shown.
fn follow(node: SocketAddr) -> Result<Arc<AtomicU64>> {
    let mut tail = get(node, TAIL)?;
    let shown = Arc::new(AtomicU64::new(0));
    let counter = shown.clone();
    std::thread::spawn(move || {
        let (mut buffer, mut read) = (vec![0; 64 << 10], 0);
        while let Ok(bytes @ 1..) = tail.read(&mut buffer) {
            read += buffer[..bytes].windows(9).filter(|text| text == b"\"outcome\"").count() as u64;
            counter.store(read, Ordering::Relaxed);
        }
    });
    Ok(shown)
}
