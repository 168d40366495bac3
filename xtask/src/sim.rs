//! Simulates an hour of a large cluster; what is printed depends on the seed alone.

use anyhow::{Context, Result};

use crate::command;

pub fn run(seed: Option<&str>) -> Result<()> {
    let seed = seed.unwrap_or("1");
    seed.parse::<u64>().with_context(|| format!("'{seed}' is no seed: write a whole number"))?;
    command::run(command::cargo(&["run", "--package", "tepui-sim", "--bin", "hour", "--", "--seed", seed]))
}
