//! `tepui executor command`: the executor that agents start for command tasks.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use tepui_executor::{CommandExecutor, Via};

use crate::logging;

#[derive(Subcommand)]
pub enum Kind {
    /// Runs the command of one task
    Command,
}

/// Started by an agent, with an executor's environment. It logs into its sandbox.
pub fn run(kind: &Kind) -> Result<ExitCode> {
    logging::start_quietly()?;
    match kind {
        Kind::Command => tepui_executor::run(CommandExecutor::default(), Via::Http)?,
    }
    Ok(ExitCode::SUCCESS)
}
