//! Demands, one by one, against the table of Mesos' documentation.

use super::*;
use wire::attribute_constraint::{Predicate, Selector, predicate};
use wire::offer_constraints::{RoleConstraints, role_constraints::Group};

fn named(name: &str) -> WireSelector {
    WireSelector::AttributeName(name.to_owned())
}

fn matches(regex: &str) -> WirePredicate {
    WirePredicate::TextMatches(predicate::TextMatches { regex: regex.to_owned() })
}

fn constraint(selector: Option<WireSelector>, demand: Option<WirePredicate>) -> wire::AttributeConstraint {
    wire::AttributeConstraint { selector: Selector { selector }, predicate: Predicate { predicate: demand } }
}

fn constraints(groups: Vec<Vec<wire::AttributeConstraint>>) -> Result<OfferConstraints, String> {
    let groups = groups.into_iter().map(|attribute_constraints| Group { attribute_constraints }).collect();
    let role_constraints = [("web".to_owned(), RoleConstraints { groups })].into();
    OfferConstraints::from_wire(&wire::OfferConstraints { role_constraints })
}

fn passes(groups: Vec<Vec<wire::AttributeConstraint>>, attributes: &str) -> bool {
    let attributes = Attributes::parse(attributes).unwrap();
    let traits = AgentTraits { hostname: "h1.x", region: Some("eu"), zone: None, attributes: &attributes };
    !constraints(groups).unwrap().exclude(&Role::parse("web").unwrap(), traits)
}

#[test]
fn each_demand_is_met_as_mesos_says() {
    let text = |value: &str| value.to_owned();
    let demands = [
        WirePredicate::Exists(predicate::Exists {}),
        WirePredicate::NotExists(predicate::NotExists {}),
        WirePredicate::TextEquals(predicate::TextEquals { value: text("r1") }),
        WirePredicate::TextNotEquals(predicate::TextNotEquals { value: text("r1") }),
        matches("r[0-9]"),
        WirePredicate::TextNotMatches(predicate::TextNotMatches { regex: text("r[0-9]") }),
    ];
    let met = |attributes: &str| {
        demands
            .clone()
            .map(|demand| passes(vec![vec![constraint(Some(named("rack")), Some(demand))]], attributes))
    };

    assert_eq!(met(""), [false, true, false, true, false, true]);
    assert_eq!(met("rack:r1"), [true, false, true, false, true, false]);
    assert_eq!(met("rack:r12"), [true, false, false, true, false, true]);
    assert_eq!(met("rack:7"), [true, false, true, true, true, true]);
    // The first of a name counts.
    assert_eq!(met("rack:x;rack:r1"), [true, false, false, true, false, true]);
}

#[test]
fn any_group_is_enough_and_all_of_it_is_needed() {
    let of = |name: &str, regex: &str| constraint(Some(named(name)), Some(matches(regex)));
    let groups = || vec![vec![of("a", "1.*"), of("b", "2.*")], vec![of("c", "x")]];

    assert!(passes(groups(), "a:1a;b:2b"));
    assert!(!passes(groups(), "a:1a;b:3b"));
    assert!(passes(groups(), "c:x"));
}

#[test]
fn hosts_regions_and_zones_can_be_asked_for_too() {
    let of = |kind: PseudoattributeType, demand: WirePredicate| {
        vec![vec![constraint(Some(WireSelector::PseudoattributeType(kind as i32)), Some(demand))]]
    };

    assert!(passes(of(PseudoattributeType::Hostname, matches(r"h\d\.\w+")), ""));
    assert!(passes(of(PseudoattributeType::Region, matches("eu|us")), ""));
    assert!(!passes(of(PseudoattributeType::Zone, matches(".*")), ""));
    assert!(!passes(of(PseudoattributeType::Hostname, matches("x")), ""));
}

#[test]
fn other_roles_are_not_constrained() {
    let demand = constraint(Some(named("rack")), Some(WirePredicate::Exists(predicate::Exists {})));
    let attributes = Attributes::new();
    let traits = AgentTraits { hostname: "h", region: None, zone: None, attributes: &attributes };

    let constraints = constraints(vec![vec![demand]]).unwrap();

    assert!(constraints.exclude(&Role::parse("web").unwrap(), traits));
    assert!(!constraints.exclude(&Role::parse("web/a").unwrap(), traits));
}

#[test]
fn classes_are_about_ascii_as_in_re2() {
    let is_match = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().regex.is_match(text);

    assert!(is_match(r"\d+\D[\w-]+\s?", "12x_a-b "));
    assert!(!is_match(r"\d", "٣"));
    assert!(!is_match(r"\w", "é"));
    assert!(is_match(r"\\d", r"\d"));
    assert!(!is_match("a|b", "ab"));
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_mesos() {
    let why = |groups| constraints(groups).unwrap_err();
    let exists = || Some(WirePredicate::Exists(predicate::Exists {}));
    let prefix = "A role web has an invalid 'AttributeConstraint': ";
    let why_of = |selector, demand| why(vec![vec![constraint(selector, demand)]]).replace(prefix, "");

    assert_eq!(
        why(vec![]),
        "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role web"
    );
    assert_eq!(
        why(vec![vec![]]),
        "'OfferConstraints::RoleConstraints::groups' for role webcontains an empty RoleConstraints::Group"
    );
    assert_eq!(
        why_of(None, exists()),
        "Exactly one of 'AttributeConstraint::Selector::name' or \
         'AttributeConstraint::Selector::pseudoattribute_type' must be set"
    );
    assert_eq!(why_of(Some(WireSelector::PseudoattributeType(9)), exists()), "Unknown pseudoattribute type");
    assert_eq!(why_of(Some(named("x")), None), "Unknown predicate type");
    assert_eq!(
        why_of(Some(named("x")), Some(matches("a)(b"))),
        "Failed to construct regex from pattern 'a)(b': unopened group"
    );
    assert_eq!(
        why_of(Some(named("x")), Some(matches("(a{100}){100}"))),
        "Regex '(a{100}){100}' is too complex: it takes more than 65536 bytes"
    );
}

#[test]
fn patterns_that_take_others_for_ever_take_no_time_and_many_constraints_are_refused() {
    let pattern = Pattern::new("(a*)*(a|aa)+b").unwrap();
    assert!(!pattern.regex.is_match(&"a".repeat(10_000)));

    let demand = || constraint(Some(named("x")), Some(WirePredicate::Exists(predicate::Exists {})));
    let many = (0..=MOST_CONSTRAINTS).map(|_| demand()).collect();
    assert_eq!(constraints(vec![many]).unwrap_err(), "there are more than 1000 constraints; use fewer");
}
