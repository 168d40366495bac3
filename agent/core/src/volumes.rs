//! Where a persistent volume lies on its machine (Mesos' layout).

use std::path::{Path, PathBuf};

use tepui_model::{DiskKind, Resource, TaskId};

/// The directory of a volume: below the work directory, below the root of its PATH disk, or the root of its MOUNT disk.
/// Relative roots begin at the work directory.
///
/// # Errors
/// It is no volume of this agent's, or its id cannot be a directory.
pub fn volume_directory(work_dir: &Path, volume: &Resource) -> Result<PathBuf, String> {
    let disk = volume.disk().ok_or_else(|| format!("{volume} is not a persistent volume"))?;
    let persistence =
        disk.persistence.as_ref().ok_or_else(|| format!("{volume} is not a persistent volume"))?;
    let reservation = volume.reservation().ok_or_else(|| format!("volume {volume} is not reserved"))?;
    // The rule of persistence ids is that of all ids that become directories.
    TaskId::parse(persistence.id.as_str()).map_err(|why| format!("persistence ID of {volume}: {why}"))?;
    // A role's slashes would make directories of their own; no role has a space.
    let role = reservation.role.as_str().replace('/', " ");
    let below = |root: PathBuf| root.join("volumes").join("roles").join(role).join(&persistence.id);
    match disk.source.as_ref().map(|source| &source.kind) {
        None => Ok(below(work_dir.to_path_buf())),
        Some(DiskKind::Path { root: Some(root) }) => Ok(below(work_dir.join(root))),
        Some(DiskKind::Mount { root: Some(root) }) => Ok(work_dir.join(root)),
        Some(DiskKind::Path { root: None } | DiskKind::Mount { root: None }) => {
            Err(format!("the disk of {volume} has no root"))
        }
        Some(DiskKind::Block | DiskKind::Raw) => Err(format!("{volume} is of a disk that has no files")),
    }
}

/// Whether the directory itself is somebody else's, and only what is in it belongs to the volume.
pub fn is_mount(volume: &Resource) -> bool {
    let source = volume.disk().and_then(|disk| disk.source.as_ref());
    source.is_some_and(|source| matches!(source.kind, DiskKind::Mount { .. }))
}

#[cfg(test)]
mod tests {
    use tepui_model::{DiskInfo, DiskSource, Metadata, Persistence, Reservation, Role, Scalar, Value};

    use super::*;

    fn volume(kind: Option<DiskKind>, id: &str) -> Resource {
        let none = DiskSource { kind: DiskKind::Raw, vendor: None, id: None, metadata: None, profile: None };
        let disk = DiskInfo {
            source: kind.map(|kind| DiskSource { kind, ..none }),
            persistence: Some(Persistence { id: id.into(), principal: None }),
            volume: None,
        };
        let reservations = vec![Reservation::dynamic(Role::parse("web/a").unwrap(), None)];
        let metadata = Metadata { reservations, disk: Some(disk), ..Metadata::default() };
        Resource::new("disk", Value::Scalar(Scalar::from_units(8))).with_metadata(metadata)
    }

    #[test]
    fn volumes_lie_where_those_of_mesos_do() {
        let at = |kind: Option<DiskKind>| volume_directory(Path::new("/w"), &volume(kind, "v1"));
        let path = |root: &str| Some(DiskKind::Path { root: Some(root.into()) });
        let mount = || Some(DiskKind::Mount { root: Some("/mnt/d".into()) });

        assert_eq!(at(None).unwrap(), Path::new("/w/volumes/roles/web a/v1"));
        assert_eq!(at(path("/d")).unwrap(), Path::new("/d/volumes/roles/web a/v1"));
        assert_eq!(at(path("d")).unwrap(), Path::new("/w/d/volumes/roles/web a/v1"));
        assert_eq!(at(mount()).unwrap(), Path::new("/mnt/d"));
        assert!(is_mount(&volume(mount(), "v1")) && !is_mount(&volume(path("d"), "v1")));
    }

    #[test]
    fn an_id_does_not_lead_elsewhere() {
        let why = volume_directory(Path::new("/w"), &volume(None, "..")).unwrap_err();

        assert!(why.ends_with("'..' is disallowed"), "{why}");
    }
}
