//! What the agent has beyond what its flags say, and the directories of its volumes, which come and go with it.
//!
//! The new state is on disk before anything is done about it, and in force after all of it was done: an agent that ended in
//! between goes on where it stopped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tepui_agent_core::{is_mount, volume_directory};
use tepui_model::{Resource, Resources};
use tepui_proto::internal::slave::ResourceState;

use super::files::{self, FileError};
use super::layout;

/// Makes `state` what the agent has.
pub(super) fn write(work_dir: &Path, state: &ResourceState) -> Result<(), FileError> {
    files::replace_durably(&layout::assets_target(work_dir), &files::encode(state))?;
    commit(work_dir, state)
}

/// Reads what the agent has, and finishes what an earlier life of it began.
pub(super) fn read(work_dir: &Path) -> Result<ResourceState, FileError> {
    if let Some(target) = files::read_message::<ResourceState>(&layout::assets_target(work_dir))? {
        commit(work_dir, &target)?;
    }
    empty_removed(&work_dir.join("volumes").join("removed"));
    let path = layout::assets(work_dir);
    let state = files::read_message(&path)?.unwrap_or_default();
    for (directory, volume) in volumes(work_dir, &state, &path)? {
        if directory.is_dir() {
            continue;
        }
        if volume.disk().is_some_and(|disk| disk.source.is_some()) {
            // It is on a disk of its own, which may only not be mounted: what is made now would be hidden later.
            tracing::error!(volume = %directory.display(), "volume is not there; see to its disk");
            continue;
        }
        tracing::error!(volume = %directory.display(), "volume is not there; made anew, empty");
        make(&directory).map_err(files::failed("make the volume", &directory))?;
    }
    Ok(state)
}

fn commit(work_dir: &Path, state: &ResourceState) -> Result<(), FileError> {
    let path = layout::assets(work_dir);
    let before: ResourceState = files::read_message(&path)?.unwrap_or_default();
    let (old, new) = (volumes(work_dir, &before, &path)?, volumes(work_dir, state, &path)?);
    for (directory, _) in new.iter().filter(|(directory, _)| !is_among(&old, directory)) {
        make(directory).map_err(files::failed("make the volume", directory))?;
    }
    for (directory, volume) in old.iter().filter(|(directory, _)| !is_among(&new, directory)) {
        destroy(directory, volume)?;
    }
    let renamed = fs::rename(layout::assets_target(work_dir), &path);
    renamed.and_then(|()| files::sync_parent(&path)).map_err(files::failed("write", &path))
}

fn is_among(volumes: &[(PathBuf, Resource)], directory: &Path) -> bool {
    volumes.iter().any(|(other, _)| other == directory)
}

fn volumes(
    work_dir: &Path,
    state: &ResourceState,
    path: &Path,
) -> Result<Vec<(PathBuf, Resource)>, FileError> {
    let damaged = |why: String| files::failed("read", path)(io::Error::new(io::ErrorKind::InvalidData, why));
    let resources = Resources::from_wire(&state.resources).map_err(|why| damaged(why.to_string()))?;
    let volumes = resources.persistent_volumes();
    let placed = volumes.iter().map(|volume| {
        let directory = volume_directory(work_dir, volume).map_err(damaged)?;
        Ok((directory, volume.clone()))
    });
    placed.collect()
}

/// One that is there already is a mount point, or was left by somebody else: its data is not ours to judge.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    files::make_durably(directory)
}

/// The data of a volume goes with it. Of a MOUNT disk the mount point stays, and if data stays too, this fails: the next volume there
/// would show it.
fn destroy(directory: &Path, volume: &Resource) -> Result<(), FileError> {
    let failed = files::failed("remove the volume", directory);
    if is_mount(volume) {
        return empty(directory).map_err(failed);
    }
    // Somebody may still write to it: first it gets out of the way, which does not depend on what is in it.
    let removed = removed_below(directory);
    let name = uuid::Uuid::new_v4().to_string();
    let moved = fs::create_dir_all(&removed).and_then(|()| fs::rename(directory, removed.join(name)));
    match moved.and_then(|()| files::sync_parent(directory)) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        moved => moved.map_err(failed)?,
    }
    empty_removed(&removed);
    Ok(())
}

/// Where volumes go that were destroyed, on the disk of this one: `volumes/removed` beside `volumes/roles/ROLE/ID`.
fn removed_below(directory: &Path) -> PathBuf {
    let volumes = directory.ancestors().nth(3).unwrap_or(directory);
    volumes.join("removed")
}

