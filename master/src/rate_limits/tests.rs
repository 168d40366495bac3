//! Rates and capacities, in virtual time.

use std::time::Duration;

use tepui_model::Time;

use super::throttle::{Admission, Throttle, Weight};
use super::{InvalidRateLimits, RateLimits};

impl Weight for &str {
    fn bytes(&self) -> usize {
        self.len()
    }
}

const LIMITS: &str = r#"{
    "limits": [{"principal": "slow", "qps": 2, "capacity": 2}, {"principal": "free"}],
    "aggregate_default_qps": 1, "aggregate_default_capacity": 1
}"#;

fn throttle(limits: &str) -> Throttle<&'static str> {
    Throttle::new(&RateLimits::parse(limits).unwrap())
}

fn at(millis: u64) -> Time {
    Time::from_nanos(3_600_000_000_000) + Duration::from_millis(millis)
}

#[test]
fn a_principal_speaks_as_often_as_it_may_and_the_rest_waits_its_turn() {
    let mut throttle = throttle(LIMITS);
    let lane = Some("slow".to_owned());

    assert_eq!(throttle.admit(at(0), Some("slow"), "one"), Admission::Now("one"));
    assert_eq!(
        throttle.admit(at(10), Some("slow"), "two"),
        Admission::Held { lane: lane.clone(), wake: Some(at(500)) }
    );
    assert_eq!(
        throttle.admit(at(20), Some("slow"), "three"),
        Admission::Held { lane: lane.clone(), wake: None }
    );
    assert_eq!(throttle.admit(at(30), Some("slow"), "four"), Admission::Full { item: "four", capacity: 2 });

    assert_eq!(throttle.due(at(400), &lane), (vec![], Some(at(500))));
    assert_eq!(throttle.due(at(500), &lane), (vec!["two"], Some(at(1000))));
    assert_eq!(throttle.due(at(1000), &lane), (vec!["three"], None));
    // It has to wait after what waited, too.
    assert!(matches!(throttle.admit(at(1100), Some("slow"), "five"), Admission::Held { .. }));
    assert_eq!(throttle.due(at(1500), &lane), (vec!["five"], None));
    assert_eq!(throttle.admit(at(2000), Some("slow"), "six"), Admission::Now("six"));
}

#[test]
fn all_who_are_not_named_share_one_lane_and_who_has_no_rate_has_no_limit() {
    let mut throttle = throttle(LIMITS);

    assert_eq!(throttle.admit(at(0), None, "a"), Admission::Now("a"));
    assert!(matches!(throttle.admit(at(1), Some("other"), "b"), Admission::Held { lane: None, .. }));
    assert!(matches!(throttle.admit(at(2), Some("third"), "c"), Admission::Full { capacity: 1, .. }));
    for _ in 0..1000 {
        assert_eq!(throttle.admit(at(3), Some("free"), "d"), Admission::Now("d"));
    }
}

#[test]
fn without_a_default_only_the_named_are_limited() {
    let mut throttle = throttle(r#"{"limits": [{"principal": "slow", "qps": 1, "capacity": 0}]}"#);

    for _ in 0..1000 {
        assert_eq!(throttle.admit(at(0), None, "a"), Admission::Now("a"));
    }
    assert_eq!(throttle.admit(at(0), Some("slow"), "b"), Admission::Full { item: "b", capacity: 0 });
}

#[test]
fn the_end_of_a_framework_does_not_overtake_what_it_said() {
    let mut throttle = throttle(LIMITS);
    let lane = Some("slow".to_owned());

    assert_eq!(throttle.behind(Some("slow"), "gone"), Some("gone"));
    throttle.admit(at(0), Some("slow"), "one");
    throttle.admit(at(0), Some("slow"), "two");
    assert_eq!(throttle.behind(Some("slow"), "gone"), None);

    assert_eq!(throttle.due(at(500), &lane), (vec!["two", "gone"], None));
}

#[test]
fn what_waits_has_a_bound_in_bytes() {
    let huge: &'static str = Box::leak("x".repeat(1 << 20).into_boxed_str());
    let mut throttle = throttle(r#"{"limits": [{"principal": "slow", "qps": 0.001}]}"#);
    throttle.admit(at(0), Some("slow"), "one");

    let held =
        (0..1000).take_while(|_| matches!(throttle.admit(at(0), Some("slow"), huge), Admission::Held { .. }));

    assert_eq!(held.count(), super::limits::HELD_BYTES / huge.len());
}

#[test]
fn limits_that_make_no_sense_are_refused_with_the_field() {
    let why = |text: &str| RateLimits::parse(text).unwrap_err();
    let message = |text: &str| why(text).to_string();

    assert!(matches!(why("{"), InvalidRateLimits::Json(_)));
    assert_eq!(
        message(r#"{"limits": [{"principal": "a", "qps": 1}, {"principal": "a"}]}"#),
        "limits: principal 'a' stands there twice; keep one"
    );
    for qps in ["0", "-1", "\"Infinity\""] {
        let text = format!(r#"{{"limits": [{{"principal": "a", "qps": {qps}}}]}}"#);
        assert!(message(&text).starts_with("limits of 'a': qps "), "{}", message(&text));
    }
    assert!(message(r#"{"aggregate_default_qps": 0}"#).starts_with("aggregate_default_qps: "));
    assert!(RateLimits::parse("{}").is_ok());
}
