//! Persistent volumes in containers: links in the sandboxes of native ones, binds of Docker's.
//!
//! A link cannot be read-only; where a task asks for that, the log says that it is not kept.

use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::{fs, io};

use tepui_agent_core::volume_directory;
use tepui_docker::spec::Bind;
use tepui_model::{Resource, Resources};
use tepui_proto::v1::volume::Mode;
use tracing::warn;

/// A volume that a container is to have.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    directory: PathBuf,
    /// Where the container wants it: below its sandbox, unless absolute.
    container_path: String,
    read_only: bool,
    /// Another container has it too, whose user owns it.
    in_use: bool,
}

/// What other containers do with it makes it no other volume.
impl PartialEq for Volume {
    fn eq(&self, other: &Volume) -> bool {
        (self.place(), self.read_only) == (other.place(), other.read_only)
    }
}

impl Volume {
    /// What it is, and where the container finds it.
    fn place(&self) -> (&Path, &str) {
        (&self.directory, &self.container_path)
    }
}

/// The volumes among a container's resources; `others` are what other containers have.
pub(crate) fn among(
    work_dir: &Path,
    resources: &Resources,
    others: &Resources,
) -> Result<Vec<Volume>, String> {
    let work_dir = std::path::absolute(work_dir).map_err(|why| format!("the work directory: {why}"))?;
    let one = |volume: &Resource| volume.clone().unallocated().with_copies(1);
    let others = others.unallocated();
    let volume = |volume: &Resource| {
        let mounted = volume.disk().and_then(|disk| disk.volume.as_ref());
        let mounted = mounted.ok_or_else(|| format!("{volume} does not say where it is to be mounted"))?;
        Ok(Volume {
            directory: volume_directory(&work_dir, volume)?,
            container_path: mounted.container_path.clone(),
            read_only: mounted.mode() == Mode::Ro,
            in_use: volume.is_shared() && others.contains_entry(&one(volume)),
        })
    };
    resources.persistent_volumes().iter().map(volume).collect()
}

/// Gives the volumes to whom the sandbox belongs, and where `links` says so, puts links to them into it. Those of `before`
/// that are not among them any more lose their links. Blocks.
pub(crate) fn provide(
    sandbox: &Path,
    before: &[Volume],
    volumes: &[Volume],
    links: bool,
) -> Result<(), String> {
    // First: another volume may take the place of one.
    let is_kept = |old: &Volume| volumes.iter().any(|new| new.place() == old.place());
    for volume in before.iter().filter(|volume| links && !is_kept(volume)) {
        unlink(sandbox, volume)?;
    }
    for volume in volumes.iter().filter(|volume| !before.contains(volume)) {
        give(sandbox, volume)?;
        if links {
            link(sandbox, volume)?;
        }
    }
    Ok(())
}

/// The same for a container of Docker's.
pub(crate) fn binds(sandbox_directory: &str, volumes: &[Volume]) -> Vec<Bind> {
    let bind = |volume: &Volume| Bind {
        host: volume.directory.display().to_string(),
        container: Path::new(sandbox_directory).join(&volume.container_path).display().to_string(),
        read_only: volume.read_only,
    };
    volumes.iter().map(bind).collect()
}

fn give(sandbox: &Path, volume: &Volume) -> Result<(), String> {
    let Volume { directory, in_use, .. } = volume;
    let failed = |what: &str| {
        let what = format!("{what} {}", directory.display());
        move |why: io::Error| format!("{what}: {why}")
    };
    let found = fs::metadata(directory).map_err(failed("look at the volume"))?;
    let owner = fs::metadata(sandbox).map_err(|why| format!("look at the sandbox: {why}"))?;
    let (uid, gid) = (owner.uid(), owner.gid());
    // Root may do everything with it anyway.
    if *in_use || uid == 0 || (found.uid(), found.gid()) == (uid, gid) {
        return Ok(());
    }
    chown(directory, Some(uid), Some(gid)).map_err(failed("give away the volume"))
}

fn link(sandbox: &Path, volume: &Volume) -> Result<(), String> {
    let Volume { directory, container_path, read_only, .. } = volume;
    let is_name = !container_path.contains('/') && !matches!(container_path.as_str(), "" | "." | "..");
    if !is_name {
        return Err(format!(
            "the volume's container_path '{container_path}' is not a plain name: only those are possible in containers that \
             are not Docker's"
        ));
    }
    if *read_only {
        warn!(volume = %directory.display(), "a read-only volume can be written in a container that is not Docker's");
    }
    let path = sandbox.join(container_path);
    match symlink(directory, &path) {
        Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(&path).is_ok_and(|target| target == *directory) {
                return Ok(());
            }
            Err(format!("something else is in the sandbox where the volume {container_path} is to be"))
        }
        linked => linked.map_err(|why| format!("link the volume {container_path}: {why}")),
    }
}

fn unlink(sandbox: &Path, volume: &Volume) -> Result<(), String> {
    let path = sandbox.join(&volume.container_path);
    // What else is there by now is the task's.
    if fs::read_link(&path).is_ok_and(|target| target == volume.directory) {
        fs::remove_file(&path)
            .map_err(|why| format!("take the volume {} away: {why}", volume.container_path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(directory: &Path, container_path: &str) -> Volume {
        let container_path = container_path.to_owned();
        Volume { directory: directory.into(), container_path, read_only: false, in_use: false }
    }

    #[test]
    fn links_come_and_go_with_the_volumes_of_a_container() {
        let dir = tempfile::tempdir().unwrap();
        let (sandbox, one, two) = (dir.path().join("s"), dir.path().join("one"), dir.path().join("two"));
        [&sandbox, &one, &two].into_iter().for_each(|path| fs::create_dir(path).unwrap());
        let (first, second) = (volume(&one, "data"), volume(&two, "logs"));

        provide(&sandbox, &[], std::slice::from_ref(&first), true).unwrap();
        fs::write(sandbox.join("data/file"), "kept").unwrap();
        // An agent that was started anew provides them again.
        provide(&sandbox, &[], std::slice::from_ref(&first), true).unwrap();
        provide(&sandbox, &[first], std::slice::from_ref(&second), true).unwrap();

        assert!(!sandbox.join("data").exists());
        assert_eq!(fs::read_link(sandbox.join("logs")).unwrap(), two);
        assert_eq!(fs::read_to_string(one.join("file")).unwrap(), "kept");
        let third = volume(&one, "logs");
        provide(&sandbox, &[second], std::slice::from_ref(&third), true).unwrap();
        assert_eq!(fs::read_link(sandbox.join("logs")).unwrap(), one);
        let elsewhere_too = Volume { in_use: true, ..third.clone() };
        assert_eq!(third, elsewhere_too);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = dir.path();
        let refused = |volume: Volume| provide(sandbox, &[], &[volume], true).unwrap_err();
        fs::write(sandbox.join("taken"), "").unwrap();

        assert!(refused(volume(sandbox, "a/b")).contains("'a/b' is not a plain name"));
        assert!(refused(volume(sandbox, "taken")).starts_with("something else is in the sandbox"));
        assert!(refused(volume(&sandbox.join("gone"), "data")).starts_with("look at the volume"));
    }

    #[test]
    fn docker_finds_volumes_below_the_sandbox_or_where_they_say() {
        let all = [volume(Path::new("/v/one"), "data"), volume(Path::new("/v/two"), "/srv/two")];

        let binds = binds("/mnt/mesos/sandbox", &all);

        let found: Vec<&str> = binds.iter().map(|bind| bind.container.as_str()).collect();
        assert_eq!(found, ["/mnt/mesos/sandbox/data", "/srv/two"]);
    }
}
