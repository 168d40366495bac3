//! A tree of messages as one HTML page: the sequence diagram, and a table of every hop.

use std::fmt::Write;

use super::hop::{Fate, span};
use super::svg::{self, escape};
use super::tree::{Row, Tree};

/// Rows of the table; a browser takes them without trouble.
const MAX_ROWS: usize = 5_000;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;font:13px system-ui,-apple-system,'Segoe UI',sans-serif;background:#fff;color:#1b1f24}\
.picture{overflow:auto;max-height:75vh;border-bottom:1px solid #c3ccd6}\
table{border-collapse:collapse;margin:16px}th,td{text-align:left;padding:4px 12px 4px 0;vertical-align:top}\
th{position:sticky;top:0;background:#fff;font-weight:600;border-bottom:1px solid #c3ccd6}\
td{border-bottom:1px solid #e6eaef;font-variant-numeric:tabular-nums}tr:hover td{background:#eef4fb}\
.n{text-align:right;white-space:nowrap}.id{font-family:ui-monospace,monospace;color:#646c76}\
.lost td{color:#c62828}.retry td{color:#b36b00}p{margin:16px}\
@media (prefers-color-scheme:dark){body,th{background:#14171b;color:#e4e8ed}.id{color:#98a2ad}\
td{border-color:#2a3037}th,.picture{border-color:#444d57}tr:hover td{background:#1e2731}\
.lost td{color:#ff7b72}.retry td{color:#f0a94a}}";

/// The page needs nothing else.
pub fn page(title: &str, tree: &Tree) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <div class=\"picture\">{}</div>\n<table><thead><tr>",
        escape(title),
        svg::diagram(title, tree)
    );
    for heading in ["at", "message", "from", "to", "wire · mailbox · handler", "bytes", "outcome", "id"] {
        let _ = write!(page, "<th>{heading}</th>");
    }
    page += "</tr></thead><tbody>\n";
    let rows = tree.by_cause();
    for row in rows.iter().take(MAX_ROWS) {
        page += &line(row);
    }
    page += "</tbody></table>\n";
    if let Some(left_out) = rows.len().checked_sub(MAX_ROWS + 1) {
        let _ = writeln!(page, "<p>{} more messages were left out</p>", left_out + 1);
    }
    page + "</body></html>\n"
}

fn line(row: &Row<'_>) -> String {
    let hop = row.hop;
    let class = match hop.fate() {
        Fate::Failed => " class=\"lost\"",
        _ if row.hop.repeats > 0 => " class=\"retry\"",
        _ => "",
    };
    let outcome = match row.hop.repeats {
        0 => hop.outcome.clone(),
        repeats => format!("{}, retry {repeats}", hop.outcome),
    };
    format!(
        "<tr{class}><td class=\"n\">+{}</td><td style=\"padding-left:{}px\" title=\"{}\">{}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"id\">{}</td></tr>\n",
        span(row.offset),
        row.depth.min(24) * 14,
        escape(&hop.message),
        escape(&hop.label()),
        escape(&hop.from),
        escape(&hop.to),
        escape(&hop.stages().join(" · ")),
        hop.size,
        escape(&outcome),
        escape(&hop.id),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::trace::fixture;

    #[test]
    fn a_page_has_the_picture_and_every_hop_and_nothing_from_elsewhere() {
        let tree = fixture::launch();

        let page = page("task web-1 <b>", &tree);

        assert_eq!(page.matches("<tr").count(), 1 + tree.hops.len());
        assert!(page.contains("<svg") && page.contains("<title>task web-1 &lt;b&gt;</title>"), "{page}");
        for outside in ["<script", "<link", "<img", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
