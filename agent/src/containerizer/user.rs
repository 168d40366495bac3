//! Names of users turned into the numbers a container runs as.

use std::ffi::CString;

use nix::unistd::{User, geteuid, getgrouplist};
use serde::{Deserialize, Serialize};

/// A user as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups, the primary one included.
    pub groups: Vec<u32>,
}

/// Why a container cannot run as the user it names.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("user `{0}` does not exist on this machine")]
    Unknown(String),
    #[error(
        "cannot switch to user `{user}`: the agent runs as uid {euid}; run it as root, or start it with --no-switch_user"
    )]
    NotRoot { user: String, euid: u32 },
    #[error("look up user `{user}`")]
    Lookup {
        user: String,
        #[source]
        cause: nix::Error,
    },
}

/// The identity to switch to, `None` when the agent already is that user. Asks the system's databases, which may
/// block.
pub(crate) fn resolve(name: &str) -> Result<Option<Identity>, UserError> {
    let lookup = |cause| UserError::Lookup { user: name.into(), cause };
    let user = User::from_name(name).map_err(lookup)?.ok_or_else(|| UserError::Unknown(name.into()))?;
    if user.uid == geteuid() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        return Err(UserError::NotRoot { user: name.into(), euid: geteuid().as_raw() });
    }

    let name = CString::new(name).map_err(|_| UserError::Unknown(name.into()))?;
    let groups = getgrouplist(&name, user.gid).map_err(lookup)?;
    let groups = groups.into_iter().map(|group| group.as_raw()).collect();
    Ok(Some(Identity { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_named() {
        let error = resolve("nobody-of-that-name").unwrap_err();

        assert_eq!(error.to_string(), "user `nobody-of-that-name` does not exist on this machine");
    }

    #[test]
    fn the_agents_own_user_needs_no_switch() {
        let own = User::from_uid(geteuid()).unwrap().unwrap();

        assert!(resolve(&own.name).unwrap().is_none());
    }
}
