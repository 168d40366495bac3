//! The one table of a benchmark, for people and for programs.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::contest::{Contest, Row, Unit, digits};
use crate::figures::Figures;

pub const HEAD: [&str; 6] = ["what", "ours", "peer", "ratio", "target", "met"];

/// A row with its figures.
#[derive(Debug, Clone)]
pub struct Line {
    pub what: &'static str,
    pub unit: Unit,
    pub tolerance: f64,
    /// The peer's figure was measured once, elsewhere.
    pub recorded: bool,
    pub ratio: f64,
    ours: f64,
    peer: f64,
    beside: &'static str,
    target: String,
    // None if there is nothing to meet.
    met: Option<bool>,
}

impl Line {
    pub fn new(row: &Row, contest: &Contest, medians: &[Figures]) -> Result<Line> {
        let figure = |(side, name): (usize, &str)| {
            let measured = medians[side].get(name).copied();
            measured.with_context(|| format!("`{}` did not measure `{name}`", contest.sides[side].name))
        };
        let (ours, peer) = (figure(row.ours)?, figure(row.peer)?);
        let shown = row.target == crate::Target::Shown;
        Ok(Line {
            what: row.what,
            unit: row.unit,
            tolerance: row.tolerance,
            recorded: row.recorded,
            ratio: ours / peer,
            ours,
            peer,
            beside: row.beside,
            target: row.target.written(row.unit),
            met: (!shown).then(|| row.target.is_met(ours, peer)),
        })
    }

    fn cells(&self) -> [String; 6] {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "no",
            None => "–",
        };
        [
            self.what.to_owned(),
            self.unit.written(self.ours),
            format!("{} ({})", self.unit.written(self.peer), self.beside),
            digits(self.ratio),
            self.target.clone(),
            met.to_owned(),
        ]
    }
}

/// As it stands in `docs/benchmarks.md`.
pub fn markdown(lines: &[Line]) -> String {
    let head = HEAD.map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(lines.iter().map(Line::cells)).collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let written = |row: &[String; 6]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = format!("|{}\n", widths.map(|width| format!("{:-<1$}|", "", width + 2)).concat());
    let body: String = rows[1..].iter().map(written).collect();
    written(&rows[0]) + &rule + &body
}

/// Figures in the units of [`Unit`]: per second, seconds, bytes. What has no target is met.
pub fn json(lines: &[Line]) -> String {
    let rows: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "what": format!("{} ({})", line.what, line.unit.name()),
                "ours": line.ours,
                "peer": line.peer,
                "ratio": line.ratio,
                "target": line.target,
                "met": line.met.unwrap_or(true),
            })
        })
        .collect();
    format!("{:#}\n", Value::from(rows))
}

#[cfg(test)]
pub mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{Side, Target};

    pub fn line(what: &'static str, unit: Unit, ours: f64, peer: f64, target: Target) -> Line {
        let sides = ["ours", "theirs"].map(|name| Side::new(name, || Ok(Figures::new()))).into();
        let row = Row::new(what, unit, "figure", target).beside("theirs", 1);
        let medians = [ours, peer].map(|value| Figures::from([("figure".to_owned(), value)]));
        Line::new(&row, &Contest { sides, rows: Vec::new() }, &medians).expect("both have the figure")
    }

    fn lines() -> [Line; 3] {
        [
            line("tell", Unit::PerSecond, 4.5e6, 5e6, Target::RatioAtLeast(0.9)),
            line("ask p50", Unit::Seconds, 30e-6, 8e-6, Target::AtMost(25e-6)),
            line("shown", Unit::Bytes, 1000.0, 500.0, Target::Shown),
        ]
    }

    #[test]
    fn a_table_is_read_by_people() {
        expect![[r#"
            | what    | ours    | peer           | ratio | target  | met |
            |---------|---------|----------------|-------|---------|-----|
            | tell    | 4.5 M/s | 5 M/s (theirs) | 0.9   | ≥ 0.9 × | yes |
            | ask p50 | 30 µs   | 8 µs (theirs)  | 3.75  | ≤ 25 µs | no  |
            | shown   | 1 kB    | 500 B (theirs) | 2     | none    | –   |
        "#]]
        .assert_eq(&markdown(&lines()));
    }

    #[test]
    fn a_file_is_read_by_programs() {
        expect![[r#"
            [
              {
                "met": false,
                "ours": 0.5,
                "peer": 0.25,
                "ratio": 2.0,
                "target": "≤ 100 ms",
                "what": "start (seconds)"
              }
            ]
        "#]]
        .assert_eq(&json(&[line("start", Unit::Seconds, 0.5, 0.25, Target::AtMost(0.1))]));
    }

    #[test]
    fn a_figure_that_was_not_measured_is_named() {
        let sides = vec![Side::new("ours", || Ok(Figures::new()))];
        let row = Row::new("tell", Unit::PerSecond, "rate", Target::Shown);

        let error = Line::new(&row, &Contest { sides, rows: Vec::new() }, &[Figures::new()]).unwrap_err();

        assert_eq!(error.to_string(), "`ours` did not measure `rate`");
    }
}
