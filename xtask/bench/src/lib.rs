//! What every benchmark shares. A benchmark is a program named `bench-NAME`, in any package of the workspace, whose `main` calls
//! [`main`] with its contests; `cargo xtask bench NAME` finds, builds and runs it.
//!
//! A [`Contest`] measures its sides in turns, each time in a process of its own, so that neither a warm heap nor a drift of the
//! machine favours one of them. Each [`Row`] of the table compares one figure of ours with one of a peer.

mod arguments;
mod builds;
mod contest;
mod figures;
mod machine;
mod other;
mod recorded;
mod rounds;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

pub use contest::{Benchmark, Contest, Measure, Role, Row, Side, Target, Unit};
pub use figures::{Figures, median, percentiles, rate};
pub use other::Other;
pub use recorded::CALIBRATION;

use arguments::{Arguments, Wanted};
use table::Line;

/// Does what the arguments say: runs the benchmark, or is one of the processes that it starts.
pub fn main(benchmark: &Benchmark) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match Wanted::parse(&words) {
        Ok(Wanted::Run(arguments)) => run(benchmark, &arguments),
        Ok(Wanted::Measure(side)) => measure(benchmark, &side),
        Ok(Wanted::Play(role, rest)) => play(benchmark, &role, &rest),
        Err(error) => {
            eprintln!("bench: {error:#}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(benchmark: &Benchmark, arguments: &Arguments) -> Result<()> {
    // Without it figures of elsewhere cannot be compared.
    let is_wanted = |row: &Row| arguments.wants(row) || (arguments.check && row.what == CALIBRATION);
    let contests: Vec<&Contest> =
        benchmark.contests.iter().filter(|contest| contest.rows.iter().any(is_wanted)).collect();
    if !benchmark.contests.iter().flat_map(|contest| &contest.rows).any(|row| arguments.wants(row)) {
        let rows = benchmark.contests.iter().flat_map(|contest| &contest.rows);
        let rows: Vec<String> = rows.map(|row| format!("\n  {}", row.what)).collect();
        bail!("no row of {} is like `{}`; there are:{}", benchmark.name, arguments.only, rows.concat());
    }
    // Before hours go by on what cannot be compared.
    let earlier = arguments.check.then(|| recorded::last(benchmark.name)).transpose()?;
    let builds = builds::Builds::make(benchmark, &contests)?;

    println!("{}", machine::described()?);
    let (mut lines, mut failed): (Vec<Line>, Vec<String>) = Default::default();
    for contest in contests {
        match rounds::run(contest, &builds, arguments.runs) {
            Ok(medians) => {
                let rows = contest.rows.iter().filter(|row| is_wanted(row));
                for row in rows {
                    lines.push(Line::new(row, contest, &medians)?);
                }
            }
            // The others may still be worth their time.
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    println!(
        "medians of {} alternating runs; load average afterwards {}\n",
        arguments.runs,
        machine::load()?
    );
    println!("{}", table::markdown(&lines));
    if let Some(file) = &arguments.json {
        std::fs::write(file, table::json(&lines)).with_context(|| format!("write {}", file.display()))?;
    }
    if !failed.is_empty() {
        bail!("{} could not be measured:\n  {}", failed.len(), failed.join("\n  "));
    }
    match earlier {
        Some(earlier) => recorded::compare(&earlier, &lines, arguments.only.is_empty()),
        None => Ok(()),
    }
}

fn measure(benchmark: &Benchmark, name: &str) -> Result<()> {
    let mut sides = benchmark.contests.iter().flat_map(|contest| &contest.sides);
    let side = sides.find(|side| side.name == name).with_context(|| format!("there is no side `{name}`"))?;
    let measured = (side.measure)()?;
    println!("{}", serde_json::to_string(&measured).context("write what was measured")?);
    Ok(())
}

fn play(benchmark: &Benchmark, name: &str, arguments: &[String]) -> Result<()> {
    let role = benchmark.roles.iter().find(|(role, _)| *role == name);
    let (_, role) = role.with_context(|| format!("there is no role `{name}`"))?;
    role(arguments)
}
