//! What is special about a `disk` resource: where it comes from, and the volume made of it.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_proto::v1;

/// A disk other than the plain work directory, a persistent volume, or both.
///
/// Two are equal if source and persistence id are: the principal that created a volume and the path at which a
/// task mounts it do not change what it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiskInfo {
    /// Where the space comes from; `None` is the agent's work directory (Mesos' ROOT).
    pub source: Option<DiskSource>,
    /// Set if this is a persistent volume.
    pub persistence: Option<Persistence>,
    /// How a task sees it.
    pub volume: Option<Arc<v1::Volume>>,
}

/// A persistent volume's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persistence {
    /// Unique per role and agent.
    pub id: String,
    /// Who created it.
    pub principal: Option<String>,
}

/// A disk of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DiskSource {
    /// What kind of disk.
    pub kind: DiskKind,
    /// Who makes it, for disks from a storage plug-in.
    pub vendor: Option<String>,
    /// The plug-in's name of it; a raw disk with an id is one particular disk.
    pub id: Option<String>,
    /// Set by the plug-in; key and value pairs in order of keys.
    pub metadata: Option<Vec<(String, Option<String>)>>,
    /// The storage profile.
    pub profile: Option<String>,
}

/// What kind of disk. Only PATH can be divided and has an optional root, like MOUNT; each alternative carries its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DiskKind {
    /// A directory, divisible.
    Path {
        /// Its path.
        root: Option<String>,
    },
    /// A mount point, taken whole.
    Mount {
        /// Its path.
        root: Option<String>,
    },
    /// A block device, taken whole.
    Block,
    /// Unformatted space; divisible unless it has an id.
    Raw,
}

impl DiskInfo {
    /// Whether it can only be taken whole.
    pub fn is_indivisible(&self) -> bool {
        self.persistence.is_some() || self.source.as_ref().is_some_and(DiskSource::is_exclusive)
    }
}

impl DiskSource {
    /// Whether the disk belongs to one taker at a time.
    pub fn is_exclusive(&self) -> bool {
        match self.kind {
            DiskKind::Path { .. } => false,
            DiskKind::Mount { .. } | DiskKind::Block => true,
            DiskKind::Raw => self.id.is_some(),
        }
    }
}

impl Ord for DiskInfo {
    fn cmp(&self, other: &Self) -> Ordering {
        let id = |disk: &Self| disk.persistence.as_ref().map(|persistence| persistence.id.clone());
        self.source.cmp(&other.source).then_with(|| id(self).cmp(&id(other)))
    }
}

impl PartialOrd for DiskInfo {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DiskInfo {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DiskInfo {}

impl fmt::Display for DiskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}")?;
        }
        if let Some(persistence) = &self.persistence {
            let comma = if self.source.is_some() { "," } else { "" };
            write!(f, "{comma}{}", persistence.id)?;
        }
        if let Some(volume) = &self.volume {
            f.write_str(":")?;
            if let Some(host_path) = &volume.host_path {
                write!(f, "{host_path}:")?;
            }
            f.write_str(&volume.container_path)?;
            if volume.host_path.is_some() {
                let read_only = volume.mode() == v1::volume::Mode::Ro;
                f.write_str(if read_only { ":ro" } else { ":rw" })?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, root) = match &self.kind {
            DiskKind::Path { root } => ("PATH", root.as_deref()),
            DiskKind::Mount { root } => ("MOUNT", root.as_deref()),
            DiskKind::Block => ("BLOCK", None),
            DiskKind::Raw => ("RAW", None),
        };
        f.write_str(kind)?;
        if self.id.is_some() || self.profile.is_some() {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            return write!(f, "({},{},{})", text(&self.vendor), text(&self.id), text(&self.profile));
        }
        match root {
            Some(root) => write!(f, ":{root}"),
            None => Ok(()),
        }
    }
}
