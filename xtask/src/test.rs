//! Runs every test there is: installs what they need, builds once, runs, cleans up, counts.

mod leftovers;
mod needs;
mod runner;

use std::process::Command;

use anyhow::{Result, bail};

use self::leftovers::Scratch;
use crate::{bench, command, tree};

/// The binary, in the crate of end to end tests, that installs the third-party clients they drive.
const CLIENTS: &str = "setup-clients";

pub fn run() -> Result<()> {
    needs::install_missing()?;
    // All targets, because tests of one crate start the binary of another, and because a build without the
    // tests would choose other features for shared dependencies and compile them twice.
    let tested = tested()?;
    let tested: Vec<&str> = tested.iter().map(String::as_str).collect();
    command::run(command::cargo(&[&["build", "--all-targets"], &tested[..]].concat()))?;
    install_clients()?;

    let scratch = Scratch::new()?;
    let outcome = runner::run(&scratch, &tested);
    let cleaned = scratch.clear();

    let count = outcome?;
    cleaned?;
    println!("{} passed, {} failed", count.passed, count.failed);
    if !count.complete {
        bail!("the tests did not all pass");
    }
    Ok(())
}

/// Which packages are built and tested: all but those that only measure, whose peers would be built too, and would choose features
/// for what they share with the rest.
fn tested() -> Result<Vec<String>> {
    let mut arguments = vec!["--workspace".to_owned()];
    for package in bench::packages(&tree::packages()?) {
        arguments.extend(["--exclude".to_owned(), package]);
    }
    Ok(arguments)
}

fn install_clients() -> Result<()> {
    let there = tree::packages()?.iter().any(|package| package.binaries.iter().any(|name| name == CLIENTS));
    if !there {
        return Ok(());
    }
    // Not `cargo run`, which would build it alone and choose other features for what it shares with the rest.
    command::run(Command::new(tree::binaries()?.join(CLIENTS)))
}
