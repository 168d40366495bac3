//! Whose turn it is: clients in a tree, ordered by what they hold, or drawn by lot.
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
//! By dominant share, siblings are ordered by share (the largest fraction of any resource of the cluster, over the
//! node's weight), then by how often they were served, then by path. By lot, a client is drawn with a probability in
//! proportion to its weight, times its parent's among the parent's siblings, and so on up. Who wants nothing has no turn.
//!
//! The order is kept, not made anew: a client that gets or gives back something moves to its place. Only when what all
//! agents have changes is everything sorted again.

mod lot;
mod order;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tepui_model::{Resource, ResourceQuantities, Resources, Scalar, Value};

use crate::{AgentHandle, Sorting};

pub(crate) use walk::Walk;

/// The weight of what was given none.
const DEFAULT_WEIGHT: f64 = 1.0;

const ROOT: usize = 0;

/// Clients and their order.
#[derive(Clone, Debug)]
pub(crate) struct Sorter<K> {
    sorting: Sorting,
    /// The tree; freed slots are in `free`.
    nodes: Vec<Node<K>>,
    free: Vec<usize>,
    /// Where the clients' leaves are.
    leaves: BTreeMap<K, usize>,
    weights: BTreeMap<String, f64>,
    /// The version of the totals for which siblings are in order; `None` if they are not.
    sorted_for: Option<u64>,
    /// How many walks there were.
    walks: u64,
    /// Who takes part in the lottery; `None` if that changed.
    lottery: Option<lot::Lottery<K>>,
}

#[derive(Clone, Debug)]
struct Node<K> {
    /// The last part of the path; `.` for a virtual leaf.
    name: String,
    path: String,
    kind: Kind<K>,
    parent: usize,
    by_name: BTreeMap<String, usize>,
    /// Inner nodes and active leaves, in order.
    children: Vec<usize>,
    /// Inactive leaves, in no order.
    idle: Vec<usize>,
    share: f64,
    weight: f64,
    /// How often it was served since it exists. Equalises those whose shares are equal.
    served: u64,
    /// What the clients at and below it hold; a shared resource counts once.
    quantities: ResourceQuantities,
    /// How many copies of each shared resource they hold.
    shared: BTreeMap<(AgentHandle, Resource), u32>,
    /// The last walk that came by.
    walked: u64,
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

impl<K: Copy + Ord> Sorter<K> {
    pub(crate) fn new(sorting: Sorting) -> Self {
        let root = Node::new("", String::new(), Kind::Inner, ROOT, DEFAULT_WEIGHT);
        Self {
            sorting,
            nodes: vec![root],
            free: Vec::new(),
            leaves: BTreeMap::new(),
            weights: BTreeMap::new(),
            sorted_for: None,
            walks: 0,
            lottery: None,
        }
    }

    /// Lists the client from now on, or not.
    pub(crate) fn set_active(&mut self, client: K, active: bool, totals: &Totals) {
        let leaf = self.leaves[&client];
        if matches!(self.nodes[leaf].kind, Kind::Active(_)) == active {
            return;
        }
        self.detach(leaf);
        self.nodes[leaf].kind = if active { Kind::Active(client) } else { Kind::Inactive(client) };
        self.attach(leaf, totals);
        self.lottery = None;
    }

    /// Sets the weight of a path, whether or not a client is there yet.
    pub(crate) fn set_weight(&mut self, path: &str, weight: f64) {
        self.weights.insert(path.to_owned(), weight);
        self.sorted_for = None;
        self.lottery = None;
        if let Some(at) = self.find(path) {
            self.nodes[at].weight = weight;
        }
    }

