//! The order of siblings by dominant share, kept while clients get and give back.

use std::cmp::Ordering;

use rand::rngs::StdRng;

use super::{Node, ROOT, Sorter, Totals};
use crate::Sorting;

impl<K: Copy + Ord> Sorter<K> {
    /// Brings everything in order, unless it is.
    pub(super) fn sort(&mut self, totals: &Totals) {
        if self.sorted_for == Some(totals.version) {
            return;
        }
        self.sort_below(ROOT, totals);
        self.sorted_for = Some(totals.version);
    }

    fn sort_below(&mut self, at: usize, totals: &Totals) {
        let mut children = std::mem::take(&mut self.nodes[at].children);
        for &child in &children {
            self.nodes[child].share = self.nodes[child].share_of(totals);
            self.sort_below(child, totals);
        }
        children.sort_unstable_by(|&left, &right| self.compare(left, right));
        self.nodes[at].children = children;
    }

    /// Changes a node. If siblings are in order, they are afterwards.
    pub(super) fn change(&mut self, at: usize, totals: &Totals, change: impl FnOnce(&mut Node<K>)) {
        let is_placed =
            at != ROOT && self.sorted_for == Some(totals.version) && !self.nodes[at].kind.is_inactive();
        if !is_placed {
            if self.sorted_for != Some(totals.version) {
                // Whatever order there was is one of other totals.
                self.sorted_for = None;
            }
            return change(&mut self.nodes[at]);
        }
        let before = self.place(at);
        change(&mut self.nodes[at]);
        self.nodes[at].share = self.nodes[at].share_of(totals);
        self.put_in_place(at, before);
    }

    /// Where a node is among its siblings, which are in order.
    pub(super) fn place(&self, at: usize) -> usize {
        let siblings = &self.nodes[self.nodes[at].parent].children;
        siblings
            .binary_search_by(|&sibling| self.compare(sibling, at))
            .expect("a child is among its siblings")
    }

    /// Moves a node that changed from where it was to its place.
    fn put_in_place(&mut self, at: usize, before: usize) {
        let parent = self.nodes[at].parent;
        let siblings = &self.nodes[parent].children;
        let comes_before = |sibling: &usize| self.compare(*sibling, at) == Ordering::Less;
        let later = siblings[before + 1..].partition_point(comes_before);
        if later > 0 {
            self.nodes[parent].children[before..=before + later].rotate_left(1);
            return;
        }
        let first = siblings[..before].partition_point(comes_before);
        self.nodes[parent].children[first..=before].rotate_right(1);
    }

    /// The order of two siblings.
    pub(super) fn compare(&self, left: usize, right: usize) -> Ordering {
        let (left, right) = (&self.nodes[left], &self.nodes[right]);
        let by_share = left.share.total_cmp(&right.share);
        by_share.then_with(|| left.served.cmp(&right.served)).then_with(|| left.path.cmp(&right.path))
    }

    /// Some clients, in the order in which a walk would come by. Those that have no turn are left out.
    pub(crate) fn in_order(
        &mut self,
        some: impl Iterator<Item = K>,
        totals: &Totals,
        random: &mut StdRng,
    ) -> Vec<K> {
        let is_listed =
            |client: &K| self.leaves.get(client).is_some_and(|&leaf| !self.nodes[leaf].kind.is_inactive());
        let mut clients: Vec<K> = some.filter(is_listed).collect();
        match self.sorting {
            Sorting::DominantShare => {
                self.sort(totals);
                clients.sort_unstable_by(|left, right| {
                    self.compare_leaves(self.leaves[left], self.leaves[right])
                });
                clients
            }
            Sorting::Random => {
                let mut walk = self.walk(totals);
                let drawn = std::iter::from_fn(|| self.next(&mut walk, random));
                drawn.filter(|client| clients.contains(client)).collect()
            }
        }
    }

    /// How many clients have their turn before this one; by lot, that is not known before.
    pub(crate) fn place_in_order(mut self, client: K, totals: &Totals, random: &mut StdRng) -> usize {
        if self.sorting == Sorting::Random {
            return 0;
        }
        let mut walk = self.walk(totals);
        std::iter::from_fn(|| self.next(&mut walk, random)).take_while(|next| *next != client).count()
    }

    /// The order of any two leaves: that of the two siblings at which their paths part.
    fn compare_leaves(&self, left: usize, right: usize) -> Ordering {
        let (left, right) = (self.path_down(left), self.path_down(right));
        match left.iter().zip(&right).find(|(left, right)| left != right) {
            Some((&left, &right)) => self.compare(left, right),
            None => Ordering::Equal,
        }
    }

    fn path_down(&self, leaf: usize) -> Vec<usize> {
        let mut path = vec![leaf];
        let mut at = leaf;
        while at != ROOT {
            at = self.nodes[at].parent;
            path.push(at);
        }
        path.reverse();
        path
    }
}
