//! Which kinds of resources are meant, in one byte: so that a role whose limits are reached is passed over without
//! looking at amounts.

use tepui_model::{Resource, ResourceName};

use crate::roles::is_quota_counted;

/// A set of kinds. Resources that no quota counts, and those with names of their own, are one kind: *other*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask(u8);

impl Mask {
    pub(crate) const NOTHING: Self = Self(0);
    const OTHER: Self = Self(1 << 7);

    /// What a limit on this name covers; a limit on a name of its own is not told apart here.
    pub(crate) fn of(name: &ResourceName) -> Self {
        match name {
            ResourceName::Cpus => Self(1),
            ResourceName::Gpus => Self(1 << 1),
            ResourceName::Mem => Self(1 << 2),
            ResourceName::Disk => Self(1 << 3),
            ResourceName::Ports | ResourceName::Other(_) => Self::NOTHING,
        }
    }

    pub(crate) fn of_resources<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let kind = |entry: &Resource| {
            let covered = Self::of(entry.name());
            if is_quota_counted(entry) && covered != Self::NOTHING { covered } else { Self::OTHER }
        };
        resources.into_iter().map(kind).fold(Self::NOTHING, Self::and)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all kinds of this set are in the other.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}
