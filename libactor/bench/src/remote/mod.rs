//! Messages between two processes, over loopback: ours beside a link that is made of tokio's parts and nothing else.

mod by_actix_web;
mod libprocess;
mod link;
pub mod ours;

use anyhow::{Context, Result};
use bytes::Bytes;
use tepui_bench::{Contest, Role, Row, Side, Target, Unit};

/// Told in one run, and before the clock runs.
const TOLD: u64 = 1_000_000;
const WARM: u64 = 100_000;
/// At most so many are told and not acknowledged; the receiver acknowledges every step.
const WINDOW: u64 = 20_000;
const STEP: u64 = 5_000;

/// Round trips in one run, and before the clock runs.
const ROUNDS: usize = 20_000;
const WARM_ROUNDS: usize = 2_000;

/// 100 bytes when encoded: a number and text, as messages have.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Load {
    #[prost(fixed64, tag = "1")]
    pub number: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub payload: Bytes,
}

/// How many have arrived.
#[derive(Clone, PartialEq, prost::Message)]
struct Count {
    #[prost(uint64, tag = "1")]
    count: u64,
}

impl prost::Name for Load {
    const NAME: &'static str = "Load";
    const PACKAGE: &'static str = "libactor.bench";
}

impl libactor::Request for Load {
    type Reply = Load;
}

impl prost::Name for Count {
    const NAME: &'static str = "Count";
    const PACKAGE: &'static str = "libactor.bench";
}

pub fn load(number: u64) -> Load {
    Load { number, payload: Bytes::from_static(&[7; 89]) }
}

pub const ROLES: [(&str, Role); 4] = [
    ("node", ours::play),
    ("link", link::play),
    ("libprocess receiver", libprocess::play),
    ("actix-web receiver", by_actix_web::play),
];

pub fn contests() -> Vec<Contest> {
    vec![
        Contest {
            sides: vec![
                Side::new("remote tell: libactor", ours::tell),
                Side::new("remote tell: raw tokio link", link::tell),
                Side::new("remote tell: libactor, at the socket", ours::tell_at_the_socket),
            ],
            rows: vec![
                Row::new("remote tell, 100 bytes", Unit::PerSecond, "rate", Target::RatioAtLeast(0.7))
                    .beside("raw tokio link", 1),
                Row::new(
                    "remote tell, 100 bytes, actors on the sockets' threads",
                    Unit::PerSecond,
                    "rate",
                    Target::RatioAtLeast(0.7),
                )
                .beside("raw tokio link", 1)
                .of(2),
            ],
        },
        Contest {
            sides: vec![
                Side::new("remote tell: recorder on", ours::tell),
                Side::new("remote tell: recorder compiled out", ours::tell)
                    .built_with(&["--no-default-features"]),
            ],
            rows: vec![
                Row::new(
                    "remote tell with the flight recorder",
                    Unit::PerSecond,
                    "rate",
                    Target::RatioAtLeast(0.95),
                )
                .beside("compiled out", 1),
            ],
        },
        Contest {
            sides: vec![
                Side::new("remote tell for long: recorder on", ours::tell_for_long),
                Side::new("remote tell for long: recorder compiled out", ours::tell_for_long)
                    .built_with(&["--no-default-features"]),
            ],
            rows: vec![
                Row::new(
                    "remote tell with the flight recorder, once it has gone round",
                    Unit::PerSecond,
                    "rate",
                    Target::RatioAtLeast(0.95),
                )
                .beside("compiled out", 1),
            ],
        },
        Contest {
            sides: vec![
                Side::new("remote ask: libactor", ours::asks),
                Side::new("remote ask: raw tokio link", link::round_trips),
                Side::new("remote ask: libactor, at the socket", ours::asks_at_the_socket),
            ],
            rows: vec![
                trip("remote ask p50", "p50", Target::AtMost(25e-6)),
                trip("remote ask p99", "p99", Target::AtMost(60e-6)),
                trip("remote ask p99.9", "p99.9", Target::Shown),
                trip("remote ask p50, actors on the sockets' thread", "p50", Target::AtMost(25e-6)).of(2),
                trip("remote ask p99, actors on the sockets' thread", "p99", Target::AtMost(60e-6)).of(2),
            ],
        },
        Contest {
            sides: vec![
                Side::new("libprocess receive: libactor", libprocess::receive),
                Side::new("libprocess receive: actix-web", by_actix_web::receive),
            ],
            rows: vec![
                Row::new(
                    "libprocess-wire receive, one connection",
                    Unit::PerSecond,
                    "rate",
                    Target::AtLeast(300e3),
                )
                .beside("actix-web, 64 at a time", 1),
            ],
        },
    ]
}

fn trip(what: &'static str, figure: &'static str, target: Target) -> Row {
    Row::new(what, Unit::Seconds, figure, target).beside("raw tokio link", 1)
}

/// The address that the other process says first.
pub fn address(other: &mut tepui_bench::Other) -> Result<std::net::SocketAddr> {
    let line = other.line()?;
    line.parse().with_context(|| format!("read the address `{line}`"))
}
