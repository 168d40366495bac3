//! Whose turn it is: clients in a tree, in order of their dominant share.
//!
//! Clients are named by paths. A client whose path leads through another's, as `a/b` through `a`, would make that one
//! a leaf and an inner node at once; so `a`'s own place moves to a virtual leaf, a sibling of `a/b`:
//!
//! ```text
//!      root                root
//!     /    \              /    \
//!    a      c    + a/b   a      c
//!                       / \
//!                      .   a/b
//! ```
//!
//! Siblings are ordered by share (the largest fraction of any resource of the cluster, over the node's weight), then
//! by how often they were served, then by path. Leaves that want nothing come last and are not listed.

mod tree;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use tepui_model::{Resource, ResourceQuantities, Resources};

use crate::AgentHandle;

/// The weight of what was given none.
const DEFAULT_WEIGHT: f64 = 1.0;

const ROOT: usize = 0;

/// Clients and their order.
#[derive(Clone, Debug)]
pub(crate) struct Sorter<K> {
    /// The tree; freed slots are in `free`.
    nodes: Vec<Node<K>>,
    free: Vec<usize>,
    /// Where the clients' leaves are.
    leaves: BTreeMap<K, usize>,
    weights: BTreeMap<String, f64>,
    /// The version of the totals for which siblings are in order; `None` if they are not.
    sorted_for: Option<u64>,
}

#[derive(Clone, Debug)]
struct Node<K> {
    /// The last part of the path; `.` for a virtual leaf.
    name: String,
    path: String,
    kind: Kind<K>,
    parent: usize,
    /// Inner nodes and active leaves in order, then inactive leaves.
    children: Vec<usize>,
    share: f64,
    weight: f64,
    /// How often it was served since it exists. Equalises those whose shares are equal.
    served: u64,
    /// What the clients at and below it hold; a shared resource counts once.
    quantities: ResourceQuantities,
    /// How many copies of each shared resource they hold.
    shared: BTreeMap<(AgentHandle, Resource), u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind<K> {
    Inner,
    Active(K),
    Inactive(K),
}

/// What all agents have, and how often that changed: orders are good for one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) quantities: ResourceQuantities,
    pub(crate) version: u64,
}

impl<K: Clone + Ord> Sorter<K> {
    pub(crate) fn new() -> Self {
        let root = Node::new("", String::new(), Kind::Inner, ROOT, DEFAULT_WEIGHT);
        Self {
            nodes: vec![root],
            free: Vec::new(),
            leaves: BTreeMap::new(),
            weights: BTreeMap::new(),
            sorted_for: None,
        }
    }

    /// Lists the client from now on, or not.
    pub(crate) fn set_active(&mut self, client: &K, active: bool) {
        let leaf = self.leaves[client];
        if matches!(self.nodes[leaf].kind, Kind::Active(_)) == active {
            return;
        }
        self.detach(leaf);
        self.nodes[leaf].kind =
            if active { Kind::Active(client.clone()) } else { Kind::Inactive(client.clone()) };
        self.attach(leaf);
        if active {
            self.sorted_for = None;
        }
    }

