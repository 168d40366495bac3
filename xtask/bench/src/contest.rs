//! What a benchmark declares: who is measured, what of it is compared, and what it should be.

use std::time::Duration;

use anyhow::Result;

use crate::figures::Figures;

/// A benchmark of the table in `docs/benchmarks.md` with its name.
pub struct Benchmark {
    pub name: &'static str,
    /// The package of the program, for building it in other ways.
    pub package: &'static str,
    pub contests: Vec<Contest>,
    /// What other processes of a measurement do; see [`Other`](crate::Other).
    pub roles: &'static [(&'static str, Role)],
}

pub type Role = fn(&[String]) -> Result<()>;

/// Sides that are measured in turns, and the rows for which they are.
pub struct Contest {
    pub sides: Vec<Side>,
    pub rows: Vec<Row>,
}

/// Somebody who is measured.
pub struct Side {
    /// Unlike that of every other side of the benchmark.
    pub name: String,
    /// Further arguments of `cargo build` for the program in which it is measured.
    pub build: &'static [&'static str],
    pub measure: Measure,
    /// Who takes longer hangs.
    pub limit: Duration,
    /// Measured in the first round only.
    pub once: bool,
}

/// No run takes longer unless it hangs.
const LIMIT: Duration = Duration::from_secs(180);

/// One run of one side.
pub type Measure = Box<dyn Fn() -> Result<Figures>>;

impl Side {
    pub fn new(name: impl Into<String>, measure: impl Fn() -> Result<Figures> + 'static) -> Side {
        Side { name: name.into(), build: &[], measure: Box::new(measure), limit: LIMIT, once: false }
    }

    /// It takes minutes, up to this long, so that one run has to do.
    pub fn long(mut self, limit: Duration) -> Side {
        (self.limit, self.once) = (limit, true);
        self
    }

    /// Measured in a program that is built with other features, such as `--no-default-features`.
    pub fn built_with(mut self, build: &'static [&'static str]) -> Side {
        self.build = build;
        self
    }
}

/// One line of the table.
pub struct Row {
    /// What is compared. Names the row in the recorded table, so it stays as it is.
    pub what: &'static str,
    pub unit: Unit,
    /// A side, by its place in the contest, and the name of its figure.
    pub ours: (usize, &'static str),
    pub peer: (usize, &'static str),
    /// The peer as the table calls it.
    pub beside: &'static str,
    pub target: Target,
    /// The peer is a figure that was measured once, elsewhere.
    pub recorded: bool,
    /// By how much of itself the ratio may become worse before `--check` fails.
    pub tolerance: f64,
}

/// What figures are measured in: per second, seconds, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    Seconds,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Ours divided by the peer's.
    RatioAtLeast(f64),
    RatioAtMost(f64),
    /// Ours, whatever the peer's is.
    AtLeast(f64),
    AtMost(f64),
    /// Ours less the peer's.
    AtMostAbove(f64),
    /// Only shown.
    Shown,
}

impl Row {
    /// `ours` is a figure of the contest's first side.
    pub fn new(what: &'static str, unit: Unit, ours: &'static str, target: Target) -> Row {
        // Machines that others share drift by as much; tails of latencies, which rest on few samples, by more.
        let tail = ours.starts_with("p9");
        let tolerance = match unit {
            Unit::Seconds if tail => 1.0,
            Unit::Seconds | Unit::PerSecond | Unit::Bytes => 0.25,
        };
        Row { what, unit, ours: (0, ours), peer: (1, ours), beside: "", target, recorded: false, tolerance }
    }

    /// Ours is another side than the first.
    pub fn of(mut self, side: usize) -> Row {
        self.ours.0 = side;
        self
    }

    /// The same figure of another side that was measured once, elsewhere. Such a ratio says as much of the machine as of us: `--check`
    /// compares it as far as the calibration row has not changed.
    pub fn recorded(mut self, name: &'static str, side: usize) -> Row {
        self.recorded = true;
        if self.unit == Unit::Seconds {
            // Fixed work says how fast the processor is, and nothing of the disk.
            self.tolerance = self.tolerance.max(0.4);
        }
        self.beside(name, side)
    }

    /// The same figure of another side.
    pub fn beside(mut self, name: &'static str, side: usize) -> Row {
        self.beside = name;
        self.peer.0 = side;
        self
    }
}

impl Unit {
    pub fn more_is_better(self) -> bool {
        self == Unit::PerSecond
    }

    pub fn name(self) -> &'static str {
        match self {
            Unit::PerSecond => "per second",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
        }
    }

    /// With three digits that count.
    pub fn written(self, value: f64) -> String {
        let scales: &[(f64, &str)] = match self {
            Unit::PerSecond => &[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
            Unit::Seconds => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
            Unit::Bytes => &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")],
        };
        let fits = |(scale, _): &&(f64, &str)| value.abs() >= *scale * 0.9995;
        let (scale, name) = scales.iter().find(fits).or(scales.last()).expect("every unit has a scale");
        format!("{} {name}", digits(value / scale))
    }
}

impl Target {
    pub fn is_met(self, ours: f64, peer: f64) -> bool {
        match self {
            Target::RatioAtLeast(bound) => ours / peer >= bound,
            Target::RatioAtMost(bound) => ours / peer <= bound,
            Target::AtLeast(bound) => ours >= bound,
            Target::AtMost(bound) => ours <= bound,
            Target::AtMostAbove(bound) => ours - peer <= bound,
            Target::Shown => true,
        }
    }

    pub fn written(self, unit: Unit) -> String {
        match self {
            Target::RatioAtLeast(bound) => format!("≥ {bound} ×"),
            Target::RatioAtMost(bound) => format!("≤ {bound} ×"),
            Target::AtLeast(bound) => format!("≥ {}", unit.written(bound)),
            Target::AtMost(bound) => format!("≤ {}", unit.written(bound)),
            Target::AtMostAbove(bound) => format!("≤ {} above", unit.written(bound)),
            Target::Shown => "none".to_owned(),
        }
    }
}

/// Three digits that count, no zeros behind the point that say nothing.
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let behind = usize::try_from(3 - before).unwrap_or(0);
    let text = format!("{value:.behind$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_with_three_digits() {
        let written = [
            Unit::PerSecond.written(12_345_678.0),
            Unit::PerSecond.written(300e3),
            Unit::Seconds.written(24.96e-6),
            Unit::Seconds.written(999.9e-6),
            Unit::Seconds.written(0.4e-9),
            Unit::Bytes.written(1_200.0),
            Unit::Bytes.written(944.0),
        ];

        assert_eq!(written, ["12.3 M/s", "300 k/s", "25 µs", "1 ms", "0.4 ns", "1.2 kB", "944 B"]);
    }

    #[test]
    fn a_target_is_met_at_its_bound_and_missed_beyond_it() {
        let cases = [
            (Target::RatioAtLeast(0.9), (90.0, 100.0), (89.0, 100.0)),
            (Target::RatioAtMost(1.2), (120.0, 100.0), (121.0, 100.0)),
            (Target::AtLeast(300.0), (300.0, 1.0), (299.0, 1.0)),
            (Target::AtMost(25.0), (25.0, 1.0), (26.0, 1.0)),
            (Target::AtMostAbove(100.0), (150.0, 50.0), (151.0, 50.0)),
        ];

        for (target, at, beyond) in cases {
            assert!(target.is_met(at.0, at.1), "{target:?}");
            assert!(!target.is_met(beyond.0, beyond.1), "{target:?}");
        }
    }
}
