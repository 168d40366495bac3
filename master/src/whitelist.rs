//! `--whitelist`: a file of host names, one a line; only agents on these hosts are offered. It is read again every few seconds,
//! so that an operator changes it while the master runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tepui_allocator::Call;

use crate::allocation::Allocation;

/// How often the file is read, as in Mesos.
const INTERVAL: Duration = Duration::from_secs(5);
/// The largest file: a hundred thousand long names are a quarter of it.
const MAX_SIZE: u64 = 16 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--whitelist: read {path}: {cause}; name a file with one host name a line, or leave the flag out")]
pub struct ReadWhitelistError {
    path: PathBuf,
    cause: String,
}

/// Reads the file as long as it lives.
pub(crate) struct Whitelist {
    _stop: mpsc::Sender<()>,
}

impl Whitelist {
    /// Reads it a first time, and then again and again. A file that cannot be read later leaves what it said last.
    pub(crate) fn watch(path: PathBuf, allocation: Allocation) -> Result<Whitelist, ReadWhitelistError> {
        let mut last = read(&path)?;
        let file = path.clone();
        allocation.call(Call::SetWhitelist(Some(last.clone())));
        let (stop, stopped) = mpsc::channel::<()>();
        let look = move || {
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                match read(&path) {
                    Ok(hosts) if hosts == last => {}
                    Ok(hosts) => {
                        tracing::info!(hosts = hosts.len(), "the whitelist has changed");
                        last.clone_from(&hosts);
                        allocation.call(Call::SetWhitelist(Some(hosts)));
                    }
                    Err(error) => tracing::error!(%error, "the whitelist stays as it was"),
                }
            }
        };
        let failed = move |cause: std::io::Error| ReadWhitelistError { path: file, cause: cause.to_string() };
        std::thread::Builder::new().name("whitelist".into()).spawn(look).map_err(failed)?;
        Ok(Whitelist { _stop: stop })
    }
}

fn read(path: &Path) -> Result<BTreeSet<String>, ReadWhitelistError> {
    let failed = |cause: String| ReadWhitelistError { path: path.to_owned(), cause };
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > MAX_SIZE {
        return Err(failed(format!("it has {size} bytes, at most {MAX_SIZE} are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Ok(text.lines().map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_lines_and_a_missing_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hosts");
        std::fs::write(&path, "a.example\n\n  b.example \r\na.example").unwrap();

        assert_eq!(read(&path).unwrap(), ["a.example".to_owned(), "b.example".to_owned()].into());
        let missing = read(&directory.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("/none: ") && missing.ends_with("or leave the flag out"), "{missing}");
    }
}
