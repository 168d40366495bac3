//! The shape of the tree: clients come and go, and leaves turn into inner nodes and back.

use std::cmp::Ordering;

use super::{DEFAULT_WEIGHT, Kind, Node, ROOT, Sorter, Totals};

impl<K: Copy + Ord> Sorter<K> {
    /// Adds an inactive client.
    pub(crate) fn add(&mut self, client: K, path: &str, totals: &Totals) {
        assert!(!self.leaves.contains_key(&client), "a client is added once");
        let mut at = ROOT;
        let mut names = path.split('/').peekable();
        // Down the part of the path that is there; a leaf on the way becomes an inner node.
        while let Some(&name) = names.peek() {
            self.move_to_virtual_leaf(at, totals);
            let Some(&child) = self.nodes[at].by_name.get(name) else { break };
            at = child;
            names.next();
        }
        if names.peek().is_none() {
            // The node is there already, as an ancestor of other clients.
            assert!(self.nodes[at].kind.is_inner(), "no two clients have one path");
            at = self.insert(at, ".", Kind::Inactive(client), totals);
        }
        while let Some(name) = names.next() {
            let kind = if names.peek().is_none() { Kind::Inactive(client) } else { Kind::Inner };
            at = self.insert(at, name, kind, totals);
        }
        self.leaves.insert(client, at);
        self.lottery = None;
    }

    /// Removes a client that holds nothing.
    pub(crate) fn remove(&mut self, client: K, totals: &Totals) {
        let leaf = self.leaves.remove(&client).expect("only clients are removed");
        assert!(self.nodes[leaf].holds_nothing(), "a client that holds something is not removed");
        self.lottery = None;
        let mut at = leaf;
        while at != ROOT {
            let parent = self.nodes[at].parent;
            let mut children = self.nodes[at].by_name.values();
            match (children.next().copied(), children.next()) {
                (None, _) => self.drop_node(at),
                (Some(only), None) if self.nodes[only].name == "." => {
                    self.move_back_from_virtual_leaf(at, only, totals);
                }
                _ => {}
            }
            at = parent;
        }
    }

    /// The node of a path, which is not a virtual leaf.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        path.split('/').try_fold(ROOT, |at, name| self.nodes[at].by_name.get(name).copied())
    }

    /// Makes a leaf an inner node; its client goes on in a virtual leaf.
    fn move_to_virtual_leaf(&mut self, at: usize, totals: &Totals) {
        let (Kind::Active(client) | Kind::Inactive(client)) = self.nodes[at].kind else { return };
        self.detach(at);
        let kind = std::mem::replace(&mut self.nodes[at].kind, Kind::Inner);
        self.attach(at, totals);
        let leaf = self.insert_like(at, ".", kind, totals, |leaf, inner| {
            leaf.served = inner.served;
            leaf.quantities = inner.quantities.clone();
            leaf.shared = inner.shared.clone();
        });
        self.leaves.insert(client, leaf);
    }

    fn move_back_from_virtual_leaf(&mut self, at: usize, leaf: usize, totals: &Totals) {
        let (Kind::Active(client) | Kind::Inactive(client)) = self.nodes[leaf].kind else {
            unreachable!("a virtual leaf is a client's");
        };
        self.detach(at);
        self.nodes[at].kind = self.nodes[leaf].kind;
        self.drop_node(leaf);
        self.attach(at, totals);
        self.leaves.insert(client, at);
    }

    fn insert(&mut self, parent: usize, name: &str, kind: Kind<K>, totals: &Totals) -> usize {
        self.insert_like(parent, name, kind, totals, |_, _| {})
    }

    fn insert_like(
        &mut self,
        parent: usize,
        name: &str,
        kind: Kind<K>,
        totals: &Totals,
        fill: impl Fn(&mut Node<K>, &Node<K>),
    ) -> usize {
        let path =
            if parent == ROOT { name.to_owned() } else { format!("{}/{name}", self.nodes[parent].path) };
        let weight = self.weights.get(&path).copied().unwrap_or(DEFAULT_WEIGHT);
        let mut node = Node::new(name, path, kind, parent, weight);
        fill(&mut node, &self.nodes[parent]);
        let at = match self.free.pop() {
            Some(slot) => {
                self.nodes[slot] = node;
                slot
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        self.nodes[parent].by_name.insert(name.to_owned(), at);
        self.attach(at, totals);
        at
    }

    fn drop_node(&mut self, at: usize) {
        self.detach(at);
        let name = std::mem::take(&mut self.nodes[at].name);
        let parent = self.nodes[at].parent;
        self.nodes[parent].by_name.remove(&name);
        self.free.push(at);
    }

    /// Takes a node from its siblings.
    pub(super) fn detach(&mut self, at: usize) {
        let parent = self.nodes[at].parent;
        if self.nodes[at].kind.is_inactive() {
            let idle = &mut self.nodes[parent].idle;
            let place = idle.iter().position(|&child| child == at).expect("a child is among its siblings");
            idle.swap_remove(place);
        } else if self.sorted_for.is_some() {
            let place = self.place(at);
            self.nodes[parent].children.remove(place);
        } else {
            self.nodes[parent].children.retain(|&child| child != at);
        }
    }

    /// Puts a node among its siblings, in its place if they are in order.
    pub(super) fn attach(&mut self, at: usize, totals: &Totals) {
        let parent = self.nodes[at].parent;
        if self.nodes[at].kind.is_inactive() {
            return self.nodes[parent].idle.push(at);
        }
        let place = if self.sorted_for == Some(totals.version) {
            self.nodes[at].share = self.nodes[at].share_of(totals);
            let siblings = &self.nodes[parent].children;
            siblings.partition_point(|&sibling| self.compare(sibling, at) == Ordering::Less)
        } else {
            // Whatever order there was is one of other totals.
            self.sorted_for = None;
            self.nodes[parent].children.len()
        };
        self.nodes[parent].children.insert(place, at);
    }
}
