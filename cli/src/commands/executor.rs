//! `tepui executor`: the executors that agents start for tasks that bring none.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use tepui_docker::Setup;
use tepui_executor::{CommandExecutor, Via};

use crate::logging;

#[derive(Subcommand)]
pub enum Kind {
    /// Runs the command of one task
    Command,
    /// Runs one task in a Docker container
    Docker,
    /// Stands beside an executor that lives in a Docker container
    Container,
}

/// Started by an agent, with an executor's environment. It logs into its sandbox.
pub fn run(kind: &Kind) -> Result<ExitCode> {
    logging::start_quietly()?;
    match kind {
        Kind::Command => tepui_executor::run(CommandExecutor::default(), Via::Http)?,
        Kind::Docker => {
            let setup = Setup::read(|name| std::env::var(name).ok())?;
            tepui_docker::run(setup)?;
        }
        Kind::Container => {
            let setup = Setup::read(|name| std::env::var(name).ok())?;
            return Ok(ExitCode::from(tepui_docker::accompany(&setup)?));
        }
    }
    Ok(ExitCode::SUCCESS)
}
