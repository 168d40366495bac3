//! Starts the test runner and counts what it ran: cargo-nextest where it is installed, else `cargo test`.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::leftovers::Scratch;
use crate::{command, tree};

/// Where nextest is told to leave its report; see `.config/nextest.toml`.
const REPORT: &str = "target/nextest/default/tests.xml";

/// `cargo test` knows no time limit for one test, so all of them have one together: what is left of CI's
/// 25 minutes after the build.
const LIMIT: &str = "15m";

/// What ran, and whether all of it ran and passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
    pub complete: bool,
}

impl Count {
    fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            complete: self.complete && other.complete,
        }
    }
}

/// `tested` names the packages.
pub fn run(scratch: &Scratch, tested: &[&str]) -> Result<Count> {
    if !command::succeeds("cargo-nextest", &["nextest", "--version"]) {
        eprintln!("xtask: cargo-nextest is not installed; using `cargo test`, which is slower");
        return libtest(scratch, &[&["test", "--no-fail-fast"], tested].concat());
    }
    let tests = nextest(scratch, tested)?;
    // Nextest does not run the examples in documentation.
    let examples = libtest(scratch, &[&["test", "--doc", "--no-fail-fast"], tested].concat())?;
    Ok(tests.and(examples))
}

fn nextest(scratch: &Scratch, tested: &[&str]) -> Result<Count> {
    let report = tree::root().join(REPORT);
    // An old report must not be counted if the runner dies before it writes its own.
    if report.exists() {
        std::fs::remove_file(&report).with_context(|| format!("remove {}", report.display()))?;
    }
    let mut runner = command::cargo(&[&["nextest", "run", "--no-fail-fast"], tested].concat());
    scratch.give(&mut runner);
    command::announce(&runner);
    let status = runner.status().context("run cargo nextest")?;
    let text = std::fs::read_to_string(&report).with_context(|| format!("read {}", report.display()))?;
    let (tests, failed) =
        totals(&text).with_context(|| format!("find the totals in {}", report.display()))?;
    Ok(Count { passed: tests.saturating_sub(failed), failed, complete: status.success() })
}

/// The number of tests, and of those that failed, from the root element of a JUnit report.
fn totals(report: &str) -> Option<(u64, u64)> {
    let start = report.find("<testsuites ")?;
    let root = &report[start..start + report[start..].find('>')?];
    let number = |name: &str| -> Option<u64> {
        let from = root.find(&format!(" {name}=\""))? + name.len() + 3;
        root[from..].split('"').next()?.parse().ok()
    };
    Some((number("tests")?, number("failures")? + number("errors")?))
}

fn libtest(scratch: &Scratch, arguments: &[&str]) -> Result<Count> {
    let limit = ["timeout", "--kill-after=10s", LIMIT];
    let limit = if command::succeeds("timeout", &["--version"]) { &limit[..] } else { &[] };
    let mut runner = command::cargo_under(limit, arguments);
    scratch.give(&mut runner);
    command::announce(&runner);
    let mut child = runner.stdout(Stdio::piped()).spawn().context("run cargo test")?;
    let printed = child.stdout.take().expect("its output was asked for");
    let mut count = Count { passed: 0, failed: 0, complete: true };
    for line in BufReader::new(printed).lines() {
        let line = line.context("read what cargo test prints")?;
        writeln!(std::io::stdout(), "{line}").context("print what cargo test prints")?;
        if let Some((passed, failed)) = summary(&line) {
            count.passed += passed;
            count.failed += failed;
        }
    }
    count.complete = child.wait().context("wait for cargo test")?.success();
    Ok(count)
}

/// Passed and failed, from the line with which a test binary ends.
fn summary(line: &str) -> Option<(u64, u64)> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let mut parts = counts.split("; ").map(str::trim);
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some((passed, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_test_binary_is_counted() {
        let line = "test result: FAILED. 11 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; \
                    finished in 0.01s";

        assert_eq!(summary(line), Some((11, 2)));
        assert_eq!(summary("running 13 tests"), None);
    }

    #[test]
    fn a_report_is_counted_by_its_root() {
        let report = r#"<?xml version="1.0"?>
            <testsuites name="nextest-run" tests="5" failures="1" errors="1" uuid="x">
            <testsuite name="a" tests="2" failures="0">"#;

        assert_eq!(totals(report), Some((5, 2)));
        assert_eq!(totals("<testsuites>"), None);
    }
}
