//! Where log lines go: stderr, and a file where one is asked for.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use tepui_daemon::Verbosity;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, reload};

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
    let (filter, changed) = reload::Layer::new(filter(level));
    let started = tracing_subscriber::registry().with(filter).with(stderr).with(file).try_init();
    started.context("start logging")?;
    Verbosity::of_process().install(move |verbosity| {
        if let Err(error) = changed.reload(verbose(level, verbosity)) {
            tracing::error!(%error, "the level of the log cannot be set");
        }
    });
    Ok(())
}

/// The file that is shown as the daemon's log, if there is one.
pub fn shown(program: &str, flags: &Parsed) -> Option<PathBuf> {
    flags.path("external_log_file").or_else(|| flags.path("log_dir").map(|folder| file_in(&folder, program)))
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

/// The filter for as long as more than usual is to be logged.
fn verbose(usual: &str, verbosity: u32) -> EnvFilter {
    let level = match verbosity {
        0 => return filter(usual),
        1 => "debug",
        _ => "trace",
    };
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| LIBRARIES.into());
    EnvFilter::new(format!("{asked},{level}"))
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
fn file_in(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("{program}.INFO"))
}

fn open(folder: &Path, program: &str) -> Result<std::fs::File> {
    std::fs::create_dir_all(folder).with_context(|| format!("--log_dir: create {}", folder.display()))?;
    let path = file_in(folder, program);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.with_context(|| format!("--log_dir: open {}", path.display()))
}
