//! What `tepui master` and `tepui agent` share: flags to log lines, and ending within a second.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::flags::{Parsed, Table, help, parse};
use crate::logging;

/// A daemon ends within a second of being told; what has not ended by then ends with the process.
const FAREWELL: Duration = Duration::from_millis(800);

/// What the command line says, with logging started; or nothing, where it only asked for help or the version.
pub fn flags(table: &Table, program: &str, arguments: &[String]) -> Result<Option<Parsed>> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    // Whoever asks for help may not have the rest right yet.
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", help(table));
        return Ok(None);
    }
    let flags = parse(table, arguments, &environment, &|path| std::fs::read_to_string(path))?;
    if flags.switch("version") {
        println!("tepui {}", env!("CARGO_PKG_VERSION"));
        return Ok(None);
    }
    logging::start(program, &flags)?;
    for warning in &flags.warnings {
        tracing::warn!("{warning}");
    }
    Ok(Some(flags))
}

/// Says that connections are accepted: the one line on stdout.
pub fn announce(table: &Table, address: std::net::SocketAddr) {
    println!("{} listening on {address}", table.program);
}

/// Waits for the daemon's end, but not for long.
pub async fn farewell(shutdown: impl Future<Output = ()>) -> ExitCode {
    if tokio::time::timeout(FAREWELL, shutdown).await.is_err() {
        tracing::warn!("ended before everything was shut down");
    }
    ExitCode::SUCCESS
}

/// Replaces the setting, if the flag has a value.
pub fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

/// The number that a flag gives, in the size that its setting has.
pub fn count<N: TryFrom<u64>>(flags: &Parsed, name: &str) -> Result<Option<N>> {
    let number =
        |number| N::try_from(number).ok().with_context(|| format!("--{name}: {number} is too great"));
    flags.integer(name).map(number).transpose()
}

/// Says plainly what is wrong with a folder before anything is done with it.
pub fn usable(work_dir: &Path) -> Result<()> {
    std::fs::create_dir_all(work_dir).with_context(|| {
        format!("--work_dir: {} cannot be used; name a folder to write to", work_dir.display())
    })
}
