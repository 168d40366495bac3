//! Brings the files that a command names into its sandbox before it starts.
//!
//! Whatever can touch a path that the task chose runs with the rights of the task's user: copying from this machine,
//! and unpacking. Downloads are written by the agent, which follows no link on the way. There is no cache.

mod copy;
mod download;
mod log;
mod target;
mod unpack;

use std::{fs::File, io, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use log::Log;
use target::Target;
use tokio::sync::OnceCell;

use crate::{
    beneath,
    containerizer::{Identity, Program, StepError, UserError, resolve},
};

/// One thing to bring.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchItem {
    /// An absolute path, or `file://`, `http://` or `https://`.
    pub uri: String,
    /// Make it executable; it is then not unpacked.
    pub executable: bool,
    /// Unpack it, if its name says that it is an archive.
    pub extract: bool,
    /// Its name in the sandbox, with directories; otherwise the last part of the URI.
    pub output_file: Option<String>,
}

/// Something was not brought.
#[derive(Debug, thiserror::Error)]
#[error("fetch {uri}")]
pub struct FetchError {
    pub uri: String,
    #[source]
    pub cause: FetchCause,
}

/// Why it was not brought.
#[derive(Debug, thiserror::Error)]
pub enum FetchCause {
    #[error("this scheme is not supported: use an absolute path, file://, http:// or https://")]
    Scheme,
    #[error("a relative path needs a place to start from: use an absolute one")]
    RelativePath,
    #[error("the URI does not end in a file name: set `output_file`")]
    NoName,
    #[error("`output_file` must be a relative path without `..`: {0}")]
    OutputFile(String),
    #[error(transparent)]
    User(#[from] UserError),
    #[error("the server answered {0}")]
    Status(String),
    #[error("no data came for {0:?}")]
    Stalled(Duration),
    #[error("download")]
    Download(#[source] reqwest::Error),
    /// What a tool such as `tar` says.
    #[error("{0}")]
    Tool(String),
    #[error("{action} {name} in the sandbox")]
    Write {
        action: &'static str,
        name: String,
        #[source]
        cause: io::Error,
    },
}

/// Fetches for all containers of an agent.
#[derive(Clone, Debug)]
pub struct Fetcher {
    program: Program,
    stall_timeout: Duration,
    /// Made for the first download: it loads the system's certificates.
    client: Arc<OnceCell<reqwest::Client>>,
}

/// The sandbox being filled.
#[derive(Debug)]
struct Sandbox<'a> {
    path: &'a Path,
    directory: File,
    owner: Option<Identity>,
}

/// Tasks whose files all came.
const FETCHED: &str = "containerizer/fetcher/task_fetches_succeeded";
/// Those that missed one.
const NOT_FETCHED: &str = "containerizer/fetcher/task_fetches_failed";

impl Fetcher {
    /// `program`: see [`crate::containerizer::Settings`]. A download fails when no data comes for `stall_timeout`.
    pub fn new(program: Program, stall_timeout: Duration) -> Fetcher {
        // Known as 0 until something happens.
        [FETCHED, NOT_FETCHED].into_iter().for_each(|name| metrics::counter!(name).increment(0));
        Fetcher { program, stall_timeout, client: Arc::default() }
    }

    /// Brings the items one after the other, for `user` (`None`: the agent's own), and tells about it in the
    /// sandbox's `stderr`. Stops at the first that fails; dropping the future stops too.
    pub async fn fetch(
        &self,
        items: &[FetchItem],
        sandbox: &Path,
        user: Option<&str>,
    ) -> Result<(), FetchError> {
        let Some(first) = items.first() else { return Ok(()) };
        let fetched = self.fetch_all(first, items, sandbox, user).await;
        metrics::counter!(if fetched.is_ok() { FETCHED } else { NOT_FETCHED }).increment(1);
        fetched
    }

