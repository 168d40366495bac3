//! Links between documents lead to files, and to headings, that exist.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::tree;

/// Links of one document that lead nowhere. Links into the web are not followed.
pub fn broken_links(file: &str, content: &str) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for (number, link) in links(content) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (path, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { PathBuf::from(file) } else { beside(file, path) };
        let place = tree::root().join(&target);
        if !place.exists() {
            broken.push(format!("{file}:{number}: there is no {}", target.display()));
            continue;
        }
        if heading.is_empty() || target.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&place).with_context(|| format!("read {}", target.display()))?;
        if !headings(&text).any(|anchor| anchor == heading) {
            broken.push(format!("{file}:{number}: {} has no heading `#{heading}`", target.display()));
        }
    }
    Ok(broken)
}

/// Targets of `[text](target)` with their line numbers, code left out.
fn links(content: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in content.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between back quotes is code.
        for prose in line.split('`').step_by(2) {
            for (at, _) in prose.match_indices("](") {
                if let Some(target) = prose[at + 2..].split([')', ' ']).next() {
                    found.push((number + 1, target));
                }
            }
        }
    }
    found
}

/// The path as seen from the root, for a link that stands in `file`.
fn beside(file: &str, path: &str) -> PathBuf {
    let mut target = Path::new(file).parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::Normal(name) => target.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    target
}

/// The anchors that a document's headings get: lower case, spaces as hyphens, no other marks.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let content = "see [a](a.md) and `[b](b.md)`\n```\n[c](c.md)\n```\n[d](../d.md#x \"title\")\n";

        assert_eq!(links(content), [(1, "a.md"), (5, "../d.md#x")]);
    }

    #[test]
    fn a_path_is_read_from_where_the_link_stands() {
        assert_eq!(beside("docs/howto/a.md", "../b.md"), Path::new("docs/b.md"));
        assert_eq!(beside("README.md", "docs/b.md"), Path::new("docs/b.md"));
    }

    #[test]
    fn a_heading_becomes_an_anchor() {
        let anchors: Vec<String> = headings("# The tree\n## 2. One `step`, done!\n").collect();

        assert_eq!(anchors, ["the-tree", "2-one-step-done"]);
    }
}
