//! What clients may ask of `/__trace__`, and what is wrong if they ask otherwise.

use std::fmt::Write as _;
use std::time::Duration;

use crate::limits::{
    HIGHEST_TAP_RATE, LONGEST_TAP, LONGEST_TRACE_BUDGET, MOST_TAPPED_MESSAGES, MOST_TRACED_MESSAGES,
    TAP_LENGTH, TAP_RATE, TAPPED_MESSAGES, TRACE_BUDGET, TRACE_FILTER_BYTES, TRACE_HOPS, TRACED_MESSAGES,
};
use crate::trace::tree::Root;
use crate::trace::wire::{Filter, OpenTap, Tag};

/// A parameter that cannot be understood.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum ParameterError {
    #[error("{name}: '{value}' is not {expected}")]
    Value { name: &'static str, value: String, expected: &'static str },
    #[error("{name}: {value} is more than {most}")]
    TooMuch { name: &'static str, value: String, most: String },
    #[error("unknown parameter '{name}'; {path} knows {known}")]
    Unknown { name: String, path: &'static str, known: String },
    #[error("{0}: given twice")]
    Twice(&'static str),
    #[error("say which tree: id=<16 hexadecimal digits of a message>, or tag=<key>=<value>")]
    NoRoot,
    #[error("the query '{0}' is not of the form name=value&name=value")]
    Form(String),
}

/// Where to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This node alone.
    #[default]
    Node,
    /// This node, its peers, theirs, and so on.
    Cluster,
}

/// The parameters of one request, each taken once.
#[derive(Debug)]
pub(crate) struct Parameters {
    path: &'static str,
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

/// How a query is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    pub(crate) scope: Scope,
    pub(crate) budget: Duration,
}

impl Parameters {
    pub(crate) fn new(path: &'static str, query: &str) -> Result<Parameters, ParameterError> {
        let given = actix_web::web::Query::<Vec<(String, String)>>::from_query(query);
        let given = given.map_err(|_| ParameterError::Form(shortened(query)))?.into_inner();
        Ok(Parameters { path, given, known: Vec::new() })
    }

    pub(crate) fn extent(&mut self) -> Result<Extent, ParameterError> {
        let scope = self.scope()?;
        let budget = self.duration("timeout")?.unwrap_or(TRACE_BUDGET);
        if budget > LONGEST_TRACE_BUDGET {
            return Err(too_much("timeout", format!("{budget:?}"), format!("{LONGEST_TRACE_BUDGET:?}")));
        }
        Ok(Extent { scope, budget })
    }

    fn scope(&mut self) -> Result<Scope, ParameterError> {
        match self.take("scope")?.as_deref() {
            None | Some("node") => Ok(Scope::Node),
            Some("cluster") => Ok(Scope::Cluster),
            Some(other) => Err(wrong("scope", other, "'node' or 'cluster'")),
        }
    }

    pub(crate) fn filter(&mut self) -> Result<Filter, ParameterError> {
        let slower_than = self.duration("slower_than")?;
        Ok(Filter {
            traces: self.number_in_hex("trace")?.into_iter().collect(),
            id: self.number_in_hex("id")?,
            tag: self.tag()?,
            actor: self.text("actor")?,
            message: self.text("message")?,
            slower_than: slower_than.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)),
            errors: self.truth("errors")?,
            since: self.number("since", "a whole number of nanoseconds since the epoch")?,
        })
    }

    /// Of a tree.
    pub(crate) fn root(&mut self) -> Result<Root, ParameterError> {
        match (self.number_in_hex("id")?, self.tag()?) {
            (Some(id), None) => Ok(Root::Message(id)),
            (None, Some(tag)) => Ok(Root::Tag(tag)),
            _ => Err(ParameterError::NoRoot),
        }
    }

    /// Of a tail: what to open, and the number of messages after which it ends.
    pub(crate) fn tap(&mut self) -> Result<(OpenTap, u64), ParameterError> {
        let slower_than = self.duration("slower_than")?;
        let filter = Filter {
            traces: self.number_in_hex("trace")?.into_iter().collect(),
            actor: self.text("actor")?,
            message: self.text("message")?,
            slower_than: slower_than.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)),
            errors: self.truth("errors")?,
            ..Filter::default()
        };
        let rate = self.whole("rate", HIGHEST_TAP_RATE.into())?;
        let seconds = self.whole("seconds", LONGEST_TAP.as_secs())?.unwrap_or(TAP_LENGTH.as_secs());
        let most = self.whole("limit", MOST_TAPPED_MESSAGES)?.unwrap_or(TAPPED_MESSAGES);
        let open = OpenTap {
            id: crate::trace::random(),
            hops: if self.scope()? == Scope::Cluster { TRACE_HOPS } else { 0 },
            length: (seconds * 1000) as u32,
            rate: rate.map_or(TAP_RATE, |rate| rate as u32),
            filter: Some(filter),
            bodies: self.truth("body")?,
        };
        Ok((open, most))
    }

    pub(crate) fn limit(&mut self) -> Result<usize, ParameterError> {
        let limit = self.whole("limit", MOST_TRACED_MESSAGES as u64)?;
        Ok(limit.map_or(TRACED_MESSAGES, |limit| limit as usize))
    }

    /// A number of at least one and at most so much.
    pub(crate) fn whole(&mut self, name: &'static str, most: u64) -> Result<Option<u64>, ParameterError> {
        let expected = "a whole number from 1 on";
        match self.number(name, expected)? {
            Some(0) => Err(wrong(name, "0", expected)),
            Some(number) if number > most => Err(too_much(name, number.to_string(), most.to_string())),
            number => Ok(number),
        }
    }

    pub(crate) fn truth(&mut self, name: &'static str) -> Result<bool, ParameterError> {
        match self.take(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(wrong(name, other, "'true' or 'false'")),
        }
    }

    /// Nothing else is given.
    pub(crate) fn end(self) -> Result<(), ParameterError> {
        let Some((name, _)) = self.given.into_iter().next() else { return Ok(()) };
        let known = self.known.join(", ");
        Err(ParameterError::Unknown { name: shortened(&name), path: self.path, known })
    }

    fn tag(&mut self) -> Result<Option<Tag>, ParameterError> {
        let Some(text) = self.take("tag")? else { return Ok(None) };
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Some(Tag { key: key.into(), value: value.into() })),
            _ => Err(wrong("tag", &text, "of the form key=value")),
        }
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, ParameterError> {
        match self.take(name)? {
            Some(text) if text.is_empty() => Err(wrong(name, "", "a name")),
            Some(text) if text.len() > TRACE_FILTER_BYTES => {
                Err(wrong(name, &text, "a name of up to 2048 bytes"))
            }
            text => Ok(text),
        }
    }

    fn number(&mut self, name: &'static str, expected: &'static str) -> Result<Option<u64>, ParameterError> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| wrong(name, &text, expected))
    }

    fn number_in_hex(&mut self, name: &'static str) -> Result<Option<u64>, ParameterError> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Zero means none, where ids are concerned.
        let number = u64::from_str_radix(&text, 16).ok();
        let number = number.filter(|number| digits && text.len() <= 16 && *number != 0);
        number
            .map(Some)
            .ok_or_else(|| wrong(name, &text, "a hexadecimal number of up to 16 digits, and not zero"))
    }

    pub(crate) fn duration(&mut self, name: &'static str) -> Result<Option<Duration>, ParameterError> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let duration = duration(&text).map(Some);
        duration.ok_or_else(|| wrong(name, &text, "a length of time such as 500us, 5ms, 2s or 1min"))
    }

    fn take(&mut self, name: &'static str) -> Result<Option<String>, ParameterError> {
        self.known.push(name);
        let Some(place) = self.given.iter().position(|(given, _)| given == name) else { return Ok(None) };
        let (_, value) = self.given.swap_remove(place);
        if self.given.iter().any(|(given, _)| given == name) {
            return Err(ParameterError::Twice(name));
        }
        Ok(Some(value))
    }
}

