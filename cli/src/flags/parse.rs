//! Reads a command line and an environment against a table. Pure, but for the files that `file://` values name, which
//! the caller reads.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::distance::nearest;
use super::flag::{Flag, Kind, Table, Treatment};
use super::parsed::Parsed;
use super::value::Value;

/// What starts the environment's way of setting a flag.
const PREFIX: &str = "MESOS_";

/// Variables of libprocess that a flag overrides: those that unit files set. Its port is not among them, because Mesos'
/// daemons have a default port, which wins.
const LIBPROCESS: [(&str, &str); 3] = [
    ("LIBPROCESS_IP", "ip"),
    ("LIBPROCESS_ADVERTISE_IP", "advertise_ip"),
    ("LIBPROCESS_ADVERTISE_PORT", "advertise_port"),
];

/// Why a daemon does not start. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FlagError {
    #[error("unknown flag --{name}{} `{program} --help` lists them all", meant(.nearest))]
    Unknown { name: String, nearest: Option<&'static str>, program: &'static str },
    #[error("unexpected argument '{0}'; flags are written --name=value")]
    NotAFlag(String),
    #[error("--{0} is given twice; leave one out")]
    Twice(&'static str),
    #[error("{0} needs a value: {0}=VALUE")]
    NoValue(String),
    #[error("--no-{0} says nothing: {0} is no switch; write --{0}=VALUE")]
    NotASwitch(&'static str),
    #[error("--no-{0} takes no value")]
    NegatedValue(&'static str),
    #[error("{place}: '{text}' cannot be read: {right}")]
    Value { place: String, text: String, right: String },
    #[error("{place}: cannot read {path}: {cause}", path = path.display())]
    File { place: String, path: PathBuf, cause: io::Error },
    #[error("{place} is refused: {instead}")]
    Refused { place: String, instead: &'static str },
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(|| ";".to_owned(), |name| format!(", did you mean --{name}?"))
}

/// A flag as somebody wrote it.
struct Written {
    flag: &'static Flag,
    /// How messages call it: `--slave_ping_timeout`, or `MESOS_WORK_DIR`.
    place: String,
    text: String,
}

/// The values of every flag of the table: from the arguments, else from variables named `MESOS_NAME`, else its default.
///
/// `read` gives what a file says, for values that start with `file://`.
pub fn parse(
    table: &Table,
    arguments: &[String],
    environment: &[(String, String)],
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Parsed, FlagError> {
    let lookup =
        |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    let mut warnings = libactor::without_effect(lookup);
    let mut written = from_libprocess(table, environment);
    written.extend(from_environment(table, environment, &mut warnings));
    written.extend(from_arguments(table, arguments, &mut warnings)?);

    let mut parsed = Parsed { values: defaults(table), given: BTreeMap::new(), warnings };
    for entry in written.into_values() {
        accept(entry, read, &mut parsed)?;
    }
    Ok(parsed)
}

fn defaults(table: &Table) -> BTreeMap<&'static str, Value> {
    let with_default = table.flags().filter(|flag| !flag.default.is_empty());
    with_default
        .map(|flag| {
            let value = Value::read(flag.kind, flag.default).expect("a table's defaults can be read");
            (flag.name, value)
        })
        .collect()
}

/// By present name.
fn from_libprocess(table: &Table, environment: &[(String, String)]) -> BTreeMap<&'static str, Written> {
    let mut written = BTreeMap::new();
    for (variable, text) in environment {
        let flag =
            LIBPROCESS.iter().find(|(name, _)| name == variable).and_then(|(_, flag)| table.find(flag));
        if let Some(flag) = flag {
            written.insert(flag.name, Written { flag, place: variable.clone(), text: text.clone() });
        }
    }
    written
}

/// By present name. A variable that is no flag may be meant for another program: worth a warning and no more.
fn from_environment(
    table: &Table,
    environment: &[(String, String)],
    warnings: &mut Vec<String>,
) -> BTreeMap<&'static str, Written> {
    let mut written = BTreeMap::new();
    for (variable, text) in environment {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let name = name.to_lowercase();
        let Some(flag) = table.find(&name) else {
            warnings.push(format!("{variable} is no flag of {}; it is ignored", table.program));
            continue;
        };
        if name != flag.name {
            warnings.push(old_name(variable, &format!("{PREFIX}{}", flag.name.to_uppercase())));
            if written.contains_key(flag.name) {
                continue;
            }
        }
        written.insert(flag.name, Written { flag, place: variable.clone(), text: text.clone() });
    }
    written
}

fn from_arguments(
    table: &Table,
    arguments: &[String],
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<&'static str, Written>, FlagError> {
    let mut written = BTreeMap::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let argument = if argument == "-h" { "--help" } else { argument };
        let body = argument.strip_prefix("--").ok_or_else(|| FlagError::NotAFlag(argument.to_owned()))?;
        let (spelled, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (body, None),
        };
        let (flag, name, negated) = find(table, spelled)?;
        let place = format!("--{spelled}");
        let text = match (flag.kind, negated, value) {
            (Kind::Switch, true, None) => "false".to_owned(),
            (Kind::Switch, true, Some(_)) => return Err(FlagError::NegatedValue(flag.name)),
            (_, true, _) => return Err(FlagError::NotASwitch(flag.name)),
            (Kind::Switch, false, None) => "true".to_owned(),
            (_, false, Some(value)) => value,
            (_, false, None) => following(&mut arguments).ok_or_else(|| FlagError::NoValue(place.clone()))?,
        };
        if name != flag.name {
            warnings.push(old_name(&place, &format!("--{}", flag.name)));
        }
        if written.insert(flag.name, Written { flag, place, text }).is_some() {
            return Err(FlagError::Twice(flag.name));
        }
    }
    Ok(written)
}

