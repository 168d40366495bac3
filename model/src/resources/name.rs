//! Names of resources: five that Mesos knows, and any other.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a resource. The known ones come first in every listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceName {
    /// `cpus`: scalar, in cores.
    Cpus,
    /// `gpus`: scalar, whole numbers.
    Gpus,
    /// `mem`: scalar, in MB.
    Mem,
    /// `disk`: scalar, in MB.
    Disk,
    /// `ports`: ranges.
    Ports,
    /// A custom resource.
    Other(Arc<str>),
}

impl ResourceName {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cpus => "cpus",
            Self::Gpus => "gpus",
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::Ports => "ports",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for ResourceName {
    fn from(name: &str) -> Self {
        match name {
            "cpus" => Self::Cpus,
            "gpus" => Self::Gpus,
            "mem" => Self::Mem,
            "disk" => Self::Disk,
            "ports" => Self::Ports,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
