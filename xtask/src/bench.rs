//! Builds and runs a benchmark: a program named `bench-NAME`, in any package of the workspace. What it measures, prints and compares
//! is its own; see the package `tepui-bench`.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, tree};

/// How the programs of benchmarks are named.
const PREFIX: &str = "bench-";

/// A benchmark of the workspace.
#[derive(Debug, PartialEq, Eq)]
struct Benchmark {
    name: String,
    package: String,
    /// It starts clusters of real daemons, as the tests do.
    of_daemons: bool,
}

pub fn run(arguments: &[&str]) -> Result<()> {
    let benchmarks = benchmarks(&tree::packages()?);
    match arguments.first() {
        // All of them, so that one command says whether anything became worse.
        Some(&"--check") => run_all(&benchmarks, arguments),
        name => run_one(find(&benchmarks, name.copied())?, &arguments[1..]),
    }
}

/// One after the other, also when one fails.
fn run_all(benchmarks: &[Benchmark], arguments: &[&str]) -> Result<()> {
    let mut failed = Vec::new();
    for benchmark in benchmarks {
        println!("\n## {}\n", benchmark.name);
        if let Err(error) = run_one(benchmark, arguments) {
            failed.push(format!("{}: {error:#}", benchmark.name));
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} benchmarks failed:\n  {}", failed.len(), benchmarks.len(), failed.join("\n  "));
    }
    Ok(())
}

fn run_one(benchmark: &Benchmark, arguments: &[&str]) -> Result<()> {
    let binary = format!("{PREFIX}{}", benchmark.name);
    let build = ["build", "--release", "--package", &benchmark.package, "--bin", &binary];
    let daemons: &[&str] = if benchmark.of_daemons { &["--package", "tepui", "--bin", "tepui"] } else { &[] };
    command::run(command::cargo(&[&build[..], daemons].concat()))?;
    let mut program = Command::new(tree::built("release")?.join(&binary));
    program.args(arguments);
    command::run(program)
}

/// Packages that only measure. They bring the peers that they measure against, so whoever does not measure leaves them out.
pub fn packages(all: &[tree::Package]) -> Vec<String> {
    benchmarks(all).into_iter().map(|benchmark| benchmark.package).collect()
}

fn benchmarks(packages: &[tree::Package]) -> Vec<Benchmark> {
    let of = |package: &tree::Package| {
        let names = package.binaries.iter().filter_map(|binary| binary.strip_prefix(PREFIX));
        let of_daemons = package.dependencies.iter().any(|dependency| dependency.name == "tepui-tests");
        let package = &package.name;
        names
            .map(|name| Benchmark { name: name.to_owned(), package: package.clone(), of_daemons })
            .collect::<Vec<_>>()
    };
    packages.iter().flat_map(of).collect()
}

fn find<'a>(benchmarks: &'a [Benchmark], name: Option<&str>) -> Result<&'a Benchmark> {
    let known: Vec<&str> = benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect();
    let known = known.join(", ");
    let name = name
        .with_context(|| format!("`cargo xtask bench` needs the name of a benchmark; there are: {known}"))?;
    let Some(found) = benchmarks.iter().find(|benchmark| benchmark.name == name) else {
        bail!("there is no benchmark `{name}`; there are: {known}");
    };
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Benchmark> {
        let package = |name: &str, binaries: &[&str]| tree::Package {
            name: name.to_owned(),
            folder: name.to_owned(),
            dependencies: Vec::new(),
            binaries: binaries.iter().map(|binary| (*binary).to_owned()).collect(),
        };
        benchmarks(&[
            package("tepui", &["tepui"]),
            package("b", &["bench-fire"]),
            package("c", &["bench-water"]),
        ])
    }

    #[test]
    fn a_benchmark_is_found_by_the_name_of_its_program() {
        let found = Benchmark { name: "water".into(), package: "c".into(), of_daemons: false };

        assert_eq!(find(&some(), Some("water")).unwrap(), &found);
    }

    #[test]
    fn those_that_exist_are_named_when_another_is_asked_for() {
        let unknown = find(&some(), Some("earth")).unwrap_err().to_string();
        let none = find(&some(), None).unwrap_err().to_string();

        assert_eq!(unknown, "there is no benchmark `earth`; there are: fire, water");
        assert_eq!(none, "`cargo xtask bench` needs the name of a benchmark; there are: fire, water");
    }

    #[test]
    fn libactor_has_one_and_that_of_docker_brings_daemons() {
        let benchmarks = benchmarks(&tree::packages().expect("the tree can be read"));
        let brings = |name: &str| benchmarks.iter().find(|it| it.name == name).map(|it| it.of_daemons);

        assert_eq!((brings("libactor"), brings("docker")), (Some(false), Some(true)));
    }
}
