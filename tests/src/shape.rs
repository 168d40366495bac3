//! Comparing two JSON answers by shape: the same keys in the same order, with values of the same kind.
//!
//! Ids, times and amounts differ from run to run, so values are not compared.

use std::fmt;

use crate::json::Json;

/// Keys whose value is a map from outside names (resources by name, flags, labels): which keys there are and their order says
/// nothing, but a key that both have has values of the same kind.
const NAMED_BY_OTHERS: &[&str] = &[
    "resources",
    "used_resources",
    "offered_resources",
    "reserved_resources",
    "unreserved_resources",
    "attributes",
    "flags",
    "reserved_resources_allocated",
    "unreserved_resources_allocated",
    "reserved_resources_full",
    "consumed",
    "allocated",
    "offered",
    "reserved",
    "guarantee",
    "limit",
];

/// One difference, and where it is (`slaves[].resources`).
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub at: String,
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Every difference of `ours` from `recorded`, the same one once.
pub fn differences(recorded: &Json, ours: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", recorded, ours, &mut found);
    found.dedup();
    found
}

fn compare(at: &str, recorded: &Json, ours: &Json, found: &mut Vec<Difference>) {
    let mut note = |what: String| found.push(Difference { at: at.to_owned(), what });
    match (recorded, ours) {
        (Json::Map(_), Json::Map(_)) => maps(at, recorded, ours, found),
        (Json::List(a), Json::List(b)) if a.is_empty() != b.is_empty() => {
            note(if b.is_empty() {
                "recorded with items, ours is empty".into()
            } else {
                "recorded empty, ours has items".into()
            });
        }
        (Json::List(a), Json::List(b)) => {
            for (index, item) in b.iter().enumerate() {
                let like = named(a, item).or(a.get(index)).or(a.last()).expect("both have items");
                compare(&format!("{at}[]"), like, item, found);
            }
        }
        _ if recorded.kind() != ours.kind() => {
            note(format!("recorded {}, ours {}", recorded.kind(), ours.kind()))
        }
        _ => {}
    }
}

/// The item of the same name, such as a resource: their order means nothing.
fn named<'a>(list: &'a [Json], item: &Json) -> Option<&'a Json> {
    let name = item.get("name")?;
    list.iter().find(|other| other.get("name") == Some(name))
}

fn maps(at: &str, recorded: &Json, ours: &Json, found: &mut Vec<Difference>) {
    let name = at.rsplit('.').next().unwrap_or(at);
    let (theirs, own) = (recorded.keys(), ours.keys());
    let under = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    if NAMED_BY_OTHERS.contains(&name) {
        for (key, ours) in own.iter().filter_map(|key| Some((key, ours.get(key)?))) {
            if let Some(recorded) = recorded.get(key) {
                compare(&under(key), recorded, ours, found);
            }
        }
        return;
    }
    for key in &theirs {
        match ours.get(key) {
            Some(value) => compare(&under(key), recorded.get(key).expect("its own key"), value, found),
            None => found.push(Difference { at: under(key), what: "missing".into() }),
        }
    }
    for key in own.iter().filter(|key| !theirs.contains(key)) {
        found.push(Difference { at: under(key), what: "not in the recording".into() });
    }
    let both = |keys: &[&str], other: &[&str]| -> Vec<String> {
        keys.iter().filter(|key| other.contains(key)).map(|key| (*key).to_owned()).collect()
    };
    let (expected, order) = (both(&theirs, &own), both(&own, &theirs));
    if expected != order {
        found.push(Difference {
            at: at.to_owned(),
            what: format!("order of keys is {}, recorded {}", order.join(" "), expected.join(" ")),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(recorded: &str, ours: &str) -> Vec<String> {
        let parse = |text: &str| Json::parse(text.as_bytes()).expect("JSON of the test");
        differences(&parse(recorded), &parse(ours)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn amounts_by_name_have_the_kind_that_was_recorded_where_both_have_them() {
        assert!(texts(r#"{"offered":{"cpus":1.0}}"#, r#"{"offered":{"mem":1.0}}"#).is_empty());
        assert_eq!(
            texts(r#"{"offered":{"ports":2.0}}"#, r#"{"offered":{"ports":"[1-2]"}}"#),
            ["offered.ports: recorded float, ours text"]
        );
    }

    #[test]
    fn values_do_not_matter_but_kinds_do() {
        assert!(texts(r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":"y"}"#).is_empty());
        assert_eq!(texts(r#"{"a":1.0}"#, r#"{"a":1}"#), ["a: recorded float, ours integer"]);
    }

    #[test]
    fn keys_and_their_order_matter() {
        let found = texts(r#"{"a":1,"b":[{"c":1}]}"#, r#"{"b":[{"d":1}],"a":1}"#);

        assert_eq!(
            found,
            ["b[].c: missing", "b[].d: not in the recording", ": order of keys is b a, recorded a b"]
        );
    }
}
