//! The file that `--credentials` names.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result};
use tepui_model::Credentials;

use crate::flags::Parsed;

/// `--credentials`: who can show to be whom.
pub fn of_all(flags: &Parsed) -> Result<Option<Credentials>> {
    let Some(path) = flags.path("credentials") else { return Ok(None) };
    let text = read("credentials", &path)?;
    Credentials::parse(&text).map(Some).with_context(|| format!("--credentials: {}", path.display()))
}

fn read(flag: &str, path: &Path) -> Result<String> {
    let what = || format!("--{flag}: read {}", path.display());
    let mode = std::fs::metadata(path).with_context(what)?.permissions().mode();
    if mode & 0o007 != 0 {
        let path = path.display();
        tracing::warn!(
            "--{flag}: everybody on this machine can use {path}; make it its owner's alone (chmod 600)"
        );
    }
    std::fs::read_to_string(path).with_context(what)
}
