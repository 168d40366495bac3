//! What `--help` prints: the flags that do something, group by group.

use std::fmt::Write;

use super::flag::{Flag, Kind, Table, Treatment};

/// Where the explanations begin.
const COLUMN: usize = 48;

/// The whole text, ending in a line feed.
pub fn help(table: &Table) -> String {
    let mut text = format!(
        "usage: {} [--FLAG=VALUE …]\n\nEvery flag can also be an environment variable: MESOS_WORK_DIR for --work_dir.\n\
         A value may be file:// and the path of a file that holds it.\n",
        table.program
    );
    for group in table.groups {
        let lines: Vec<String> = group.flags.iter().filter_map(line).collect();
        if !lines.is_empty() {
            let _ = write!(text, "\n{}:\n{}", group.title, lines.concat());
        }
    }
    text.push_str(
        "\nMesos' other flags are known: one that cannot be honoured is refused or warned about by name.\n",
    );
    text
}

fn line(flag: &Flag) -> Option<String> {
    let Treatment::Done(meaning) = flag.treatment else { return None };
    let spelled = match flag.kind {
        Kind::Switch => format!("--[no-]{}", flag.name),
        _ if flag.default.is_empty() => format!("--{}={}", flag.name, shape(flag.kind)),
        _ => format!("--{}={}", flag.name, flag.default),
    };
    let meaning = match (flag.kind, flag.default) {
        (Kind::Switch, "true") => format!("{meaning} (on)"),
        _ => meaning.to_owned(),
    };
    // An explanation that does not fit beside its flag stands below it.
    if spelled.len() + 4 > COLUMN {
        return Some(format!("  {spelled}\n{:COLUMN$}{meaning}\n", ""));
    }
    Some(format!("  {spelled:width$}{meaning}\n", width = COLUMN - 2))
}

fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "BOOL",
        Kind::Text => "TEXT",
        Kind::Path => "PATH",
        Kind::Integer => "N",
        Kind::Real => "NUMBER",
        Kind::Percentage => "PERCENT",
        Kind::Duration { .. } => "DURATION",
        Kind::Size => "SIZE",
        Kind::Address => "IP",
    }
}
