//! The laws of the algebra, for arbitrary resources.

use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use tepui_proto::v1;

use super::*;
use crate::Role;

fn scalar() -> impl Strategy<Value = Value> {
    (1_i64..20_000).prop_map(|millis| Value::Scalar(Scalar::from_millis(millis)))
}

fn value() -> impl Strategy<Value = Value> {
    let ranges = vec((0_u64..60, 0_u64..8), 1..4);
    let ranges =
        ranges.prop_map(|list| Value::Ranges(list.into_iter().map(|(b, size)| (b, b + size)).collect()));
    let sets = btree_set("[a-e]", 1..4).prop_map(Value::Set);
    prop_oneof![3 => scalar(), 1 => ranges, 1 => sets]
}

fn name_and_value() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        scalar().prop_map(|value| ("cpus", value)),
        scalar().prop_map(|value| ("mem", value)),
        scalar().prop_map(|value| ("disk", value)),
        value().prop_map(|value| ("ports", value)),
        value().prop_map(|value| ("widgets", value)),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just("a"), Just("a/b"), Just("a/b/c"), Just("d")].prop_map(|role| Role::parse(role).unwrap())
}

fn reservations() -> impl Strategy<Value = Vec<Reservation>> {
    let principal = proptest::option::of(Just("ops".to_owned()));
    let labels =
        proptest::option::of(Just(vec![("k".to_owned(), Some("v".to_owned())), ("l".to_owned(), None)]));
    let single = (role(), principal, labels, any::<bool>()).prop_map(|(role, principal, labels, fixed)| {
        if fixed {
            Reservation::fixed(role)
        } else {
            Reservation { labels, ..Reservation::dynamic(role, principal) }
        }
    });
    let refined = Just(vec![
        Reservation::fixed(Role::parse("a").unwrap()),
        Reservation::dynamic(Role::parse("a/b").unwrap(), None),
    ]);
    prop_oneof![4 => Just(Vec::new()), 3 => single.prop_map(|single| vec![single]), 1 => refined]
}

fn disk() -> impl Strategy<Value = DiskInfo> {
    let kind = prop_oneof![
        Just(DiskKind::Path { root: Some("/p".to_owned()) }),
        Just(DiskKind::Mount { root: Some("/m".to_owned()) }),
        Just(DiskKind::Block),
        Just(DiskKind::Raw),
    ];
    let source = (kind, proptest::option::of(Just("id".to_owned()))).prop_map(|(kind, id)| DiskSource {
        kind,
        vendor: None,
        id,
        metadata: None,
        profile: Some("fast".to_owned()),
    });
    let persistence =
        prop_oneof![Just("v1"), Just("v2")].prop_map(|id| Persistence { id: id.to_owned(), principal: None });
    let volume =
        Just(Arc::new(v1::Volume { mode: 1, container_path: "data".to_owned(), ..Default::default() }));
    (proptest::option::of(source), proptest::option::of(persistence), proptest::option::of(volume))
        .prop_map(|(source, persistence, volume)| DiskInfo { source, persistence, volume })
}

fn resource() -> impl Strategy<Value = Resource> {
    let special = (reservations(), proptest::option::of(disk()), any::<bool>(), any::<bool>());
    (name_and_value(), special, proptest::option::of(role())).prop_map(
        |((name, value), special, allocation)| {
            let (reservations, disk, revocable, shared) = special;
            let disk = disk.filter(|_| name == "disk");
            let persistent = disk.as_ref().is_some_and(|disk| disk.persistence.is_some());
            let metadata = Metadata {
                shared: shared && persistent,
                revocable: revocable && reservations.is_empty() && !persistent,
                reservations,
                disk,
                provider_id: None,
            };
            let resource = Resource::new(name, value).with_metadata(metadata);
            match allocation {
                Some(role) => resource.allocated_to(role),
                None => resource,
            }
        },
    )
}

fn resources() -> impl Strategy<Value = Resources> {
    vec(resource(), 0..8).prop_map(|entries| entries.into_iter().collect())
}

