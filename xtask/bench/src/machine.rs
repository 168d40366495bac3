//! What a table says about where and when it was made.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Where the workspace lies.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("this package lies below the root").to_owned()
}

/// Machine, load, commit and date, each on a line.
pub fn described() -> Result<String> {
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Ok(format!(
        "machine: {}\nload average: {}\ncommit: {}{}\ndate: {}",
        hardware()?,
        load()?,
        git(&["rev-parse", "--short=12", "HEAD"])?,
        if changed { ", with changes that are not committed" } else { "" },
        output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?,
    ))
}

/// Of the last one, five and fifteen minutes.
pub fn load() -> Result<String> {
    Ok(read("/proc/loadavg")?.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn hardware() -> Result<String> {
    let (processors, memory) = (read("/proc/cpuinfo")?, read("/proc/meminfo")?);
    let model = value(&processors, "model name").unwrap_or("unknown processor");
    let count = std::thread::available_parallelism().context("count the processors")?;
    let kib: u64 =
        value(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease")?;
    Ok(format!("{count} × {model}, {} GiB, Linux {}", kib >> 20, kernel.trim()))
}

/// The first `key : value`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {path}"))
}

fn git(arguments: &[&str]) -> Result<String> {
    output("git", arguments)
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed: {}", arguments.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
