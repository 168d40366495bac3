//! The gate before a change lands: every step runs, then the failed ones are named. Nothing is written.

use anyhow::{Result, bail};

use crate::{command, tidy};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 4] =
    [("formatting", formatting), ("tidy", tidy::run), ("licences", licences), ("clippy", clippy)];

pub fn run() -> Result<()> {
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        if let Err(error) = step() {
            eprintln!("xtask: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("check failed: {}; `cargo xtask fix` mends formatting and some of clippy", failed.join(", "));
    }
    eprintln!("xtask: check passed");
    Ok(())
}

fn formatting() -> Result<()> {
    command::run(command::cargo(&["fmt", "--all", "--", "--check"]))
}

fn clippy() -> Result<()> {
    command::run(command::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Advisories are left out: they need a database from the network, and a gate must not depend on the day it runs.
fn licences() -> Result<()> {
    if !command::succeeds("cargo-deny", &["--version"]) {
        eprintln!("xtask: cargo-deny is not installed, so licences, bans and sources were not checked");
        return Ok(());
    }
    command::run(command::cargo(&["deny", "check", "licenses", "bans", "sources"]))
}
