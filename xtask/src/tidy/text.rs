//! What the lines of a tracked file may not say, and how a source file begins.

/// This file names what it forbids.
const THIS: &str = "xtask/src/tidy/text.rs";

/// Folders of one person's machine. What tests need is in the tree.
const FOREIGN_PATHS: [&str; 5] = ["/root/", "/work/", "/Users/", "../shared/", ".cache/tepui"];

/// Where locked dependencies may come from: what every clone can reach.
const REGISTRIES: [&str; 3] =
    ["https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/", "https://pypi.org/"];

/// Marks of unfinished work; allowed with the issue that will finish it.
const UNFINISHED: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Whether the rules apply: to sources, scripts, tables and documents, not to recordings of others.
pub fn is_read(file: &str) -> bool {
    file != THIS && !file.contains("/recordings/") && file != "LICENSE"
}

pub fn broken(file: &str, content: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let said = content.starts_with("//!") || content.starts_with("#![doc = include_str!");
    if file.ends_with(".rs") && !said {
        broken.push(format!("{file}: starts with `//!`: what it is, and why it is apart"));
    }
    let locked = is_lock(file);
    for (number, line) in content.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        if let Some(path) = FOREIGN_PATHS.iter().find(|path| holds_path(line, path)) {
            broken.push(format!("{place}: `{path}` is a folder of one machine; copy what is needed"));
        }
        if let Some(mark) = UNFINISHED.iter().find(|mark| is_unfinished(line, mark)) {
            broken.push(format!("{place}: {mark} needs its issue, as in `{mark}(#12)`"));
        }
        if locked && line.contains("https://") && !is_public(line) {
            broken.push(format!("{place}: locks a source that others cannot reach"));
        }
    }
    broken
}

fn is_lock(file: &str) -> bool {
    file == "Cargo.lock" || file.ends_with("package-lock.json")
}

/// A lock file's own words, like where money may be sent, are not sources.
fn is_public(line: &str) -> bool {
    let names_source = line.contains("source = ") || line.contains("\"resolved\"");
    !names_source || REGISTRIES.iter().any(|registry| line.contains(registry))
}

/// Whether the path begins there: `/network/` holds no `/work/`, and neither does `https://host/work/`.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "/._-}*$:".contains(before))
    })
}

fn is_unfinished(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let before = line[..at].chars().next_back().is_some_and(word);
        let after = &line[at + mark.len()..];
        !before && !after.starts_with(word) && !after.starts_with("(#")
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_broken_line_is_named() {
        let content =
            "use x;\n// TODO later\n// TODO(#7) later\nlet a = \"/work/x\";\nlet b = \"net/work/\";\n";

        let broken = broken("a/src/lib.rs", content).join("\n") + "\n";

        expect![[r#"
            a/src/lib.rs: starts with `//!`: what it is, and why it is apart
            a/src/lib.rs:2: TODO needs its issue, as in `TODO(#12)`
            a/src/lib.rs:4: `/work/` is a folder of one machine; copy what is needed
        "#]]
        .assert_eq(&broken);
    }

    #[test]
    fn a_lock_names_public_registries_only() {
        let content = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                       source = \"registry+https://mirror.example/index\"\n";

        let broken = broken("Cargo.lock", content);

        assert_eq!(broken, ["Cargo.lock:2: locks a source that others cannot reach"]);
    }
}
