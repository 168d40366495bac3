//! Turns, by hand.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tepui_model::Role;

use super::*;

const AGENT: AgentHandle = AgentHandle::new(0, 0);

fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

fn totals(text: &str) -> Totals {
    Totals { quantities: resources(text).quantities(), version: 1 }
}

fn sorter(paths: &[&'static str]) -> Sorter<&'static str> {
    let mut sorter = Sorter::new(Sorting::DominantShare);
    for path in paths {
        sorter.add(*path, path, &Totals::default());
        sorter.set_active(path, true, &Totals::default());
    }
    sorter
}

fn listed(sorter: &mut Sorter<&'static str>, totals: &Totals) -> Vec<&'static str> {
    let mut random = StdRng::seed_from_u64(1);
    let mut walk = sorter.walk(totals);
    std::iter::from_fn(|| sorter.next(&mut walk, &mut random)).collect()
}

#[test]
fn the_smallest_dominant_share_comes_first() {
    let totals = totals("cpus:100;mem:100");
    let mut sorter = sorter(&["a", "b", "c"]);

    sorter.allocated("a", AGENT, &resources("cpus:5;mem:5"), &totals);
    sorter.allocated("b", AGENT, &resources("cpus:6;mem:6"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["c", "a", "b"]);

    sorter.allocated("c", AGENT, &resources("mem:10"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["a", "b", "c"]);

    sorter.unallocated("b", AGENT, &resources("cpus:6;mem:6"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["b", "a", "c"]);
}

#[test]
fn equal_shares_are_served_in_turn() {
    let totals = totals("cpus:100");
    let mut sorter = sorter(&["b", "a"]);
    assert_eq!(listed(&mut sorter, &totals), ["a", "b"]);

    sorter.allocated("a", AGENT, &resources("cpus:1"), &totals);
    sorter.unallocated("a", AGENT, &resources("cpus:1"), &totals);

    assert_eq!(listed(&mut sorter, &totals), ["b", "a"]);
}

#[test]
fn siblings_share_what_their_parent_gets() {
    let totals = totals("cpus:100");
    let mut sorter = sorter(&["a", "a/x", "a/y", "b"]);

    sorter.allocated("a/x", AGENT, &resources("cpus:10"), &totals);
    sorter.allocated("b", AGENT, &resources("cpus:20"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["a", "a/y", "a/x", "b"]);

    sorter.allocated("a", AGENT, &resources("cpus:11"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["b", "a/y", "a/x", "a"]);
    assert_eq!(sorter.held_by("a"), &resources("cpus:11").quantities());
    assert_eq!(sorter.nodes[ROOT].quantities, resources("cpus:41").quantities());
}

#[test]
fn a_leaf_that_becomes_a_parent_and_back_keeps_what_it_holds() {
    let totals = totals("cpus:100");
    let mut sorter = sorter(&["a", "b"]);
    sorter.allocated("a", AGENT, &resources("cpus:3"), &totals);

    sorter.add("a/b/c", "a/b/c", &totals);
    sorter.set_active("a/b/c", true, &totals);
    sorter.allocated("a/b/c", AGENT, &resources("cpus:1"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["b", "a/b/c", "a"]);

    sorter.unallocated("a/b/c", AGENT, &resources("cpus:1"), &totals);
    sorter.remove("a/b/c", &totals);
    assert_eq!(listed(&mut sorter, &totals), ["b", "a"]);
    assert_eq!(sorter.held_by("a"), &resources("cpus:3").quantities());
    assert_eq!(sorter.nodes.len() - sorter.free.len(), 3);
}

#[test]
fn a_weight_divides_a_share() {
    let totals = totals("cpus:100");
    let mut sorter = sorter(&["a", "b"]);
    sorter.allocated("a", AGENT, &resources("cpus:20"), &totals);
    sorter.allocated("b", AGENT, &resources("cpus:11"), &totals);
    assert_eq!(listed(&mut sorter, &totals), ["b", "a"]);

    sorter.set_weight("a", 2.0);

    assert_eq!(listed(&mut sorter, &totals), ["a", "b"]);
}

#[test]
fn inactive_clients_are_not_listed() {
    let totals = totals("cpus:100");
    let mut sorter = sorter(&["a", "b", "c/d"]);

    sorter.set_active("a", false, &totals);
    sorter.set_active("c/d", false, &totals);
    assert_eq!(listed(&mut sorter, &totals), ["b"]);

    sorter.set_active("a", true, &totals);
    assert_eq!(listed(&mut sorter, &totals), ["a", "b"]);
}