/// The next argument, if it can be a value: `--flag value`.
fn following(arguments: &mut std::slice::Iter<'_, String>) -> Option<String> {
    let value = arguments.as_slice().first().filter(|next| !next.starts_with("--"))?;
    arguments.next();
    Some(value.clone())
}

/// The flag of a spelling, its name with underscores, and whether `no-` came before it.
fn find(table: &Table, spelled: &str) -> Result<(&'static Flag, String, bool), FlagError> {
    let name = spelled.replace('-', "_");
    if let Some(flag) = table.find(&name) {
        return Ok((flag, name, false));
    }
    let negated = name.strip_prefix("no_").unwrap_or(&name);
    if let Some(flag) = table.find(negated) {
        return Ok((flag, negated.to_owned(), true));
    }
    let names = table.flags().flat_map(|flag| std::iter::once(flag.name).chain(flag.aliases.iter().copied()));
    Err(FlagError::Unknown {
        name: spelled.to_owned(),
        nearest: nearest(negated, names),
        program: table.program,
    })
}

fn old_name(old: &str, new: &str) -> String {
    format!("{old} is an old name; write {new}")
}

/// Reads the value and does with it as the table says.
fn accept(
    written: Written,
    read: &dyn Fn(&Path) -> io::Result<String>,
    parsed: &mut Parsed,
) -> Result<(), FlagError> {
    let Written { flag, place, text } = written;
    if let Treatment::Refused { instead, harmless } = flag.treatment {
        if is_default(flag, &text) || harmless.contains(&text.as_str()) {
            return Ok(());
        }
        return Err(FlagError::Refused { place, instead });
    }
    let text = contents(flag, &place, text, read)?;
    let value = Value::read(flag.kind, &text).map_err(|right| FlagError::Value {
        place: place.clone(),
        text: text.clone(),
        right,
    })?;
    if let Treatment::Accepted(why) = flag.treatment
        && parsed.values.get(flag.name) != Some(&value)
    {
        parsed.warnings.push(format!("{place} changes nothing: {why}"));
    }
    let text = if let Value::Switch(on) = value { on.to_string() } else { text };
    parsed.values.insert(flag.name, value);
    parsed.given.insert(flag.name, text);
    Ok(())
}

fn is_default(flag: &Flag, text: &str) -> bool {
    match Value::read(flag.kind, text) {
        Ok(value) => !flag.default.is_empty() && Value::read(flag.kind, flag.default) == Ok(value),
        Err(_) => false,
    }
}

/// What the value says: for most flags, a value that starts with `file://` names a file that says it. White space at
/// the file's end does not count: editors leave a line end there.
fn contents(
    flag: &Flag,
    place: &str,
    text: String,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<String, FlagError> {
    let Some(path) = text.strip_prefix("file://") else { return Ok(text) };
    if flag.kind == Kind::Path {
        return Ok(path.to_owned());
    }
    let path = PathBuf::from(path);
    match read(&path) {
        Ok(content) => Ok(content.trim_end().to_owned()),
        Err(cause) => Err(FlagError::File { place: place.to_owned(), path, cause }),
    }
}
