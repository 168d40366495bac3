//! The last recorded table, and whether a new one is worse.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::contest::Unit;
use crate::machine;
use crate::table::{HEAD, Line};

/// The row of fixed work, by which figures that were measured elsewhere are brought to the same machine.
pub const CALIBRATION: &str = "calibration: fixed work";

const FILE: &str = "docs/benchmarks.md";

/// Ratios by what is compared.
pub type Ratios = BTreeMap<String, f64>;

/// The last table below the heading of the benchmark.
pub fn last(benchmark: &str) -> Result<Ratios> {
    let path = machine::root().join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {FILE}"))?;
    let ratios = last_table(&text, benchmark)?;
    if ratios.is_empty() {
        bail!("{FILE} has no table below `## {benchmark}`; record one before you check against it");
    }
    Ok(ratios)
}

/// Fails if a row is worse by more than its tolerance, or a recorded one is not there any more.
pub fn compare(recorded: &Ratios, lines: &[Line], complete: bool) -> Result<()> {
    let mut worse = Vec::new();
    let slower = slower(recorded, lines);
    for line in lines.iter().filter(|line| line.what != CALIBRATION) {
        let Some(&before) = recorded.get(line.what) else {
            eprintln!("bench: `{}` is not recorded yet", line.what);
            continue;
        };
        let ratio = comparable(line, slower);
        if is_worse(line, ratio, before) {
            let percent = line.tolerance * 100.0;
            worse.push(format!(
                "{}: ratio {ratio:.3}, recorded {before:.3}, tolerance {percent:.0} %",
                line.what
            ));
        }
    }
    if complete {
        let gone = recorded.keys().filter(|what| lines.iter().all(|line| line.what != what.as_str()));
        worse.extend(gone.map(|what| format!("{what}: recorded, but not measured any more")));
    }
    if !worse.is_empty() {
        bail!("worse than the table recorded in {FILE}:\n  {}", worse.join("\n  "));
    }
    eprintln!("bench: nothing is worse than recorded in {FILE}");
    Ok(())
}

/// How much longer the same work takes now than when the table was recorded.
fn slower(recorded: &Ratios, lines: &[Line]) -> f64 {
    let now = lines.iter().find(|line| line.what == CALIBRATION);
    now.zip(recorded.get(CALIBRATION)).map_or(1.0, |(now, before)| now.ratio / before)
}

/// The ratio as it would be on the machine of the table: beside a figure of elsewhere it says as much of the machine as of us.
fn comparable(line: &Line, slower: f64) -> f64 {
    match line.unit {
        Unit::Seconds if line.recorded => line.ratio / slower,
        Unit::PerSecond if line.recorded => line.ratio * slower,
        Unit::Seconds | Unit::PerSecond | Unit::Bytes => line.ratio,
    }
}

fn is_worse(line: &Line, ratio: f64, before: f64) -> bool {
    if line.unit.more_is_better() {
        ratio < before * (1.0 - line.tolerance)
    } else {
        ratio > before * (1.0 + line.tolerance)
    }
}

fn last_table(text: &str, benchmark: &str) -> Result<Ratios> {
    let heading = format!("## {benchmark}");
    let mut section = text.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    let section = section.by_ref().take_while(|line| !line.starts_with("## "));
    let mut ratios = Ratios::new();
    for line in section {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if cells == HEAD {
            // Another one follows: only the last counts.
            ratios.clear();
        } else if line.starts_with("| ") && cells.len() == HEAD.len() {
            let ratio = cells[3].parse();
            let ratio = ratio
                .with_context(|| format!("{FILE}: ratio `{}` of `{}` is no number", cells[3], cells[0]))?;
            ratios.insert(cells[0].to_owned(), ratio);
        }
    }
    Ok(ratios)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use crate::table::{markdown, tests::line};

    fn rate(ours: f64) -> Line {
        line("tell", Unit::PerSecond, ours, 100.0, Target::RatioAtLeast(0.9))
    }

    fn time(ours: f64) -> Line {
        line("ask", Unit::Bytes, ours, 100.0, Target::RatioAtMost(1.2))
    }

    fn recorded() -> Ratios {
        Ratios::from([("tell".to_owned(), 1.0), ("ask".to_owned(), 1.0)])
    }

    #[test]
    fn the_last_table_of_the_benchmark_counts() {
        let table = |ours| markdown(&[rate(ours), time(ours)]);
        let text = format!(
            "# Benchmarks\n\n## other\n\n{}\n## libactor\n\n{}\nlater:\n\n{}\n## after\n\n{}",
            table(1.0),
            table(20.0),
            table(90.0),
            table(3.0)
        );

        let ratios = last_table(&text, "libactor").unwrap();

        assert_eq!(ratios, Ratios::from([("tell".to_owned(), 0.9), ("ask".to_owned(), 0.9)]));
    }

    #[test]
    fn what_drifts_within_the_tolerance_passes() {
        compare(&recorded(), &[rate(80.0), time(120.0)], true).unwrap();
        compare(&recorded(), &[rate(500.0), time(1.0)], true).unwrap();
    }

    #[test]
    fn what_became_worse_fails_with_its_name() {
        let error = compare(&recorded(), &[rate(70.0), time(130.0)], true).unwrap_err().to_string();

        assert!(error.contains("tell: ratio 0.700, recorded 1.000, tolerance 25 %"), "{error}");
        assert!(error.contains("ask: ratio 1.300, recorded 1.000"), "{error}");
    }

    #[test]
    fn beside_a_figure_of_elsewhere_a_slower_machine_is_no_regression() {
        let recorded = Ratios::from([("cycle".to_owned(), 0.1), (CALIBRATION.to_owned(), 1.0)]);
        let cycle = |ours| {
            let mut cycle = line("cycle", Unit::Seconds, ours, 10.0, Target::Shown);
            cycle.recorded = true;
            cycle
        };
        let machine = |ours| line(CALIBRATION, Unit::Seconds, ours, 1.0, Target::Shown);

        compare(&recorded, &[cycle(2.0), machine(2.0)], true).unwrap();
        let error = compare(&recorded, &[cycle(2.0), machine(1.0)], true).unwrap_err().to_string();

        assert!(error.contains("cycle: ratio 0.200, recorded 0.100"), "{error}");
    }

    #[test]
    fn a_recorded_row_that_is_gone_fails_unless_only_some_were_wanted() {
        let error = compare(&recorded(), &[rate(100.0)], true).unwrap_err().to_string();

        assert!(error.contains("ask: recorded, but not measured any more"), "{error}");
        compare(&recorded(), &[rate(100.0)], false).unwrap();
    }

    #[test]
    fn a_ratio_that_is_no_number_is_named() {
        let text =
            "## libactor\n| what | ours | peer | ratio | target | met |\n| tell | 1 | 2 | fast | x | yes |\n";

        let error = last_table(text, "libactor").unwrap_err().to_string();

        assert!(error.contains("ratio `fast` of `tell` is no number"), "{error}");
    }
}
