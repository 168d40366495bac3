//! A tree of messages as a self-contained SVG sequence diagram: no script, no font, no picture from elsewhere.

use std::collections::HashMap;
use std::fmt::Write;

use super::actors::Actors;
use super::hop::{Fate, Hop, printable, shortened, span};
use super::tree::{Row, Tree};

/// Left of the first lifeline: the times.
const GUTTER: usize = 84;
/// From one lifeline to the next.
const COLUMN: usize = 276;
/// From one hop to the next.
const ROW: usize = 46;
/// Above the first hop: the title and the actors.
const HEAD: usize = 112;
/// Half of an actor's box.
const HALF_BOX: usize = 116;
/// Characters of a label that fit between two lifelines.
const LETTERS: usize = 42;

/// Colours that read on light and on dark ground; what moves (a hop under the pointer) is marked.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1b1f24}\
.ground{fill:#fff}.title{font-size:16px;font-weight:600}.quiet{fill:#646c76;font-size:11px}\
.actor{fill:#eef2f7;stroke:#c3ccd6}.name{font-weight:600}.life{stroke:#c3ccd6;stroke-dasharray:2 4}\
.busy{fill:#b9d5f5;stroke:#5a8fc9}.arrow{stroke:#2f6fb3;stroke-width:1.6;fill:none}.tip{fill:#2f6fb3}\
.label{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}\
.open .arrow{stroke:#8a939e;stroke-dasharray:6 4}.open .tip{fill:#8a939e}\
.retry .arrow{stroke:#b36b00}.retry .tip,.retry .mark{fill:#b36b00}\
.lost .arrow{stroke:#c62828;stroke-dasharray:6 4}.lost .tip,.lost .mark{fill:#c62828}.mark{font-weight:600}\
.band{fill:transparent}.hop:hover .band{fill:#5a8fc9;fill-opacity:.14}\
@media (prefers-color-scheme:dark){text{fill:#e4e8ed}.ground{fill:#14171b}.quiet{fill:#98a2ad}\
.actor{fill:#232930;stroke:#444d57}.life{stroke:#444d57}.busy{fill:#274868;stroke:#5f9bdb}\
.arrow{stroke:#74aee8}.tip{fill:#74aee8}.label{stroke:#14171b}\
.retry .arrow{stroke:#f0a94a}.retry .tip,.retry .mark{fill:#f0a94a}\
.lost .arrow{stroke:#ff7b72}.lost .tip,.lost .mark{fill:#ff7b72}}";

/// The diagram; it says itself how many hops were left out.
pub fn diagram(title: &str, tree: &Tree) -> String {
    let (actors, rows, left_out) = Actors::of(tree);
    let notice = usize::from(left_out > 0) * 30;
    let width = GUTTER + actors.names.len().max(2) * COLUMN;
    let height = HEAD + rows.len() * ROW + 24 + notice;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\"><style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    let count = rows.len() + left_out;
    let heading = format!("{count} messages in {}", span(tree.duration()));
    let _ = writeln!(svg, "<text class=\"title\" x=\"16\" y=\"28\">{}</text>", escape(title));
    let _ = writeln!(svg, "<text class=\"quiet\" x=\"16\" y=\"46\">{heading}</text>");
    let bottom = height - notice - 12;
    for (column, actor) in actors.names.iter().enumerate() {
        svg += &lifeline(actor, middle(column), bottom);
    }
    for bar in bars(&actors, &rows) {
        svg += &bar;
    }
    for (number, row) in rows.iter().enumerate() {
        svg += &hop(row, y(number), actors.place(&row.hop.from), actors.place(&row.hop.to), width);
    }
    if left_out > 0 {
        let y = height - 16;
        let _ = writeln!(
            svg,
            "<text class=\"quiet\" x=\"16\" y=\"{y}\">{left_out} more messages were left out; \
             --format=text or json shows all</text>"
        );
    }
    svg + "</svg>\n"
}

fn middle(column: usize) -> usize {
    GUTTER + column * COLUMN + COLUMN / 2
}

fn y(row: usize) -> usize {
    HEAD + row * ROW + ROW / 2
}

fn lifeline(actor: &str, x: usize, bottom: usize) -> String {
    let (name, address) = actor.rsplit_once('@').unwrap_or((actor, ""));
    let left = x - HALF_BOX;
    format!(
        "<g><title>{full}</title><line class=\"life\" x1=\"{x}\" y1=\"100\" x2=\"{x}\" y2=\"{bottom}\"/>\
         <rect class=\"actor\" x=\"{left}\" y=\"60\" width=\"{wide}\" height=\"40\" rx=\"6\"/>\
         <text class=\"name\" x=\"{x}\" y=\"77\" text-anchor=\"middle\">{name}</text>\
         <text class=\"quiet\" x=\"{x}\" y=\"93\" text-anchor=\"middle\">{address}</text></g>\n",
        full = escape(actor),
        wide = 2 * HALF_BOX,
        name = escape(&shortened(name, 28)),
        address = escape(&shortened(address, 32)),
    )
}

/// A handler is busy until it has sent the last message that is known to follow from it.
fn bars(actors: &Actors<'_>, rows: &[Row<'_>]) -> Vec<String> {
    let mut last: HashMap<(&str, &str), usize> = HashMap::new();
    for (number, row) in rows.iter().enumerate() {
        if let Some(cause) = &row.hop.cause {
            last.insert((cause, &row.hop.from), number);
        }
    }
    let bar = |(number, row): (usize, &Row<'_>)| {
        let Hop { id, to, began, .. } = row.hop;
        (*began)?;
        let from = y(number);
        let until = last.get(&(&**id, &**to)).map_or(from + 16, |last| y(*last) + 4).max(from + 16);
        let (x, height) = (middle(actors.place(to)) - 5, until - from);
        Some(format!(
            "<rect class=\"busy\" x=\"{x}\" y=\"{from}\" width=\"10\" height=\"{height}\" rx=\"2\"/>\n"
        ))
    };
    rows.iter().enumerate().filter_map(bar).collect()
}

fn hop(row: &Row<'_>, y: usize, from: usize, to: usize, width: usize) -> String {
    let hop = row.hop;
    let class = match hop.fate() {
        Fate::Failed => "hop lost",
        Fate::Pending => "hop open",
        Fate::Fine if row.hop.repeats > 0 => "hop retry",
        Fate::Fine if hop.received.is_none() => "hop open",
        Fate::Fine => "hop",
    };
    let columns = from.abs_diff(to).max(1);
    let letters = LETTERS * columns + 6 * (columns - 1);
    let (arrow, label_x) = if from == to { loop_arrow(from, y) } else { arrow(from, to, y, hop.fate()) };
    let mut marks: Vec<String> =
        (row.hop.repeats > 0).then(|| format!("RETRY {}", row.hop.repeats)).into_iter().collect();
    marks.extend(hop.mark());
    let details = if marks.is_empty() {
        format!(
            "<tspan class=\"quiet\">{}</tspan>",
            escape(&shortened(&hop.stages().join(" · "), letters + 8))
        )
    } else {
        format!("<tspan class=\"mark\">{}</tspan>", escape(&shortened(&marks.join(" · "), letters)))
    };
    format!(
        "<g class=\"{class}\"><title>{title}</title>\
         <rect class=\"band\" x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{ROW}\"/>\
         <text class=\"quiet\" x=\"{time_x}\" y=\"{time_y}\" text-anchor=\"end\">+{offset}</text>{arrow}\
         <text class=\"label\" x=\"{label_x}\" y=\"{label_y}\" text-anchor=\"middle\">{label}</text>\
         <text class=\"label\" x=\"{label_x}\" y=\"{below}\" text-anchor=\"middle\">{details}</text></g>\n",
        title = escape(&hover(row)),
        top = y - ROW / 2,
        time_x = GUTTER - 12,
        time_y = y + 4,
        offset = span(row.offset),
        label_y = y - 6,
        below = y + 15,
        label = escape(&shortened(&hop.label(), letters)),
    )
}

/// From lifeline to lifeline; what got lost ends half-way.
fn arrow(from: usize, to: usize, y: usize, fate: Fate) -> (String, usize) {
    let (x1, x2) = (middle(from), middle(to));
    let center = usize::midpoint(x1, x2);
    let (start, end, back) = if x1 < x2 { (x1 + 5, x2 - 5, -9_i64) } else { (x1 - 5, x2 + 5, 9) };
    if fate == Fate::Failed {
        let stop = usize::midpoint(center, end);
        let line = format!("<path class=\"arrow\" d=\"M{start} {y}H{stop}\"/>");
        return (
            format!(
                "{line}<text class=\"mark\" x=\"{stop}\" y=\"{}\" text-anchor=\"middle\">✕</text>",
                y + 4
            ),
            center,
        );
    }
    let tip = end as i64 + back;
    let head = format!("<path class=\"tip\" d=\"M{end} {y}L{tip} {}V{}Z\"/>", y - 4, y + 4);
    (format!("<path class=\"arrow\" d=\"M{start} {y}H{tip}\"/>{head}"), center)
}

/// To the same lifeline.
fn loop_arrow(column: usize, y: usize) -> (String, usize) {
    let x = middle(column) + 5;
    let (right, top, low) = (x + 26, y - 8, y + 8);
    let line = format!("<path class=\"arrow\" d=\"M{x} {top}H{right}V{low}H{}\"/>", x + 8);
    let head = format!("<path class=\"tip\" d=\"M{x} {low}L{} {}V{}Z\"/>", x + 9, low - 4, low + 4);
    (format!("{line}{head}"), x + COLUMN / 2)
}

/// Everything that is known of a hop.
fn hover(row: &Row<'_>) -> String {
    let hop = row.hop;
    let tags =
        hop.tags.iter().flat_map(|(key, values)| values.iter().map(move |value| format!("{key}={value}")));
    let mut lines = vec![
        printable(&hop.message),
        printable(&format!("{} → {}", hop.from, hop.to)),
        format!("{} bytes, {}", hop.size, printable(&hop.outcome)),
    ];
    lines.push(hop.stages().join(", "));
    lines.push(printable(&tags.collect::<Vec<_>>().join(" ")));
    lines.push(printable(&format!("id {} cause {}", hop.id, hop.cause.as_deref().unwrap_or("none"))));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// For text and attributes of XML; line breaks are kept, other control characters are not allowed there.
pub fn escape(text: &str) -> String {
    let escaped = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' => "\n".to_owned(),
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => "?".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;
    use crate::commands::trace::fixture;

    #[test]
    fn a_tree_is_a_picture_of_its_own() {
        let svg = diagram("task web-1", &fixture::launch());

        assert!(!svg.replace("http://www.w3.org/2000/svg", "").contains("http://"), "nothing from elsewhere");
        expect_file!["snapshots/launch.svg"].assert_eq(&svg);
    }

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(escape("<script>&\"\u{1b}"), "&lt;script&gt;&amp;&quot;?");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let hop =
            |n: usize| Hop { id: format!("{n:04}"), from: "a".into(), to: "b".into(), ..Hop::default() };

        let svg = diagram("many", &Tree::new((0..1000).map(hop).collect()));

        assert!(svg.contains("600 more messages were left out"), "{}", &svg[svg.len() - 300..]);
    }
}
