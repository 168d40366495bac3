//! The alternating runs of one contest.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::builds::Builds;
use crate::contest::{Contest, Side};
use crate::figures::{Figures, median};

/// How often a run is asked whether it has ended. It measures itself, so this costs only patience.
const LOOK: Duration = Duration::from_millis(10);

/// The medians of each side's figures, sides in the order of the contest.
pub fn run(contest: &Contest, builds: &Builds, runs: usize) -> Result<Vec<Figures>> {
    let mut measured: Vec<Vec<Figures>> = contest.sides.iter().map(|_| Vec::new()).collect();
    for round in 1..=runs {
        for (side, measured) in contest.sides.iter().zip(&mut measured) {
            if side.once && round > 1 {
                continue;
            }
            let figures = measure(side, builds).with_context(|| format!("measure {}", side.name))?;
            eprintln!("{round}/{runs} {}: {figures:?}", side.name);
            measured.push(figures);
        }
    }
    Ok(measured.iter().map(|runs| medians(runs)).collect())
}

fn medians(runs: &[Figures]) -> Figures {
    let names = runs.first().into_iter().flat_map(Figures::keys);
    names
        .map(|name| {
            let mut values: Vec<f64> = runs.iter().filter_map(|run| run.get(name).copied()).collect();
            (name.clone(), median(&mut values))
        })
        .collect()
}

/// One run, in a process of its own.
fn measure(side: &Side, builds: &Builds) -> Result<Figures> {
    let mut command = Command::new(builds.find(side.build));
    command.args(["measure", &side.name]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("start it")?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("wait for it")? {
            break status;
        }
        if started.elapsed() > side.limit {
            child.kill().context("end it")?;
            child.wait().context("wait for its end")?;
            bail!("it hung for {:?}", side.limit);
        }
        std::thread::sleep(LOOK);
    };
    // One line, which fits into the pipe.
    let mut text = String::new();
    let output = child.stdout.as_mut().expect("its output was asked for");
    output.read_to_string(&mut text).context("read its figures")?;
    if !status.success() {
        bail!("it failed: {status}");
    }
    serde_json::from_str(&text).with_context(|| format!("read its figures from `{}`", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_a_median_of_its_own() {
        let run = |rate: f64, p50: f64| Figures::from([("rate".to_owned(), rate), ("p50".to_owned(), p50)]);

        let medians = medians(&[run(1.0, 30.0), run(3.0, 10.0), run(2.0, 20.0)]);

        assert_eq!(medians, run(2.0, 20.0));
    }
}
