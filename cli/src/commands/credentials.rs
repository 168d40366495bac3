//! The files that `--credentials`, `--http_credentials` and `--credential` name.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tepui_model::basic::Door;
use tepui_model::{Credential, Credentials};

use crate::flags::Parsed;

/// `--credentials` or `--http_credentials`: who can show to be whom.
pub fn of_all(flags: &Parsed, flag: &str) -> Result<Option<Credentials>> {
    let Some(path) = flags.path(flag) else { return Ok(None) };
    let text = read(flag, &path)?;
    let credentials = Credentials::parse(&text).with_context(|| format!("--{flag}: {}", path.display()))?;
    if credentials.is_empty() {
        bail!(
            "--{flag}: {} names nobody: no one could authenticate; write a principal and its secret",
            path.display()
        );
    }
    Ok(Some(credentials))
}

/// The realms whose flag is set, closed to all who are not in the file of the other flag.
pub fn door(flags: &Parsed, realms: &[(&str, &'static str)], file: &str) -> Result<Door> {
    let closed: Vec<_> = realms.iter().filter(|(flag, _)| flags.switch(flag)).collect();
    let credentials = of_all(flags, file)?;
    match (closed.first(), credentials) {
        (Some((flag, _)), None) => {
            bail!(
                "--{flag} without --{file}: nobody could authenticate; name the file of principals and secrets"
            )
        }
        (_, credentials) => {
            let realms = closed.into_iter().map(|(_, realm)| *realm);
            Ok(Door::closing(realms, credentials.unwrap_or_default()))
        }
    }
}

/// `--credential`: who the agent is.
pub fn of_one(flags: &Parsed) -> Result<Option<Credential>> {
    flags.path("credential").as_deref().map(at).transpose()
}

/// The principal and the secret of a file.
pub fn at(path: &Path) -> Result<Credential> {
    let text = read("credential", path)?;
    Credential::parse(&text).with_context(|| format!("--credential: {}", path.display()))
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
