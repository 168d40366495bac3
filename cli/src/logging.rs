//! Where log lines go: stderr, and a file where one is asked for.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::flags::Parsed;

/// Of the HTTP server, only what an operator must know.
const LIBRARIES: &str = "actix_server=warn,actix_http=warn,actix_web=warn";

/// Logs as the daemon's flags say. `RUST_LOG` wins over `--logging_level`.
pub fn start(program: &str, flags: &Parsed) -> Result<()> {
    let level = level(flags.text("logging_level").unwrap_or("INFO"))?;
    let file = flags.path("log_dir").map(|folder| open(&folder, program)).transpose()?;
    let stderr =
        (!flags.switch("quiet")).then(|| fmt::layer().with_ansi(is_terminal()).with_writer(std::io::stderr));
    let file = file.map(|file| fmt::layer().with_ansi(false).with_writer(Arc::new(file)));
    let started = tracing_subscriber::registry().with(filter(level)).with(stderr).with(file).try_init();
    started.context("start logging")
}

/// Logs for a command: to stderr, and nothing unless `RUST_LOG` asks for it or something goes wrong.
pub fn start_quietly() -> Result<()> {
    let stderr = fmt::layer().with_ansi(is_terminal()).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter("error")).with(stderr).try_init().context("start logging")
}

/// Colours are for people.
fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

fn filter(level: &str) -> EnvFilter {
    let asked = EnvFilter::try_from_default_env();
    asked.unwrap_or_else(|_| EnvFilter::new(format!("{level},{LIBRARIES}")))
}

fn level(name: &str) -> Result<&'static str> {
    match name {
        "INFO" => Ok("info"),
        "WARNING" => Ok("warn"),
        "ERROR" => Ok("error"),
        _ => anyhow::bail!("--logging_level: '{name}' is no level; write INFO, WARNING or ERROR"),
    }
}

/// The file that Mesos' own is a link to, so that whoever follows it finds it.
fn open(folder: &Path, program: &str) -> Result<std::fs::File> {
    std::fs::create_dir_all(folder).with_context(|| format!("--log_dir: create {}", folder.display()))?;
    let path = folder.join(format!("{program}.INFO"));
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.with_context(|| format!("--log_dir: open {}", path.display()))
}
