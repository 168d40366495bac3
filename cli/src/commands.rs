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
}

impl Master {
    fn client(&self) -> Result<Client> {
        Client::new(&self.master)
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