/// Sets and ranges are unions: what both sides have is there once. The law of subtraction is about disjoint sums.
fn without_what_both_have(a: &Resources, b: &Resources) -> Resources {
    b.filter(|entry| entry.is_scalar() || !a.iter().any(|held| held.is_like(entry)))
}

fn numbers() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec((0_u64..40, 0_u64..6).prop_map(|(begin, size)| (begin, begin + size)), 0..8)
}

fn as_set(ranges: &Ranges) -> std::collections::BTreeSet<u64> {
    ranges.numbers().collect()
}

proptest! {
    #[test]
    fn ranges_are_sets_of_numbers(a in numbers(), b in numbers()) {
        let (left, right): (Ranges, Ranges) = (a.iter().copied().collect(), b.iter().copied().collect());
        let (mut sum, mut rest, mut one_by_one, mut cut) = (left.clone(), left.clone(), left.clone(), left.clone());
        sum.extend(&right);
        rest.subtract(&right);
        for (begin, end) in b {
            one_by_one.insert(begin, end);
            cut.remove(begin, end);
        }
        prop_assert_eq!(as_set(&sum), &as_set(&left) | &as_set(&right));
        prop_assert_eq!(as_set(&rest), &as_set(&left) - &as_set(&right));
        prop_assert_eq!((one_by_one, cut), (sum.clone(), rest));
        prop_assert_eq!(left.contains_all(&right), as_set(&left).is_superset(&as_set(&right)));
        prop_assert_eq!(sum.count(), as_set(&sum).len() as u64);
        prop_assert_eq!(sum.iter().collect::<Ranges>(), sum);
    }

    #[test]
    fn taking_away_what_was_added_gives_what_there_was(a in resources(), b in resources()) {
        let b = without_what_both_have(&a, &b);
        prop_assert_eq!(&(&(&a + &b) - &b), &a);
        prop_assert_eq!((&a + &b).checked_sub(&b), Some(a));
    }

    #[test]
    fn the_order_of_adding_does_not_matter(a in resources(), b in resources(), c in resources()) {
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!(&(&a + &b) + &c, &a + &(&b + &c));
    }

    #[test]
    fn a_sum_contains_its_parts(a in resources(), b in resources()) {
        let sum = &a + &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b) && sum.contains(&Resources::new()));
        prop_assert!(sum.iter().all(|entry| sum.contains_entry(entry)));
        prop_assert_eq!(a.contains(&sum), sum == a);
    }

    #[test]
    fn nothing_becomes_negative(a in resources(), b in resources()) {
        let rest = &a - &b;
        prop_assert!(a.contains(&rest));
        prop_assert!(rest.iter().all(|entry| !entry.is_empty()));
        prop_assert_eq!(&a - &a, Resources::new());
        if let Some(exact) = a.checked_sub(&b) {
            prop_assert_eq!(&(&exact + &b), &a);
        }
    }

    #[test]
    fn containing_both_ways_is_equality(a in resources(), b in resources()) {
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
    }

    #[test]
    fn entries_are_sorted_and_melted(a in resources()) {
        prop_assert!(a.iter().is_sorted());
        for pair in a.entries.windows(2) {
            prop_assert!(!pair[0].is_like(&pair[1]) || pair[0].is_indivisible());
        }
    }

    #[test]
    fn messages_tell_everything(a in resources()) {
        prop_assert_eq!(Resources::from_wire(&a.to_wire()), Ok(a.clone()));
        prop_assert_eq!(Resources::from_wire(&a.to_endpoint()), Ok(a.clone()));
        match a.to_wire_as(Format::PreRefinement) {
            Ok(wire) => prop_assert_eq!(Resources::from_wire(&wire), Ok(a)),
            Err(refused) => prop_assert!(refused.0.has_refined_reservation()),
        }
    }

    #[test]
    fn volumes_keep_where_they_are_mounted(a in resources()) {
        let there = |resources: &Resources| {
            resources.iter().filter_map(|entry| entry.disk()?.volume.as_ref()).count()
        };
        prop_assert_eq!(there(&Resources::from_wire(&a.to_wire()).unwrap()), there(&a));
    }

    #[test]
    fn what_a_flag_can_say_is_printed_as_it_can_be_read(entries in vec(name_and_value(), 0..8)) {
        let all: Resources = entries.into_iter().map(|(name, value)| Resource::new(name, value)).collect();
        // A flag cannot say one name with two types.
        let a = all.filter(|entry| !matches!(entry.name.as_str(), "ports" | "widgets") || !entry.is_scalar());
        let mixed = |name: &ResourceName| a.iter().filter(|entry| entry.name == *name).count() > 1;
        prop_assume!(!a.iter().any(|entry| mixed(&entry.name)));
        let text = if a.is_empty() { String::new() } else { a.to_string() };
        prop_assert_eq!(Resources::parse(&text, &Role::star()).unwrap(), a);
    }

    #[test]
    fn quantities_add_up(a in resources(), b in resources()) {
        let (a, b) = (a.non_shared(), b.non_shared());
        prop_assert_eq!((&a + &b).quantities(), a.quantities() + &b.quantities());
        prop_assert!((&a + &b).quantities().contains(&a.quantities()));
        prop_assert!(a.contains_quantities(&a.quantities()));
        prop_assert_eq!(a.quantities() + &b.quantities() - &b.quantities(), a.quantities());
    }

    #[test]
    fn allocating_marks_and_unallocating_unmarks(a in resources(), role in role()) {
        let free = a.unallocated();
        let allocated = free.allocated_to(&role);
        prop_assert_eq!(allocated.unallocated(), free.clone());
        prop_assert!(allocated.iter().all(|entry| entry.allocation() == Some(&role)));
        prop_assert!(allocated.entries.is_sorted());
        prop_assert_eq!(allocated.allocations().values().sum::<Resources>(), allocated);
        prop_assert_eq!(free.quantities(), a.non_shared().quantities() + &free.shared().quantities());
    }

    #[test]
    fn parts_make_up_the_whole(a in resources(), role in role()) {
        prop_assert_eq!(&(a.reserved() + &a.unreserved()), &a);
        prop_assert_eq!(&(a.revocable() + &a.non_revocable()), &a);
        prop_assert_eq!(&(a.shared() + &a.non_shared()), &a);
        prop_assert!(a.allocatable_to(&role).contains(&a.reserved_to(&role)));
        prop_assert!(a.allocatable_to(&role).contains(&a.unreserved()));
        prop_assert_eq!(a.reservations().values().sum::<Resources>(), a.reserved());
    }

    #[test]
    fn a_reservation_pushed_and_popped_leaves_nothing(a in resources(), role in role()) {
        let a = a.unreserved().non_revocable();
        let pushed = a.push_reservation(&Reservation::dynamic(role.clone(), None)).unwrap();
        prop_assert_eq!(pushed.reserved_to(&role), pushed.clone());
        prop_assert_eq!(pushed.flatten(), a.clone());
        prop_assert_eq!(pushed.pop_reservation(), Some(a));
    }

    #[test]
    fn shrinking_stays_within_target_and_whole(a in resources(), b in resources()) {
        let target = b.non_shared().quantities();
        let shrunk = a.shrink(&target);
        prop_assert!(target.contains(&shrunk.quantities()));
        prop_assert!(a.contains(&shrunk));
        let limits: ResourceLimits = target.iter().map(|(name, amount)| (name.clone(), amount)).collect();
        let within = a.shrink_within(&limits);
        prop_assert!(limits.contains(&within.quantities()) && a.contains(&within));
        prop_assert_eq!(a.shrink_within(&ResourceLimits::new()), a.scalars());
    }

    #[test]
    fn what_is_found_is_there_and_is_what_was_wanted(a in resources(), b in resources()) {
        let (pool, wanted) = (&a + &b, a.non_shared());
        let bare = |resources: &Resources| resources.flatten().unallocated();
        match pool.find(&wanted) {
            Ok(found) => {
                prop_assert!(pool.contains(&found));
                prop_assert_eq!(bare(&found), bare(&wanted));
            }
            Err(missing) => prop_assert!(!missing.is_empty() && !bare(&pool).contains(&bare(&wanted))),
        }
    }
}
