//! Mends what tools can mend by themselves.

use anyhow::Result;

use crate::command;

pub fn run() -> Result<()> {
    // Clippy first: what it rewrites is not always formatted.
    command::run(command::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
    ]))?;
    command::run(command::cargo(&["fmt", "--all"]))
}