    async fn fetch_all(
        &self,
        first: &FetchItem,
        items: &[FetchItem],
        sandbox: &Path,
        user: Option<&str>,
    ) -> Result<(), FetchError> {
        let at_first = |cause| FetchError { uri: first.uri.clone(), cause };
        let sandbox = Sandbox::open(sandbox, user).await.map_err(at_first)?;
        let log = Log::open(&sandbox).map_err(at_first)?;
        for item in items {
            log.line(&format!("Fetching '{}' into the sandbox", item.uri));
            match self.fetch_one(item, &sandbox).await {
                Ok(name) => log.line(&format!("Fetched '{}' as '{name}'", item.uri)),
                Err(cause) => {
                    let error = FetchError { uri: item.uri.clone(), cause };
                    log.line(&format!("Failed to {}", crate::with_causes(&error)));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn fetch_one(&self, item: &FetchItem, sandbox: &Sandbox<'_>) -> Result<String, FetchCause> {
        let target = Target::of(item)?;
        target.create_parents(sandbox)?;
        match local_path(&item.uri)? {
            Some(source) => self.copy(source, &target, sandbox).await?,
            None => self.download(&item.uri, &target, sandbox).await?,
        }
        if item.executable {
            target.make_executable(sandbox)?;
        } else if item.extract {
            self.unpack(&target, sandbox).await?;
        }
        Ok(target.name)
    }
}

impl<'a> Sandbox<'a> {
    async fn open(path: &'a Path, user: Option<&str>) -> Result<Sandbox<'a>, FetchCause> {
        let name = user.map(str::to_string);
        let owner = tokio::task::spawn_blocking(move || name.as_deref().map(resolve).transpose());
        let owner = owner.await.map_err(|error| FetchCause::Tool(error.to_string()))??.flatten();
        let directory = File::open(path).map_err(|cause| FetchCause::Write {
            action: "open",
            name: ".".into(),
            cause,
        })?;
        Ok(Sandbox { path, directory, owner })
    }
}

impl Target {
    fn create_parents(&self, sandbox: &Sandbox<'_>) -> Result<(), FetchCause> {
        let Some(parent) = Path::new(&self.name).parent() else { return Ok(()) };
        beneath::create_directories(&sandbox.directory, parent, sandbox.owner.as_ref())
            .map_err(self.failed("create the directory of"))
    }

    fn make_executable(&self, sandbox: &Sandbox<'_>) -> Result<(), FetchCause> {
        let file = beneath::open(&sandbox.directory, Path::new(&self.name)).map_err(self.failed("open"))?;
        let mode = file.metadata().map_err(self.failed("look at"))?.permissions().mode();
        file.set_permissions(PermissionsExt::from_mode(mode | 0o111)).map_err(self.failed("make executable"))
    }
}

impl From<StepError> for FetchCause {
    fn from(error: StepError) -> FetchCause {
        FetchCause::Tool(crate::with_causes(&error))
    }
}

/// The path of a file on this machine; `None` for what is downloaded.
fn local_path(uri: &str) -> Result<Option<&str>, FetchCause> {
    if let Some(rest) = uri.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        return if path.starts_with('/') { Ok(Some(path)) } else { Err(FetchCause::RelativePath) };
    }
    match uri.split_once("://") {
        Some(("http" | "https", _)) => Ok(None),
        Some(_) => Err(FetchCause::Scheme),
        None if uri.starts_with('/') => Ok(Some(uri)),
        None => Err(FetchCause::RelativePath),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_told_apart() {
        assert_eq!(local_path("/a/b").unwrap(), Some("/a/b"));
        assert_eq!(local_path("file:///a/b").unwrap(), Some("/a/b"));
        assert_eq!(local_path("file://localhost/a").unwrap(), Some("/a"));
        assert_eq!(local_path("https://host/a").unwrap(), None);
        assert!(matches!(local_path("hdfs://host/a"), Err(FetchCause::Scheme)));
        assert!(matches!(local_path("a/b"), Err(FetchCause::RelativePath)));
    }
}
