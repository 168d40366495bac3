//! Who stands side by side in a sequence diagram, and how much of a tree fits into one.

use std::collections::HashMap;

use super::tree::{Row, Tree};

/// Hops of one diagram: about ten screens. Mermaid itself gives up at 500.
const MAX_HOPS: usize = 400;
/// Actors side by side: more are wider than any screen.
const MAX_ACTORS: usize = 24;

/// The actors of a diagram in the order in which they first appear.
pub struct Actors<'a> {
    pub names: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Actors<'a> {
    /// The actors, the hops to draw in order of time, and how many of them had to be left out.
    pub fn of(tree: &'a Tree) -> (Actors<'a>, Vec<Row<'a>>, usize) {
        let mut actors = Actors { names: Vec::new(), places: HashMap::new() };
        let all = tree.by_time();
        let count = all.len();
        let mut rows = Vec::new();
        for row in all {
            let fits = rows.len() < MAX_HOPS && actors.add(&row.hop.from) && actors.add(&row.hop.to);
            if fits {
                rows.push(row);
            }
        }
        let left_out = count - rows.len();
        (actors, rows, left_out)
    }

    /// False if there is no place for one more.
    fn add(&mut self, name: &'a str) -> bool {
        if self.places.contains_key(name) {
            return true;
        }
        let fits = self.names.len() < MAX_ACTORS;
        if fits {
            self.places.insert(name, self.names.len());
            self.names.push(name);
        }
        fits
    }

    /// Its column, from the left.
    pub fn place(&self, name: &str) -> usize {
        self.places.get(name).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::trace::hop::Hop;

    #[test]
    fn a_diagram_is_bounded_and_counts_what_is_left_out() {
        let hop = |n: usize| Hop {
            id: format!("{n:04}"),
            from: "a".into(),
            to: format!("b{}", n % 30),
            ..Hop::default()
        };
        let tree = Tree::new((0..1000).map(hop).collect());

        let (actors, rows, left_out) = Actors::of(&tree);

        assert_eq!((actors.names.len(), rows.len(), left_out), (MAX_ACTORS, MAX_HOPS, 1000 - MAX_HOPS));
    }
}
