//! One walk through all clients, in the order that there was when it began.
//!
//! Nobody lists the clients for that: most walks end after a few of them. What happens on the way is that clients are
//! served, which moves them and the nodes above them *behind* where the walk is. So the walk goes on where it is, and
//! passes over what it has seen.

use rand::rngs::StdRng;

use super::lot::Draw;
use super::{Kind, ROOT, Sorter, Totals};
use crate::Sorting;

/// Where a walk is.
#[derive(Debug)]
pub(crate) enum Walk<K> {
    Tree {
        id: u64,
        /// From the root down: a node, the place of the child that is next, and the child that was last.
        stack: Vec<(usize, usize, Option<usize>)>,
    },
    Lot(Draw<K>),
}

impl<K: Copy + Ord> Sorter<K> {
    pub(crate) fn walk(&mut self, totals: &Totals) -> Walk<K> {
        match self.sorting {
            Sorting::DominantShare => {
                self.sort(totals);
                self.walks += 1;
                Walk::Tree { id: self.walks, stack: vec![(ROOT, 0, None)] }
            }
            Sorting::Random => Walk::Lot(self.draw()),
        }
    }

    /// The next client of a walk.
    pub(crate) fn next(&mut self, walk: &mut Walk<K>, random: &mut StdRng) -> Option<K> {
        match walk {
            Walk::Tree { id, stack } => self.next_in_tree(*id, stack),
            Walk::Lot(draw) => draw.next(self.lottery.as_ref()?, random),
        }
    }

    fn next_in_tree(&mut self, id: u64, stack: &mut Vec<(usize, usize, Option<usize>)>) -> Option<K> {
        while let Some((at, next, last)) = stack.last_mut() {
            let children = &self.nodes[*at].children;
            // If the last child was served, it has moved behind, and the next one came to its place.
            if last.take().is_some_and(|last| children.get(*next) == Some(&last)) {
                *next += 1;
            }
            let Some(&child) = children.get(*next) else {
                stack.pop();
                continue;
            };
            let node = &mut self.nodes[child];
            if node.walked == id {
                *next += 1;
                continue;
            }
            node.walked = id;
            *last = Some(child);
            match node.kind {
                Kind::Active(client) => return Some(client),
                Kind::Inner => stack.push((child, 0, None)),
                Kind::Inactive(_) => unreachable!("inactive leaves are not among the ordered children"),
            }
        }
        None
    }
}
