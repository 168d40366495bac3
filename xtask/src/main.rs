//! `cargo xtask`: what a developer and CI run. `check` only reads, `fix` writes, `test` runs everything, `bench` measures.

mod bench;
mod check;
mod command;
mod fix;
mod sim;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  check   formatting, clippy, structure and licences; changes nothing
  fix     formats, and applies what clippy can mend by itself
  test    installs what the tests need, builds once, runs every test, cleans up
  tidy    only the structure rules of `check`
  bench   builds and runs the benchmark whose name follows; docs/benchmarks.md says what else it takes
  sim     simulates an hour of a large cluster, from the seed that follows or from 1";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["check"] => check::run(),
        ["fix"] => fix::run(),
        ["test"] => test::run(),
        ["tidy"] => tidy::run(),
        ["bench", arguments @ ..] => bench::run(arguments),
        ["sim", seed @ ..] if seed.len() < 2 => sim::run(seed.first().copied()),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: unknown command `{}`\n\n{USAGE}", other.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
