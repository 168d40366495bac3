//! What a container is asked to be: plain values that the agent's actor fills from its messages.

use std::{collections::BTreeMap, path::PathBuf};

use super::LaunchError;

/// Everything needed to start one container.
#[derive(Clone, Debug)]
pub struct ContainerConfig {
    /// Names the container's cgroups and its runtime directory; one path component.
    pub id: String,
    pub command: Command,
    /// The complete environment: nothing of the agent's own is inherited.
    pub environment: BTreeMap<String, String>,
    /// Who runs the command; `None` is the agent's own user.
    pub user: Option<String>,
    /// An existing directory: working directory of the command, and where `stdout` and `stderr` go.
    pub sandbox: PathBuf,
    pub resources: ContainerResources,
    /// The command is one of ours that looks after processes elsewhere on this machine: no pid namespace hides them from it.
    pub sees_host: bool,
}

/// What a container runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Run by `/bin/sh -c`.
    Shell(String),
    /// `path` is looked up in the container's `PATH`, then in its sandbox, unless it contains a slash.
    /// `arguments` start with the program's own name; empty means just `path`.
    Argv { path: String, arguments: Vec<String> },
}

/// What a container asked for and what it may use at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerResources {
    /// Requested CPUs (1.0 is one logical CPU).
    pub cpus: f64,
    /// Requested memory in bytes.
    pub mem: u64,
    /// Disk in bytes; `None` when nothing was asked for.
    pub disk: Option<u64>,
    /// An explicit limit turns on CPU quota for this container.
    pub cpu_limit: Option<Limit<f64>>,
    /// Bytes; without it the request is the limit.
    pub mem_limit: Option<Limit<u64>>,
}

/// An explicit limit, which may be "none at all".
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<T> {
    At(T),
    Unlimited,
}

impl ContainerConfig {
    /// Says what no kernel call would say clearly.
    pub(crate) fn check(&self) -> Result<(), LaunchError> {
        check_id(&self.id)?;
        let (path, arguments) = match &self.command {
            Command::Shell(line) => (line, &[][..]),
            Command::Argv { path, arguments } => (path, &arguments[..]),
        };
        if path.is_empty() {
            return Err(LaunchError::Config("the command is empty: set `value`".into()));
        }
        if path.contains('\0') || arguments.iter().any(|argument| argument.contains('\0')) {
            return Err(LaunchError::Config("the command contains a NUL byte".into()));
        }
        for (name, value) in &self.environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let name = name.escape_debug();
                return Err(LaunchError::Config(format!(
                    "environment variable `{name}` cannot be passed: names hold no `=`, and neither holds NUL"
                )));
            }
        }
        if !self.sandbox.is_dir() {
            let sandbox = self.sandbox.display();
            return Err(LaunchError::Config(format!("the sandbox {sandbox} is not a directory")));
        }
        Ok(())
    }
}

impl Command {
    /// The file to execute and its arguments, the first being the program's own name.
    pub(crate) fn resolve(&self) -> (String, Vec<String>) {
        match self {
            Command::Shell(line) => ("/bin/sh".into(), vec!["sh".into(), "-c".into(), line.clone()]),
            Command::Argv { path, arguments } if arguments.is_empty() => (path.clone(), vec![path.clone()]),
            Command::Argv { path, arguments } => (path.clone(), arguments.clone()),
        }
    }
}

fn check_id(id: &str) -> Result<(), LaunchError> {
    // NAME_MAX of every file system in use; cgroup directories obey it too.
    const NAME_MAX: usize = 255;
    let is_component = !id.is_empty() && id != "." && id != ".." && !id.contains(['/', '\0', '\n']);
    if is_component && id.len() <= NAME_MAX {
        return Ok(());
    }
    Err(LaunchError::Config(format!("container id `{}` is not usable as a file name", id.escape_debug())))
}
