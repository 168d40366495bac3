//! The simulated hour: prints what was counted and the transcript's hash, or what did not hold and what led there.

use std::process::ExitCode;
use std::time::Instant;

use tepui_sim::{Scenario, World, seed_or};

const USAGE: &str = "\
usage: hour [--seed NUMBER] [--lines NUMBER] [--lossy | --stormy | --emulated]

  --seed    decides everything that is left to chance (1, or the environment's TEPUI_SEED)
  --lines   how many of the transcript's last lines are printed if something does not hold (200)
  --lossy   a few agents and much that goes wrong, instead of the hour of 1,000 agents
  --stormy  fewer agents, and hardly anything ever works
  --emulated  50,000 agents and 200 frameworks; build it with --release";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(scenario) = scenario(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (agents, frameworks, minutes) =
        (scenario.agents, scenario.frameworks, scenario.length.as_secs() / 60);
    println!(
        "seed {}: one master, {agents} agents, {frameworks} frameworks, {minutes} minutes",
        scenario.seed
    );
    let began = Instant::now();
    let outcome = World::new(scenario).run();
    eprintln!("took {:.1} s", began.elapsed().as_secs_f64());
    match outcome {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            print!("{broken}");
            ExitCode::FAILURE
        }
    }
}

fn scenario(arguments: &[String]) -> Option<Scenario> {
    let mut arguments = arguments.iter().map(String::as_str);
    let (mut seed, mut lines, mut of): (_, _, fn(u64) -> Scenario) = (None, 200, Scenario::hour);
    while let Some(argument) = arguments.next() {
        match argument {
            "--seed" => seed = Some(arguments.next()?.parse().ok()?),
            "--lines" => lines = arguments.next()?.parse().ok()?,
            "--lossy" => of = Scenario::lossy,
            "--stormy" => of = Scenario::stormy,
            "--emulated" => of = Scenario::emulated,
            _ => return None,
        }
    }
    let seed = seed.unwrap_or_else(|| seed_or(1));
    Some(Scenario { kept_lines: lines, ..of(seed) })
}
