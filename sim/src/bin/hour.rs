//! The simulated hour: `hour [--seed N]` prints what was counted and the transcript's hash, or what did not hold.

use std::process::ExitCode;
use std::time::Instant;

use tepui_sim::{Scenario, World};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let seed = match arguments.as_slice() {
        [] => Some(tepui_sim::seed_or(1)),
        ["--seed", seed] => seed.parse().ok(),
        _ => None,
    };
    let Some(seed) = seed else {
        eprintln!("usage: hour [--seed NUMBER]");
        return ExitCode::from(2);
    };
    println!("seed {seed}: one master, 1,000 agents, 20 frameworks, one hour");
    let began = Instant::now();
    let outcome = World::new(Scenario { kept_lines: 200, ..Scenario::hour(seed) }).run();
    match outcome {
        Ok(report) => {
            println!("{report}took {:.1} s", began.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("{broken}");
            ExitCode::FAILURE
        }
    }
}
