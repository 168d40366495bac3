//! Sets of whole numbers, such as ports, as closed ranges.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of whole numbers.
///
/// Kept sorted, without overlaps and with gaps of at least one number between ranges: equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the numbers from `begin` to `end`, both included; nothing if `end` lies before `begin`.
    pub fn insert(&mut self, begin: u64, end: u64) {
        if begin > end {
            return;
        }
        // Ranges that end right before `begin`, or start right after `end`, melt into the new one.
        let first = self.0.partition_point(|&(_, e)| e < begin && begin - e > 1);
        let last = self.0.partition_point(|&(b, _)| b <= end || b - end == 1);
        let melted = self.0[first..last].iter();
        let merged = melted.fold((begin, end), |(begin, end), &(b, e)| (begin.min(b), end.max(e)));
        self.0.splice(first..last, [merged]);
    }

    /// Takes away the numbers from `begin` to `end`, both included.
    pub fn remove(&mut self, begin: u64, end: u64) {
        if begin > end {
            return;
        }
        let first = self.0.partition_point(|&(_, e)| e < begin);
        let last = self.0.partition_point(|&(b, _)| b <= end);
        if first == last {
            return;
        }
        let (left, right) = (self.0[first].0, self.0[last - 1].1);
        let mut rest = Vec::with_capacity(2);
        if left < begin {
            rest.push((left, begin - 1));
        }
        if right > end {
            rest.push((end + 1, right));
        }
        self.0.splice(first..last, rest);
    }

    /// Adds every number of the other set.
    pub fn extend(&mut self, other: &Self) {
        *self = self.iter().chain(other.iter()).collect();
    }

    /// Takes away every number of the other set.
    pub fn subtract(&mut self, other: &Self) {
        let mut rest = Vec::with_capacity(self.0.len());
        let mut cuts = other.0.iter().peekable();
        for &(mut begin, end) in &self.0 {
            while cuts.next_if(|&&(_, cut_end)| cut_end < begin).is_some() {}
            let mut left_over = true;
            while let Some(&&(cut, cut_end)) = cuts.peek().filter(|&&&(cut, _)| cut <= end) {
                if begin < cut {
                    rest.push((begin, cut - 1));
                }
                if cut_end >= end {
                    left_over = false;
                    break;
                }
                begin = cut_end + 1;
                cuts.next();
            }
            if left_over {
                rest.push((begin, end));
            }
        }
        self.0 = rest;
    }

    /// Whether every number of the other set is in this one.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.0.iter().all(|&(begin, end)| {
            let at = self.0.partition_point(|&(_, e)| e < begin);
            self.0.get(at).is_some_and(|&(b, e)| b <= begin && end <= e)
        })
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        self.contains_all(&Self(vec![(number, number)]))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in the set, at most [`u64::MAX`].
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, &(begin, end)| sum.saturating_add((end - begin).saturating_add(1)))
    }

    /// The ranges, smallest first, both ends included.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }

    /// The numbers, smallest first.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|&(begin, end)| begin..=end)
    }

    /// The `count` smallest numbers, if there are so many.
    pub fn smallest(&self, count: u64) -> Option<Self> {
        let mut missing = count;
        let mut taken = Vec::new();
        for &(begin, end) in &self.0 {
            if missing == 0 {
                break;
            }
            let size = (end - begin).saturating_add(1).min(missing);
            taken.push((begin, begin + (size - 1)));
            missing -= size;
        }
        (missing == 0).then_some(Self(taken))
    }
}

impl FromIterator<(u64, u64)> for Ranges {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|(begin, end)| begin <= end).collect();
        sorted.sort_unstable();
        let mut melted: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (begin, end) in sorted {
            match melted.last_mut().filter(|last| begin <= last.1.saturating_add(1)) {
                Some(last) => last.1 = last.1.max(end),
                None => melted.push((begin, end)),
            }
        }
        Self(melted)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (n, (begin, end)) in self.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{begin}-{end}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(u64, u64)]) -> Ranges {
        list.iter().copied().collect()
    }

    #[test]
    fn neighbours_and_overlaps_melt_together() {
        assert_eq!(ranges(&[(5, 7), (1, 2), (3, 4), (6, 9)]).to_string(), "[1-9]");
        assert_eq!(ranges(&[(1, 2), (4, 5)]).to_string(), "[1-2, 4-5]");
        assert_eq!(ranges(&[(u64::MAX, u64::MAX), (0, 0), (1, u64::MAX - 1)]), ranges(&[(0, u64::MAX)]));
        assert_eq!(ranges(&[(9, 2)]), Ranges::new());
    }

    #[test]
    fn taking_away_cuts_ranges() {
        let mut ports = ranges(&[(10, 20), (30, 40)]);

        ports.remove(15, 32);
        assert_eq!(ports.to_string(), "[10-14, 33-40]");

        ports.remove(11, 11);
        ports.remove(0, 9);
        assert_eq!(ports.to_string(), "[10-10, 12-14, 33-40]");

        ports.subtract(&ranges(&[(0, u64::MAX)]));
        assert!(ports.is_empty());
    }

    #[test]
    fn counting_and_looking_up() {
        let ports = ranges(&[(10, 20), (30, 40)]);

        assert_eq!(ports.count(), 22);
        assert_eq!(ranges(&[(0, u64::MAX)]).count(), u64::MAX);
        assert!(ports.contains(20) && !ports.contains(21));
        assert!(ports.contains_all(&ranges(&[(10, 11), (39, 40)])));
        assert!(!ports.contains_all(&ranges(&[(20, 30)])));
        assert_eq!(ports.smallest(12), Some(ranges(&[(10, 20), (30, 30)])));
        assert_eq!(ports.smallest(0), Some(Ranges::new()));
        assert_eq!(ports.smallest(23), None);
    }
}