/// A number and its unit. The units of Mesos' durations are known as well: `5secs`, `1mins`, `2hrs`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit);
    let nanos: f64 = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" | "sec" | "secs" => 1e9,
        "m" | "min" | "mins" => 60e9,
        "h" | "hr" | "hrs" => 3600e9,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * nanos / 1e9).ok()
}

fn wrong(name: &'static str, value: &str, expected: &'static str) -> ParameterError {
    ParameterError::Value { name, value: shortened(value), expected }
}

fn too_much(name: &'static str, value: String, most: String) -> ParameterError {
    ParameterError::TooMuch { name, value, most }
}

/// For an error that repeats what a client sent.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().take(64) {
        if c.is_control() {
            let _ = write!(short, "{}", c.escape_default());
        } else {
            short.push(c);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters {
        Parameters::new("/__trace__", query).unwrap()
    }

    fn refused(query: &str) -> String {
        let mut parameters = parameters(query);
        let all = (|| {
            parameters.filter()?;
            parameters.limit()?;
            parameters.extent()?;
            parameters.end()
        })();
        all.unwrap_err().to_string()
    }

    #[test]
    fn every_condition_is_understood() {
        let mut parameters = parameters(
            "trace=c0ffee&id=1&tag=task=a=b&actor=slave(1)@10.0.0.7:5051&message=RunTaskMessage&slower_than=5ms\
             &errors=true&since=17&limit=9&scope=cluster&timeout=2secs",
        );

        let filter = parameters.filter().unwrap();

        assert_eq!((filter.traces, filter.id), (vec![0xc0_ffee], Some(1)));
        assert_eq!(filter.tag, Some(Tag { key: "task".into(), value: "a=b".into() }));
        assert_eq!(filter.actor.as_deref(), Some("slave(1)@10.0.0.7:5051"));
        assert_eq!(filter.message.as_deref(), Some("RunTaskMessage"));
        assert_eq!((filter.slower_than, filter.errors, filter.since), (Some(5_000_000), true, Some(17)));
        assert_eq!(parameters.limit(), Ok(9));
        let extent = parameters.extent().unwrap();
        assert_eq!(extent, Extent { scope: Scope::Cluster, budget: Duration::from_secs(2) });
        assert_eq!(parameters.end(), Ok(()));
    }

    #[test]
    fn what_is_wrong_names_the_parameter_and_what_is_expected() {
        let hex = "is not a hexadecimal number of up to 16 digits, and not zero";
        for (query, error) in [
            ("trace=xyz", format!("trace: 'xyz' {hex}")),
            ("id=00112233445566778", format!("id: '00112233445566778' {hex}")),
            ("id=0", format!("id: '0' {hex}")),
            ("id=%2b1", format!("id: '+1' {hex}")),
            ("tag=task", "tag: 'task' is not of the form key=value".into()),
            ("actor=", "actor: '' is not a name".into()),
            (
                "slower_than=soon",
                "slower_than: 'soon' is not a length of time such as 500us, 5ms, 2s or 1min".into(),
            ),
            ("errors=yes", "errors: 'yes' is not 'true' or 'false'".into()),
            ("since=-1", "since: '-1' is not a whole number of nanoseconds since the epoch".into()),
            ("limit=0", "limit: '0' is not a whole number from 1 on".into()),
            ("limit=10001", "limit: 10001 is more than 10000".into()),
            ("scope=galaxy", "scope: 'galaxy' is not 'node' or 'cluster'".into()),
            ("timeout=31s", "timeout: 31s is more than 30s".into()),
            ("limit=1&limit=2", "limit: given twice".into()),
            (
                "a%0ab=1",
                "unknown parameter 'a\\nb'; /__trace__ knows slower_than, trace, id, tag, actor, message, \
                         errors, since, limit, scope, timeout"
                    .into(),
            ),
        ] {
            assert_eq!(refused(query), error);
        }
    }

    #[test]
    fn a_tree_needs_one_root() {
        assert_eq!(parameters("id=a").root(), Ok(Root::Message(10)));
        for query in ["", "id=a&tag=b=c"] {
            assert_eq!(parameters(query).root(), Err(ParameterError::NoRoot));
        }
    }

    #[test]
    fn lengths_of_time_have_units() {
        let of = |nanos| Some(Duration::from_nanos(nanos));
        assert_eq!(duration("1.5ms"), of(1_500_000));
        assert_eq!(duration("1mins"), of(60_000_000_000));
        assert_eq!(duration("3µs"), of(3_000));
        for text in ["", "5", "ms", "-1s", "1..5s", "1e3s", "99999999999999999999999hrs"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
