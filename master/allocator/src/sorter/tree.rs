//! The shape of the tree: clients come and go, and leaves turn into inner nodes and back.

use super::{DEFAULT_WEIGHT, Kind, Node, ROOT, Sorter};

impl<K: Clone + Ord> Sorter<K> {
    /// Adds an inactive client.
    pub(crate) fn add(&mut self, client: K, path: &str) {
        assert!(!self.leaves.contains_key(&client), "a client is added once");
        self.sorted_for = None;
        let mut at = ROOT;
        let mut names = path.split('/').peekable();
        // Down the part of the path that is there; a leaf on the way becomes an inner node.
        while let Some(&name) = names.peek() {
            self.move_to_virtual_leaf(at);
            let Some(child) = self.child(at, name) else { break };
            at = child;
            names.next();
        }
        if names.peek().is_none() {
            // The node is there already, as an ancestor of other clients.
            assert!(self.nodes[at].kind.is_inner(), "no two clients have one path");
            at = self.insert(at, ".", Kind::Inactive(client.clone()));
        }
        while let Some(name) = names.next() {
            let kind = if names.peek().is_none() { Kind::Inactive(client.clone()) } else { Kind::Inner };
            at = self.insert(at, name, kind);
        }
        self.leaves.insert(client, at);
    }

    /// Removes a client that holds nothing.
    pub(crate) fn remove(&mut self, client: &K) {
        let leaf = self.leaves.remove(client).expect("only clients are removed");
        assert!(self.nodes[leaf].holds_nothing(), "a client that holds something is not removed");
        self.sorted_for = None;
        let mut at = leaf;
        while at != ROOT {
            let parent = self.nodes[at].parent;
            match self.nodes[at].children.as_slice() {
                [] => {
                    self.detach(at);
                    self.free.push(at);
                }
                [only] if self.nodes[*only].name == "." => self.move_back_from_virtual_leaf(at, *only),
                _ => {}
            }
            at = parent;
        }
    }

    fn child(&self, at: usize, name: &str) -> Option<usize> {
        self.nodes[at].children.iter().copied().find(|&child| self.nodes[child].name == name)
    }

    /// Makes a leaf an inner node; its client goes on in a virtual leaf.
    fn move_to_virtual_leaf(&mut self, at: usize) {
        let (Kind::Active(client) | Kind::Inactive(client)) = self.nodes[at].kind.clone() else { return };
        self.detach(at);
        let kind = std::mem::replace(&mut self.nodes[at].kind, Kind::Inner);
        self.attach(at);
        let leaf = self.insert(at, ".", kind);
        self.nodes[leaf].served = self.nodes[at].served;
        self.nodes[leaf].quantities = self.nodes[at].quantities.clone();
        self.nodes[leaf].shared = self.nodes[at].shared.clone();
        self.leaves.insert(client, leaf);
    }

    fn move_back_from_virtual_leaf(&mut self, at: usize, leaf: usize) {
        let (Kind::Active(client) | Kind::Inactive(client)) = self.nodes[leaf].kind.clone() else {
            unreachable!("a virtual leaf is a client's");
        };
        self.detach(at);
        self.nodes[at].kind = self.nodes[leaf].kind.clone();
        self.nodes[at].children.clear();
        self.attach(at);
        self.free.push(leaf);
        self.leaves.insert(client, at);
    }

    fn insert(&mut self, parent: usize, name: &str, kind: Kind<K>) -> usize {
        let path =
            if parent == ROOT { name.to_owned() } else { format!("{}/{name}", self.nodes[parent].path) };
        let weight = self.weights.get(&path).copied().unwrap_or(DEFAULT_WEIGHT);
        let node = Node::new(name, path, kind, parent, weight);
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
        self.attach(at);
        at
    }

    pub(super) fn detach(&mut self, at: usize) {
        let parent = self.nodes[at].parent;
        self.nodes[parent].children.retain(|&child| child != at);
    }

    pub(super) fn attach(&mut self, at: usize) {
        let parent = self.nodes[at].parent;
        let is_inactive = matches!(self.nodes[at].kind, Kind::Inactive(_));
        let children = &mut self.nodes[parent].children;
        if is_inactive { children.push(at) } else { children.insert(0, at) }
    }
}