    pub(crate) fn contains(&self, client: K) -> bool {
        self.leaves.contains_key(&client)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = K> {
        self.leaves.keys().copied()
    }

    /// How often each node was served, by path.
    #[cfg(test)]
    pub(crate) fn served(&self) -> BTreeMap<String, u64> {
        let there = self.nodes.iter().enumerate().filter(|(at, _)| *at != ROOT && !self.free.contains(at));
        there.map(|(_, node)| (node.path.clone(), node.served)).collect()
    }

    /// The weight of a path.
    #[cfg(test)]
    pub(crate) fn weight(&self, path: &str) -> f64 {
        self.weights.get(path).copied().unwrap_or(DEFAULT_WEIGHT)
    }

    /// Whether the client holds nothing at all.
    pub(crate) fn holds_nothing(&self, client: K) -> bool {
        self.nodes[self.leaves[&client]].holds_nothing()
    }

    /// What the client holds.
    pub(crate) fn held_by(&self, client: K) -> &ResourceQuantities {
        &self.nodes[self.leaves[&client]].quantities
    }

    /// The client was served: it holds more.
    pub(crate) fn allocated(
        &mut self,
        client: K,
        agent: AgentHandle,
        resources: &Resources,
        totals: &Totals,
    ) {
        self.change_up(client, totals, |node| {
            node.served += 1;
            node.hold(agent, resources);
        });
    }

    /// The client holds more, without having been served: found out, or converted.
    pub(crate) fn add_held(&mut self, client: K, agent: AgentHandle, resources: &Resources, totals: &Totals) {
        self.change_up(client, totals, |node| node.hold(agent, resources));
    }

    /// The client holds less.
    pub(crate) fn unallocated(
        &mut self,
        client: K,
        agent: AgentHandle,
        resources: &Resources,
        totals: &Totals,
    ) {
        self.change_up(client, totals, |node| node.release(agent, resources));
    }

    /// Changes the client's leaf and the nodes above it, and moves them to their places.
    fn change_up(&mut self, client: K, totals: &Totals, change: impl Fn(&mut Node<K>)) {
        let mut at = self.leaves[&client];
        loop {
            self.change(at, totals, &change);
            if at == ROOT {
                return;
            }
            at = self.nodes[at].parent;
        }
    }
}

impl<K> Kind<K> {
    fn is_inner(&self) -> bool {
        matches!(self, Self::Inner)
    }

    fn is_inactive(&self) -> bool {
        matches!(self, Self::Inactive(_))
    }
}

impl<K> Node<K> {
    fn new(name: &str, path: String, kind: Kind<K>, parent: usize, weight: f64) -> Self {
        Self {
            name: name.to_owned(),
            path,
            kind,
            parent,
            by_name: BTreeMap::new(),
            children: Vec::new(),
            idle: Vec::new(),
            share: 0.0,
            weight,
            served: 0,
            quantities: ResourceQuantities::new(),
            shared: BTreeMap::new(),
            walked: 0,
        }
    }

    fn holds_nothing(&self) -> bool {
        self.quantities.is_empty() && self.shared.is_empty()
    }

    fn hold(&mut self, agent: AgentHandle, resources: &Resources) {
        for entry in resources {
            let Value::Scalar(amount) = *entry.value() else { continue };
            if !entry.is_shared() || self.add_copies(agent, entry) {
                self.quantities.increase(entry.name(), amount);
            }
        }
    }

    fn release(&mut self, agent: AgentHandle, resources: &Resources) {
        for entry in resources {
            let Value::Scalar(amount) = *entry.value() else { continue };
            if !entry.is_shared() || self.drop_copies(agent, entry) {
                self.quantities.decrease(entry.name(), amount);
            }
        }
    }

    /// Whether these are the first copies.
    fn add_copies(&mut self, agent: AgentHandle, entry: &Resource) -> bool {
        let copies = self.shared.entry((agent, one_copy(entry))).or_default();
        *copies += entry.copies();
        *copies == entry.copies()
    }

    /// Whether these were the last copies.
    fn drop_copies(&mut self, agent: AgentHandle, entry: &Resource) -> bool {
        let key = (agent, one_copy(entry));
        let copies = self.shared.get_mut(&key).expect("only what is held is taken away");
        *copies -= entry.copies();
        let was_last = *copies == 0;
        if was_last {
            self.shared.remove(&key);
        }
        was_last
    }

    /// The largest fraction that the node holds of anything there is.
    fn share_of(&self, totals: &Totals) -> f64 {
        if self.quantities.is_empty() {
            return 0.0;
        }
        let fraction = |(name, total): (_, Scalar)| self.quantities.get(name).as_f64() / total.as_f64();
        totals.quantities.iter().map(fraction).fold(0.0, f64::max) / self.weight
    }
}

/// What a shared resource is, apart from how often it is held.
fn one_copy(entry: &Resource) -> Resource {
    entry.clone().with_copies(1)
}
