//! The sum type itself, and looking at it.

use serde::{Deserialize, Serialize};

use super::{Ranges, Resource, ResourceName, ResourceQuantities, Scalar, Value};

/// A sum of resources of one machine: sorted, without empty entries, divisible entries of one kind melted together.
///
/// Cloning is cheap: a handful of small entries that share their text and metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resources {
    pub(super) entries: Vec<Resource>,
}

impl Resources {
    /// Nothing.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in order. A shared resource is one entry with its number of copies.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.entries.iter()
    }

    /// The total amount of a scalar by name, whatever it is reserved for or allocated to; shared volumes count once.
    pub fn scalar(&self, name: &ResourceName) -> Scalar {
        let of_name = self.entries.iter().filter(|entry| entry.name == *name);
        of_name.map(|entry| if entry.is_scalar() { entry.value.quantity() } else { Scalar::ZERO }).sum()
    }

    /// In cores.
    pub fn cpus(&self) -> Scalar {
        self.scalar(&ResourceName::Cpus)
    }

    /// In devices.
    pub fn gpus(&self) -> Scalar {
        self.scalar(&ResourceName::Gpus)
    }

    /// In MB.
    pub fn mem(&self) -> Scalar {
        self.scalar(&ResourceName::Mem)
    }

    /// In MB.
    pub fn disk(&self) -> Scalar {
        self.scalar(&ResourceName::Disk)
    }

    /// All numbers of a resource made of ranges, whatever it is reserved for or allocated to.
    pub fn ranges(&self, name: &ResourceName) -> Ranges {
        let mut all = Ranges::new();
        for entry in self.entries.iter().filter(|entry| entry.name == *name) {
            if let Value::Ranges(ranges) = &entry.value {
                all.extend(ranges);
            }
        }
        all
    }

    /// All port numbers.
    pub fn ports(&self) -> Ranges {
        self.ranges(&ResourceName::Ports)
    }

    /// Amounts per name, of which those of ranges and sets are how many numbers and names there are; shared volumes count once.
    pub fn amounts(&self) -> ResourceQuantities {
        self.entries.iter().map(|entry| (entry.name.clone(), entry.value.quantity())).collect()
    }

    /// The scalars as amounts per name; shared volumes count once.
    pub fn quantities(&self) -> ResourceQuantities {
        let mut quantities = ResourceQuantities::new();
        for entry in self.entries.iter().filter(|entry| entry.is_scalar()) {
            quantities.increase(&entry.name, entry.value.quantity());
        }
        quantities
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(entries: I) -> Self {
        // In order, each entry joins the end: no sender can make this slow.
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort();
        let mut sum = Self::new();
        for entry in entries {
            sum += entry;
        }
        sum
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl IntoIterator for Resources {
    type Item = Resource;
    type IntoIter = std::vec::IntoIter<Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
