//! Adding, taking away, and being part of.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Range, Sub, SubAssign};

use super::{Resource, ResourceQuantities, Resources, Scalar};

impl Resources {
    /// Whether the other sum is part of this one. What is indivisible is there whole and as often, or not at all.
    pub fn contains(&self, other: &Self) -> bool {
        let mut same = 0;
        for (at, entry) in other.entries.iter().enumerate() {
            // Equal indivisible entries lie side by side; the n-th needs n of them here.
            same = if at > 0 && other.entries[at - 1] == *entry { same + 1 } else { 1 };
            if !self.has(entry, same) {
                return false;
            }
        }
        true
    }

    /// Whether the entry is part of this sum.
    pub fn contains_entry(&self, entry: &Resource) -> bool {
        entry.is_empty() || self.has(entry, 1)
    }

    /// Whether there is at least so much of everything; a set or ranges count their members.
    pub fn contains_quantities(&self, quantities: &ResourceQuantities) -> bool {
        quantities.iter().all(|(name, wanted)| {
            let of_name = self.entries.iter().filter(|entry| entry.name == *name);
            let there: Scalar = of_name.map(|entry| entry.value.quantity()).sum();
            there >= wanted
        })
    }

    /// The difference, if `other` is part of this sum.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.contains(other).then(|| self - other)
    }

    fn has(&self, entry: &Resource, times: usize) -> bool {
        let mut alike = self.entries[self.alike(entry)].iter();
        if entry.is_shared() {
            return alike.any(|held| held.value == entry.value && held.copies >= entry.copies);
        }
        if entry.is_indivisible() {
            return alike.filter(|held| held.value == entry.value).count() >= times;
        }
        alike.any(|held| held.value.contains(&entry.value))
    }

    fn add_entry(&mut self, entry: Resource) {
        if entry.is_empty() {
            return;
        }
        let alike = self.alike(&entry);
        for held in &mut self.entries[alike] {
            if entry.is_shared() && held.value == entry.value {
                held.copies = held.copies.saturating_add(entry.copies);
                return;
            }
            if !entry.is_indivisible() && held.value.is_like(&entry.value) {
                held.value.add(&entry.value);
                return;
            }
        }
        let at = self.entries.partition_point(|held| *held < entry);
        self.entries.insert(at, entry);
    }

    fn subtract_entry(&mut self, entry: &Resource) {
        if entry.is_empty() {
            return;
        }
        for at in self.alike(entry) {
            let held = &mut self.entries[at];
            if entry.is_indivisible() {
                if held.value != entry.value {
                    continue;
                }
                held.copies = held.copies.saturating_sub(entry.copies);
            } else if held.value.is_like(&entry.value) {
                held.value.subtract(&entry.value);
            } else {
                continue;
            }
            if held.is_empty() {
                self.entries.remove(at);
            }
            return;
        }
    }

    /// Where the entries lie that differ from this one in value at most.
    fn alike(&self, entry: &Resource) -> Range<usize> {
        let start = self.entries.partition_point(|held| held.kind_cmp(entry) == Ordering::Less);
        let count =
            self.entries[start..].iter().take_while(|held| held.kind_cmp(entry) == Ordering::Equal).count();
        start..start + count
    }
}

impl AddAssign<Resource> for Resources {
    fn add_assign(&mut self, entry: Resource) {
        self.add_entry(entry);
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        if self.entries.is_empty() {
            self.entries.clone_from(&other.entries);
            return;
        }
        for entry in &other.entries {
            self.add_entry(entry.clone());
        }
    }
}

impl SubAssign<&Resource> for Resources {
    fn sub_assign(&mut self, entry: &Resource) {
        self.subtract_entry(entry);
    }
}

impl SubAssign<&Resources> for Resources {
    /// Takes away what is there. What `other` has beyond that is ignored, as Mesos does: nothing becomes negative.
    /// Who must know uses [`Resources::checked_sub`].
    fn sub_assign(&mut self, other: &Resources) {
        for entry in &other.entries {
            self.subtract_entry(entry);
        }
    }
}

impl Add for &Resources {
    type Output = Resources;

    fn add(self, other: Self) -> Resources {
        let mut sum = self.clone();
        sum += other;
        sum
    }
}

impl Add<&Resources> for Resources {
    type Output = Resources;

    fn add(mut self, other: &Resources) -> Resources {
        self += other;
        self
    }
}

impl Sub for &Resources {
    type Output = Resources;

    fn sub(self, other: Self) -> Resources {
        let mut rest = self.clone();
        rest -= other;
        rest
    }
}

impl Sub<&Resources> for Resources {
    type Output = Resources;

    fn sub(mut self, other: &Resources) -> Resources {
        self -= other;
        self
    }
}

impl<'a> Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(all: I) -> Self {
        all.fold(Self::new(), |sum, resources| sum + resources)
    }
}
