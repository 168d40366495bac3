//! What an agent keeps in its work directory for Docker: by which name its containers are its own, and what its executors may read.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Credentials;

const FOLDER: &str = "docker";

/// Chosen once for a work directory: another agent's may have the same path, on a machine that shares the engine.
const ID: &str = "id";

/// Docker's `config.json`. In a file, because a process' environment can be read by whoever may read its memory.
const CREDENTIALS: &str = "config.json";

/// What is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub id: String,
    /// Where the credentials are, if there are any.
    pub credentials: Option<PathBuf>,
}

/// What could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("keep {path}: {cause}")]
pub(crate) struct KeepError {
    path: PathBuf,
    cause: io::Error,
}

pub(super) fn keep(work_dir: &Path, credentials: Option<&Credentials>) -> Result<Kept, KeepError> {
    let folder = work_dir.join(FOLDER);
    let failed = |path: PathBuf| move |cause| KeepError { path, cause };
    let only_ours = || fs::set_permissions(&folder, Permissions::from_mode(0o700));
    fs::create_dir_all(&folder).and_then(|()| only_ours()).map_err(failed(folder.clone()))?;
    let id = id(work_dir).map_err(failed(folder.join(ID)))?;
    let path = folder.join(CREDENTIALS);
    match credentials {
        Some(credentials) => replace(&path, &credentials.0).map_err(failed(path.clone()))?,
        None => remove(&path).map_err(failed(path.clone()))?,
    }
    Ok(Kept { id, credentials: credentials.map(|_| path) })
}

/// The id of a work directory, which gets one if it has none.
pub(super) fn id(work_dir: &Path) -> io::Result<String> {
    let path = work_dir.join(FOLDER).join(ID);
    let found = match fs::read_to_string(&path) {
        Ok(text) => Uuid::parse_str(text.trim()).ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(id) = found {
        return Ok(id.to_string());
    }
    let id = Uuid::new_v4().to_string();
    replace(&path, &id)?;
    Ok(id)
}

/// As a whole, for our own eyes only from its first byte on.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    remove(&partial)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&partial, path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_with_its_work_directory_and_no_two_have_the_same() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());

        let first = keep(one.path(), None).unwrap().id;

        assert_eq!(keep(one.path(), None).unwrap().id, first);
        assert_ne!(keep(other.path(), None).unwrap().id, first);
    }

    #[test]
    fn credentials_are_for_the_agents_user_alone_and_go_when_they_are_not_given_any_more() {
        let work_dir = tempfile::tempdir().unwrap();
        let text = r#"{"auths": {}}"#;
        let credentials = Credentials::parse(text.into()).unwrap();

        let path = keep(work_dir.path(), Some(&credentials)).unwrap().credentials.unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(keep(work_dir.path(), None).unwrap().credentials, None);
        assert!(!path.exists());
    }
}
