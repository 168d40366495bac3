//! The tree as git and cargo see it: its files, its packages and what each package depends on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// Where the workspace lies.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies below the root").to_owned()
}

/// Every file that is tracked or about to be: what `.gitignore` names is left out. Paths start at the root.
pub fn files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let listed = command::output(git)?;
    let files: BTreeSet<&str> = listed.split_terminator('\0').collect();
    // A file that was deleted but not yet committed is still listed.
    Ok(files.into_iter().filter(|file| root().join(file).is_file()).map(str::to_owned).collect())
}

/// A package of the workspace.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
    /// Names of its binaries.
    pub binaries: Vec<String>,
}

/// One line under `[dependencies]`, `[build-dependencies]` or `[dev-dependencies]`.
#[derive(Debug)]
pub struct Dependency {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Build,
    Dev,
}

/// The packages of the workspace, as `cargo metadata` tells them.
pub fn packages() -> Result<Vec<Package>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
    Ok(packages.iter().map(package).collect())
}

/// Where a debug build puts its binaries.
pub fn binaries() -> Result<PathBuf> {
    built("debug")
}

/// Where a build of that profile puts its binaries.
pub fn built(profile: &str) -> Result<PathBuf> {
    let metadata = metadata()?;
    let target =
        metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?;
    Ok(Path::new(target).join(profile))
}

fn metadata() -> Result<Value> {
    let text = command::output(command::cargo(&["metadata", "--no-deps", "--format-version=1"]))?;
    serde_json::from_str(&text).context("read the answer of `cargo metadata`")
}

fn package(value: &Value) -> Package {
    let manifest = Path::new(value["manifest_path"].as_str().unwrap_or_default());
    let folder = manifest.parent().unwrap_or(manifest);
    let folder = folder.strip_prefix(root()).unwrap_or(folder);
    Package {
        name: text(&value["name"]),
        folder: folder.display().to_string(),
        dependencies: list(&value["dependencies"]).iter().map(dependency).collect(),
        binaries: list(&value["targets"])
            .iter()
            .filter(|target| list(&target["kind"]).iter().any(|kind| kind == "bin"))
            .map(|target| text(&target["name"]))
            .collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    let kind = match value["kind"].as_str() {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    };
    Dependency { name: text(&value["name"]), kind }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
