//! The commands, one file each.

pub mod agent;
pub mod agents;
pub mod credentials;
pub mod demo;
pub mod execute;
pub mod executor;
pub mod explain;
pub mod frameworks;
pub mod local;
pub mod logs;
pub mod master;
pub mod tasks;
pub mod trace;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::client::Client;

/// Which cluster a command looks at.
#[derive(Args)]
pub struct Master {
    /// The master
    #[arg(long, value_name = "HOST:PORT", env = "MESOS_MASTER", default_value = "127.0.0.1:5050")]
    master: String,
    /// The file of a principal and its secret, for a cluster that asks who reads it
    #[arg(long, value_name = "FILE", env = "TEPUI_CREDENTIAL")]
    credential: Option<PathBuf>,
}

impl Master {
    fn client(&self) -> Result<Client> {
        let credential = self.credential.as_deref().map(credentials::at).transpose()?;
        Client::showing(&self.master, credential.as_ref())
    }
}

/// How a command shows what it sees.
#[derive(Args)]
pub struct Shape {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Shape {
    /// As asked for: the values as they are, or the table.
    fn print<T: Serialize>(&self, values: &T, table: impl FnOnce() -> String) -> Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(values).context("write JSON")?);
        } else {
            print!("{}", table());
        }
        Ok(())
    }
}