/// What resists is left for the next time.
fn empty_removed(removed: &Path) {
    if let Err(why) = empty(removed) {
        tracing::warn!(directory = %removed.display(), %why, "data of destroyed volumes not removed yet");
    }
}

fn empty(directory: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let removed = crate::disk::remove_below(directory, &entry?.path());
        removed.map_err(|why| io::Error::other(crate::with_causes(&why)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1::resource::disk_info::{Persistence, Source, source};
    use tepui_proto::v1::resource::{DiskInfo, ReservationInfo, reservation_info};
    use tepui_proto::v1::{self, value};

    use super::*;

    fn state(volumes: &[(&str, Option<&Path>)]) -> ResourceState {
        let volume = |(id, mount): &(&str, Option<&Path>)| {
            let mount = mount.map(|root| Source {
                r#type: source::Type::Mount as i32,
                mount: Some(source::Mount { root: Some(root.display().to_string()) }),
                ..Source::default()
            });
            let reservation = ReservationInfo {
                r#type: Some(reservation_info::Type::Dynamic as i32),
                role: Some("web".into()),
                ..ReservationInfo::default()
            };
            let persistence = Persistence { id: (*id).into(), principal: None };
            let disk = DiskInfo {
                persistence: Some(persistence.into()),
                source: mount.map(Box::new),
                ..DiskInfo::default()
            };
            v1::Resource {
                name: "disk".into(),
                r#type: value::Type::Scalar as i32,
                scalar: Some(value::Scalar { value: 8.0 }),
                reservations: vec![reservation],
                disk: Some(disk.into()),
                ..v1::Resource::default()
            }
        };
        ResourceState { resources: volumes.iter().map(volume).collect(), operations: Vec::new() }
    }

    #[test]
    fn volumes_come_and_go_with_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let work_dir = dir.path();
        let (one, two) = (work_dir.join("volumes/roles/web/v1"), work_dir.join("volumes/roles/web/v2"));

        write(work_dir, &state(&[("v1", None), ("v2", None)])).unwrap();
        fs::create_dir(one.join("deep")).unwrap();
        fs::write(one.join("deep/file"), "data").unwrap();
        fs::write(two.join("file"), "data").unwrap();
        write(work_dir, &state(&[("v2", None)])).unwrap();

        assert!(!one.exists());
        assert_eq!(fs::read_dir(work_dir.join("volumes/removed")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(two.join("file")).unwrap(), "data");
        assert_eq!(read(work_dir).unwrap(), state(&[("v2", None)]));
    }

    #[test]
    fn of_a_mounted_disk_the_mount_point_stays() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        fs::create_dir(&disk).unwrap();

        write(dir.path(), &state(&[("v1", Some(&disk))])).unwrap();
        fs::write(disk.join("file"), "data").unwrap();
        write(dir.path(), &state(&[])).unwrap();

        assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
    }

    #[test]
    fn an_agent_that_ended_in_between_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let volume = dir.path().join("volumes/roles/web/v1");
        write(dir.path(), &state(&[])).unwrap();
        files::replace_durably(&layout::assets_target(dir.path()), &files::encode(&state(&[("v1", None)])))
            .unwrap();

        assert_eq!(read(dir.path()).unwrap(), state(&[("v1", None)]));
        assert!(volume.is_dir());
        assert!(!layout::assets_target(dir.path()).exists());
    }

    #[test]
    fn a_volume_that_is_lost_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &state(&[("v1", None)])).unwrap();
        fs::remove_dir_all(dir.path().join("volumes")).unwrap();

        read(dir.path()).unwrap();

        assert!(dir.path().join("volumes/roles/web/v1").is_dir());
    }

    #[test]
    fn a_volume_whose_disk_is_away_is_not_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        write(dir.path(), &state(&[("v1", Some(&disk))])).unwrap();
        fs::remove_dir_all(&disk).unwrap();

        read(dir.path()).unwrap();

        assert!(!disk.exists());
    }

    #[test]
    fn a_volume_that_cannot_be_made_is_named_and_not_in_force() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("volumes"), "in the way").unwrap();

        let why = write(dir.path(), &state(&[("v1", None)])).unwrap_err().to_string();

        assert!(why.starts_with("make the volume"), "{why}");
        assert!(!layout::assets(dir.path()).exists());
    }
}