    /// Sets the weight of a path, whether or not a client is there yet.
    pub(crate) fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.to_owned(), weight);
        self.sorted_for = None;
        for node in &mut self.nodes {
            if node.path == path {
                node.weight = weight;
            }
        }
    }

    pub(crate) fn contains(&self, client: &K) -> bool {
        self.leaves.contains_key(client)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = &K> {
        self.leaves.keys()
    }

    /// Whether the client holds nothing at all.
    pub(crate) fn holds_nothing(&self, client: &K) -> bool {
        self.nodes[self.leaves[client]].holds_nothing()
    }

    /// What the client holds.
    pub(crate) fn held_by(&self, client: &K) -> &ResourceQuantities {
        &self.nodes[self.leaves[client]].quantities
    }

    /// The client was served: it holds more. Keeps the order if there is one.
    pub(crate) fn allocated(
        &mut self,
        client: &K,
        agent: AgentHandle,
        resources: &Resources,
        totals: &Totals,
    ) {
        self.hold(client, agent, resources);
        let in_order = self.sorted_for == Some(totals.version);
        for at in self.path_up(client) {
            self.nodes[at].served += 1;
            if in_order && at != ROOT && !matches!(self.nodes[at].kind, Kind::Inactive(_)) {
                self.nodes[at].share = self.share(at, totals);
                self.put_in_place(at);
            }
        }
    }

    /// The client holds more, without having been served: found out, or converted.
    pub(crate) fn add_held(&mut self, client: &K, agent: AgentHandle, resources: &Resources) {
        self.sorted_for = None;
        self.hold(client, agent, resources);
    }

    fn hold(&mut self, client: &K, agent: AgentHandle, resources: &Resources) {
        let (shared, rest) = (resources.shared(), resources.non_shared().quantities());
        for at in self.path_up(client) {
            let node = &mut self.nodes[at];
            node.quantities += &rest;
            for entry in &shared {
                let copies = node.shared.entry((agent, one_copy(entry))).or_default();
                if *copies == 0 {
                    node.quantities += &Resources::from_iter([entry.clone()]).quantities();
                }
                *copies += entry.copies();
            }
        }
    }

    /// The client holds less.
    pub(crate) fn unallocated(&mut self, client: &K, agent: AgentHandle, resources: &Resources) {
        self.sorted_for = None;
        let (shared, rest) = (resources.shared(), resources.non_shared().quantities());
        for at in self.path_up(client) {
            let node = &mut self.nodes[at];
            node.quantities -= &rest;
            for entry in &shared {
                let key = (agent, one_copy(entry));
                let copies = node.shared.get_mut(&key).expect("only what is held is taken away");
                *copies -= entry.copies();
                if *copies == 0 {
                    node.shared.remove(&key);
                    node.quantities -= &Resources::from_iter([entry.clone()]).quantities();
                }
            }
        }
    }

    /// The active clients, whose turn it is first.
    pub(crate) fn sort(&mut self, totals: &Totals) -> Vec<K> {
        if self.sorted_for != Some(totals.version) {
            self.sort_below(ROOT, totals);
            self.sorted_for = Some(totals.version);
        }
        let mut listed = Vec::with_capacity(self.leaves.len());
        self.list(ROOT, &mut listed);
        listed
    }

    fn sort_below(&mut self, at: usize, totals: &Totals) {
        let mut children = std::mem::take(&mut self.nodes[at].children);
        let inactive = |&child: &usize| matches!(self.nodes[child].kind, Kind::Inactive(_));
        let active = children.iter().position(inactive).unwrap_or(children.len());
        for &child in &children[..active] {
            self.nodes[child].share = self.share(child, totals);
            self.sort_below(child, totals);
        }
        children[..active].sort_by(|&left, &right| self.compare(left, right));
        self.nodes[at].children = children;
    }

    fn list(&self, at: usize, listed: &mut Vec<K>) {
        for &child in &self.nodes[at].children {
            match &self.nodes[child].kind {
                Kind::Active(client) => listed.push(client.clone()),
                Kind::Inner => self.list(child, listed),
                Kind::Inactive(_) => return,
            }
        }
    }

    /// The largest fraction that the node holds of anything there is.
    fn share(&self, at: usize, totals: &Totals) -> f64 {
        let node = &self.nodes[at];
        let fractions =
            totals.quantities.iter().map(|(name, total)| node.quantities.get(name).as_f64() / total.as_f64());
        fractions.fold(0.0, f64::max) / node.weight
    }

    fn compare(&self, left: usize, right: usize) -> Ordering {
        let (left, right) = (&self.nodes[left], &self.nodes[right]);
        let by_share = left.share.total_cmp(&right.share);
        by_share.then_with(|| left.served.cmp(&right.served)).then_with(|| left.path.cmp(&right.path))
    }

    /// Moves a node whose share changed to its place among its ordered siblings.
    fn put_in_place(&mut self, at: usize) {
        let parent = self.nodes[at].parent;
        let mut children = std::mem::take(&mut self.nodes[parent].children);
        let mut position =
            children.iter().position(|&child| child == at).expect("a child is among its siblings");
        while position > 0 && self.compare(at, children[position - 1]) == Ordering::Less {
            children.swap(position, position - 1);
            position -= 1;
        }
        while position + 1 < children.len()
            && !matches!(self.nodes[children[position + 1]].kind, Kind::Inactive(_))
            && self.compare(children[position + 1], at) == Ordering::Less
        {
            children.swap(position, position + 1);
            position += 1;
        }
        self.nodes[parent].children = children;
    }

    /// The client's leaf and the nodes above it, the root last.
    fn path_up(&self, client: &K) -> Vec<usize> {
        let mut at = self.leaves[client];
        let mut path = vec![at];
        while at != ROOT {
            at = self.nodes[at].parent;
            path.push(at);
        }
        path
    }
}

impl<K> Kind<K> {
    fn is_inner(&self) -> bool {
        matches!(self, Self::Inner)
    }
}

impl<K> Node<K> {
    fn new(name: &str, path: String, kind: Kind<K>, parent: usize, weight: f64) -> Self {
        Self {
            name: name.to_owned(),
            path,
            kind,
            parent,
            children: Vec::new(),
            share: 0.0,
            weight,
            served: 0,
            quantities: ResourceQuantities::new(),
            shared: BTreeMap::new(),
        }
    }

    fn holds_nothing(&self) -> bool {
        self.quantities.is_empty() && self.shared.is_empty()
    }
}

/// What a shared resource is, apart from how often it is held.
fn one_copy(entry: &Resource) -> Resource {
    entry.clone().with_copies(1)
}
