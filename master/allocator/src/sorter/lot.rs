//! Turns by lot: every walk draws the clients anew, the heavier ones likelier first.
//!
//! Most walks end after a few clients, so these are drawn one by one from the sums of the weights. When draws hit only
//! those who had their turn, the rest is put in random order at once.

use std::collections::BTreeSet;

use rand::Rng;
use rand::rngs::StdRng;

use super::{Kind, ROOT, Sorter};

/// So many misses in a row, and the rest is ordered at once.
const MISSES: usize = 8;

/// Who takes part.
#[derive(Clone, Debug)]
pub(super) struct Lottery<K> {
    clients: Vec<K>,
    weights: Vec<f64>,
    /// The weights of a client and all before it.
    sums: Vec<f64>,
}

/// One walk's draws.
#[derive(Debug)]
pub(crate) enum Draw<K> {
    /// These had their turn, by their place.
    Some(BTreeSet<usize>),
    /// These are left, the next one last.
    Rest(Vec<K>),
}

impl<K: Copy + Ord> Sorter<K> {
    pub(super) fn draw(&mut self) -> Draw<K> {
        if self.lottery.is_none() {
            let mut lottery = Lottery { clients: Vec::new(), weights: Vec::new(), sums: Vec::new() };
            self.enter_below(ROOT, 1.0, &mut lottery);
            self.lottery = Some(lottery);
        }
        Draw::Some(BTreeSet::new())
    }

    /// Enters the clients below a node, among whom its weight is divided.
    fn enter_below(&self, at: usize, weight: f64, lottery: &mut Lottery<K>) {
        let children = self.nodes[at].children.iter().filter(|&&child| self.has_active(child));
        let all: f64 = children.clone().map(|&child| self.nodes[child].weight).sum();
        let mut children: Vec<usize> = children.copied().collect();
        // Orders by share are no part of a lottery; the paths make it repeatable.
        children.sort_by(|&left, &right| self.nodes[left].path.cmp(&self.nodes[right].path));
        for child in children {
            let weight = weight * self.nodes[child].weight / all;
            match self.nodes[child].kind {
                Kind::Active(client) => lottery.enter(client, weight),
                Kind::Inner => self.enter_below(child, weight, lottery),
                Kind::Inactive(_) => {}
            }
        }
    }

    fn has_active(&self, at: usize) -> bool {
        match self.nodes[at].kind {
            Kind::Active(_) => true,
            Kind::Inactive(_) => false,
            Kind::Inner => self.nodes[at].children.iter().any(|&child| self.has_active(child)),
        }
    }
}

impl<K: Copy> Lottery<K> {
    fn enter(&mut self, client: K, weight: f64) {
        let sum = self.sums.last().copied().unwrap_or(0.0) + weight;
        self.clients.push(client);
        self.weights.push(weight);
        self.sums.push(sum);
    }

    fn one(&self, random: &mut StdRng) -> usize {
        let at = random.random::<f64>() * self.sums.last().copied().unwrap_or(0.0);
        self.sums.partition_point(|&sum| sum <= at).min(self.sums.len() - 1)
    }

    /// Those that had no turn, in random order: whoever's exponential clock, at the speed of its weight, rings first.
    fn rest(&self, had: &BTreeSet<usize>, random: &mut StdRng) -> Vec<K> {
        let left = (0..self.clients.len()).filter(|at| !had.contains(at));
        let mut rung: Vec<(f64, usize)> =
            left.map(|at| (-(1.0 - random.random::<f64>()).ln() / self.weights[at], at)).collect();
        rung.sort_by(|left, right| right.0.total_cmp(&left.0).then(right.1.cmp(&left.1)));
        rung.into_iter().map(|(_, at)| self.clients[at]).collect()
    }
}

impl<K: Copy> Draw<K> {
    pub(super) fn next(&mut self, lottery: &Lottery<K>, random: &mut StdRng) -> Option<K> {
        if let Self::Some(had) = self {
            if had.len() < lottery.clients.len() {
                for _ in 0..MISSES {
                    let at = lottery.one(random);
                    if had.insert(at) {
                        return Some(lottery.clients[at]);
                    }
                }
            }
            *self = Self::Rest(lottery.rest(had, random));
        }
        let Self::Rest(rest) = self else { unreachable!("it was just made the rest") };
        rest.pop()
    }
}
