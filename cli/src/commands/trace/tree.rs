//! The hops of a tree in the orders that people read them in. What is drawn of them is decided elsewhere.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::hop::Hop;

/// Messages and who caused whom.
pub struct Tree {
    pub hops: Vec<Hop>,
    /// By place in `hops`, the earliest first.
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

/// A hop and where it stands.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub hop: &'a Hop,
    pub depth: usize,
    /// Nanoseconds since the first hop; zero where clocks differ.
    pub offset: u64,
}

impl Tree {
    pub fn new(mut hops: Vec<Hop>) -> Tree {
        hops.sort_by(|a, b| (a.start(), &a.id).cmp(&(b.start(), &b.id)));
        hops.dedup_by(|a, b| a.id == b.id);
        let places: HashMap<&str, usize> = hops.iter().enumerate().map(|(n, hop)| (&*hop.id, n)).collect();
        let parent = |hop: &Hop| hop.cause.as_deref().and_then(|cause| places.get(cause).copied());
        let parents: Vec<Option<usize>> = hops.iter().map(parent).collect();
        let mut children = vec![Vec::new(); hops.len()];
        let mut roots = Vec::new();
        for (place, parent) in parents.iter().enumerate() {
            match parent {
                Some(parent) if !leads_to_itself(&parents, place) => children[*parent].push(place),
                _ => roots.push(place),
            }
        }
        Tree { hops, children, roots }
    }

    /// Every hop beneath its cause, siblings by time.
    pub fn by_cause(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::with_capacity(self.hops.len());
        let mut open: Vec<(usize, usize)> = self.roots.iter().rev().map(|root| (*root, 0)).collect();
        while let Some((place, depth)) = open.pop() {
            rows.push(self.row(place, depth));
            open.extend(self.children[place].iter().rev().map(|child| (*child, depth + 1)));
        }
        rows
    }

    /// Every hop at its time, but never before its cause, whatever the clocks say.
    pub fn by_time(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::with_capacity(self.hops.len());
        // Places are in order of time.
        let mut ready: BinaryHeap<Reverse<(usize, usize)>> =
            self.roots.iter().map(|root| Reverse((*root, 0))).collect();
        while let Some(Reverse((place, depth))) = ready.pop() {
            rows.push(self.row(place, depth));
            ready.extend(self.children[place].iter().map(|child| Reverse((*child, depth + 1))));
        }
        rows
    }

    /// From the first moment that is known to the last.
    pub fn duration(&self) -> u64 {
        let end = self.hops.iter().filter_map(Hop::end).max();
        end.zip(self.begin()).map_or(0, |(end, begin)| end.saturating_sub(begin))
    }

    /// Nanoseconds since the epoch.
    pub fn begin(&self) -> Option<u64> {
        self.hops.iter().filter_map(Hop::start).min()
    }

    fn row(&self, place: usize, depth: usize) -> Row<'_> {
        let hop = &self.hops[place];
        let offset = hop.start().zip(self.begin()).map_or(0, |(start, begin)| start.saturating_sub(begin));
        Row { hop, depth, offset }
    }
}

/// Whether following the causes comes back: never of honest records, but records come from other machines.
fn leads_to_itself(parents: &[Option<usize>], place: usize) -> bool {
    let (mut at, mut steps) = (parents[place], 0);
    while let Some(next) = at {
        if next == place {
            return true;
        }
        steps += 1;
        if steps > parents.len() {
            // A circle further up, which is cut there.
            return false;
        }
        at = parents[next];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(id: &str, cause: Option<&str>, sent: u64) -> Hop {
        let message = format!("test.M{id}");
        Hop { id: id.into(), cause: cause.map(str::to_owned), sent: Some(sent), message, ..Hop::default() }
    }

    fn ids(rows: &[Row<'_>]) -> String {
        rows.iter().map(|row| format!("{}{} ", row.hop.id, row.depth)).collect()
    }

    #[test]
    fn hops_stand_beneath_their_causes_or_at_their_times() {
        let hops =
            vec![hop("d", Some("b"), 9), hop("a", None, 1), hop("c", Some("a"), 5), hop("b", Some("a"), 3)];

        let tree = Tree::new(hops);

        assert_eq!(ids(&tree.by_cause()), "a0 b1 d2 c1 ");
        assert_eq!(ids(&tree.by_time()), "a0 b1 c1 d2 ");
    }

    #[test]
    fn no_hop_comes_before_its_cause_though_clocks_differ() {
        let tree = Tree::new(vec![hop("a", None, 100), hop("b", Some("a"), 7)]);

        assert_eq!(ids(&tree.by_time()), "a0 b1 ");
    }

    #[test]
    fn every_hop_is_shown_once_even_if_causes_go_in_circles() {
        let circle = vec![
            hop("a", Some("b"), 1),
            hop("b", Some("a"), 2),
            hop("c", Some("c"), 3),
            hop("d", Some("b"), 4),
        ];

        let tree = Tree::new(circle);

        let mut shown: Vec<&str> = tree.by_cause().iter().map(|row| row.hop.id.as_str()).collect();
        shown.sort_unstable();
        assert_eq!(shown, ["a", "b", "c", "d"]);
        assert_eq!(tree.by_time().len(), 4);
    }
}
