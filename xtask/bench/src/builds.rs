//! The programs in which sides are measured: this one, and this one built in other ways.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::contest::{Benchmark, Contest};
use crate::machine;

pub struct Builds(BTreeMap<&'static [&'static str], PathBuf>);

impl Builds {
    /// Builds what the contests need. Each program is copied, because cargo puts the next build in the place of the last.
    pub fn make(benchmark: &Benchmark, contests: &[&Contest]) -> Result<Builds> {
        let program = std::env::current_exe().context("find this program")?;
        let mut builds = Builds(BTreeMap::from([(&[][..], copy(&program, "default")?)]));
        for side in contests.iter().flat_map(|contest| &contest.sides) {
            if !builds.0.contains_key(side.build) {
                build(benchmark, side.build)?;
                builds.0.insert(side.build, copy(&program, &side.build.concat())?);
            }
        }
        Ok(builds)
    }

    pub fn find(&self, build: &'static [&'static str]) -> &Path {
        &self.0[build]
    }
}

/// Under the name of the program and how it was built, beside it.
fn copy(program: &Path, suffix: &str) -> Result<PathBuf> {
    let mut name = program.file_name().context("this program has no name")?.to_owned();
    name.push(format!(".{}", suffix.trim_matches('-')));
    let copied = program.with_file_name(name);
    // Not written over: another run may be using the old one.
    if copied.exists() {
        std::fs::remove_file(&copied).with_context(|| format!("remove {}", copied.display()))?;
    }
    std::fs::copy(program, &copied).with_context(|| format!("copy {}", program.display()))?;
    Ok(copied)
}

fn build(benchmark: &Benchmark, arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let binary = format!("bench-{}", benchmark.name);
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--package", benchmark.package, "--bin", &binary]);
    command.args(arguments).current_dir(machine::root());
    eprintln!("building {binary} {}", arguments.join(" "));
    let status = command.status().context("run cargo")?;
    if !status.success() {
        bail!("build {binary} with {}: {status}", arguments.join(" "));
    }
    Ok(())
}
