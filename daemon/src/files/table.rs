//! The table of virtual paths, and what each stands for.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use super::Location;

/// Virtual paths and what they stand for.
#[derive(Clone, Debug, Default)]
pub struct Files {
    attached: BTreeMap<PathBuf, PathBuf>,
}

/// Why a path is not shown.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The request makes no sense: `400`.
    #[error("{0}")]
    BadRequest(String),
    /// `404`, and also what is said of paths that lead outside: nobody learns what is there.
    #[error("no file or directory {0}")]
    NotFound(PathBuf),
    /// The world failed: `500`.
    #[error("{action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what, as it was asked for.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
}

impl Files {
    /// Shows a file or directory as `name`; a second call replaces the first.
    pub fn attach(&mut self, name: impl Into<PathBuf>, path: impl Into<PathBuf>) {
        self.attached.insert(normal(&name.into()), path.into());
    }

    /// True if the name was attached.
    pub fn detach(&mut self, name: impl AsRef<Path>) -> bool {
        self.attached.remove(&normal(name.as_ref())).is_some()
    }

    /// Everything attached, for `/files/debug`.
    pub fn attached(&self) -> &BTreeMap<PathBuf, PathBuf> {
        &self.attached
    }

    /// What the longest attached name that `path` starts with stands for.
    pub fn locate(&self, path: &str) -> Result<Location, FilesError> {
        if path.is_empty() {
            return Err(FilesError::BadRequest("`path` is missing: name a file or directory".into()));
        }
        let path = Path::new(path);
        if path.components().any(|component| component == Component::ParentDir) {
            return Err(FilesError::BadRequest(format!("`path` must not contain `..`: {}", path.display())));
        }
        let path = normal(path);
        for name in path.ancestors() {
            if let Some(root) = self.attached.get(name) {
                let rest = path.strip_prefix(name).unwrap_or(Path::new("")).to_path_buf();
                return Ok(Location { shown: path.clone(), root: root.clone(), rest });
            }
        }
        Err(FilesError::NotFound(path))
    }
}

/// Without doubled or trailing slashes and `.`.
fn normal(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Files {
        let mut files = Files::default();
        files.attach("/frameworks/f/executors/e/runs/latest", "/sandboxes/runs/c1");
        files.attach("/frameworks/f/executors/e/runs/latest/volume", "/volumes/v");
        files.attach("/slave/log", "/var/log/agent.log");
        files
    }

    fn real(path: &str) -> Option<PathBuf> {
        let location = table().locate(path).ok()?;
        Some(location.root.join(location.rest))
    }

    #[test]
    fn the_longest_attached_name_decides() {
        let run = "/frameworks/f/executors/e/runs/latest";

        assert_eq!(real(&format!("{run}/stdout")), Some("/sandboxes/runs/c1/stdout".into()));
        assert_eq!(real(&format!("{run}//volume/./data/")), Some("/volumes/v/data".into()));
        assert_eq!(real("/slave/log"), Some("/var/log/agent.log".into()));
        assert_eq!(real(&format!("{run}-2/stdout")), None);
        assert_eq!(real("/"), None);
    }

    #[test]
    fn going_up_is_refused_even_where_it_would_stay_inside() {
        let error = table().locate("/slave/../slave/log").unwrap_err();

        assert_eq!(error.to_string(), "`path` must not contain `..`: /slave/../slave/log");
    }

    #[test]
    fn a_detached_name_is_not_found() {
        let mut files = table();

        assert!(files.detach("/slave/log/"));
        assert!(!files.detach("/slave/log"));
        assert!(matches!(files.locate("/slave/log"), Err(FilesError::NotFound(_))));
    }
}
