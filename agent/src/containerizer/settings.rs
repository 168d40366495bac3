//! How containers are run on this machine, from the agent's flags.

use std::{path::PathBuf, str::FromStr, time::Duration};

use super::Program;

/// Processes and threads of one container, if nothing else is said: an eighth of the 32,768 that a small machine has for
/// everybody, so that a fork bomb leaves the agent and the other containers theirs, and far more than servers with a
/// thread per connection take. Beyond it fork(2) fails inside the container. What needs more runs without `cgroups/pids`.
pub const PIDS_PER_CONTAINER: u64 = 4096;

/// Settings of the native containerizer; names follow the agent's flags.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Holds pids and exit statuses of containers; belongs to one agent.
    pub runtime_dir: PathBuf,
    pub launcher: LauncherKind,
    pub isolation: Isolation,
    /// Parent of all containers' cgroups, relative to each hierarchy.
    pub cgroups_root: String,
    /// Limit CPU to the request even where no explicit limit is given.
    pub cgroups_enable_cfs: bool,
    /// Limit memory and swap together.
    pub cgroups_limit_swap: bool,
    /// How long a destroy may take before it is reported as failed.
    pub cgroups_destroy_timeout: Duration,
    /// Most processes and threads of one container; `None` is unlimited.
    pub pids_limit: Option<u64>,
    /// How often a sandbox is measured.
    pub container_disk_watch_interval: Duration,
    /// Destroy a container whose sandbox outgrows its disk.
    pub enforce_container_disk_quota: bool,
    /// Where the launch helper comes from.
    pub program: Program,
}

impl Settings {
    /// Mesos' defaults, isolation as strong as the agent's user allows.
    pub fn new(runtime_dir: PathBuf) -> Settings {
        let launcher = LauncherKind::detect();
        Settings {
            runtime_dir,
            launcher,
            isolation: Isolation::strongest(launcher),
            cgroups_root: "mesos".into(),
            cgroups_enable_cfs: false,
            cgroups_limit_swap: false,
            cgroups_destroy_timeout: Duration::from_secs(60),
            pids_limit: Some(PIDS_PER_CONTAINER),
            container_disk_watch_interval: Duration::from_secs(15),
            enforce_container_disk_quota: false,
            program: Program::ThisBinary,
        }
    }
}

/// How processes are started, found and killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LauncherKind {
    /// Sessions and process trees; needs no privilege and isolates nothing.
    Posix,
    /// A freezer cgroup per container, and namespaces; needs root.
    Linux,
}

impl LauncherKind {
    /// `Linux` for root, otherwise `Posix`.
    pub fn detect() -> LauncherKind {
        if nix::unistd::geteuid().is_root() { LauncherKind::Linux } else { LauncherKind::Posix }
    }
}

impl FromStr for LauncherKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "posix" => Ok(LauncherKind::Posix),
            "linux" => Ok(LauncherKind::Linux),
            other => Err(format!("unknown launcher `{other}`: use `linux` or `posix`")),
        }
    }
}

/// Which isolators run; parsed from Mesos' `--isolation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    pub cgroups_cpu: bool,
    pub cgroups_mem: bool,
    pub cgroups_pids: bool,
    pub namespaces_pid: bool,
    pub filesystem_linux: bool,
    pub posix_cpu: bool,
    pub posix_mem: bool,
    pub disk_du: bool,
}

/// A name in `--isolation` that is no isolator of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown isolator `{0}`: known are cgroups/all, cgroups/cpu, cgroups/mem, cgroups/pids, namespaces/pid, \
     filesystem/linux, filesystem/posix, posix/cpu, posix/mem, disk/du"
)]
pub struct UnknownIsolator(pub String);

impl Isolation {
    /// Everything the launcher can carry.
    pub fn strongest(launcher: LauncherKind) -> Isolation {
        let text = match launcher {
            LauncherKind::Linux => "cgroups/all,namespaces/pid,filesystem/linux,disk/du",
            LauncherKind::Posix => "posix/cpu,posix/mem,disk/du",
        };
        text.parse().expect("these names are known")
    }

    /// Names of what only the linux launcher can do.
    pub(crate) fn needs_linux_launcher(&self) -> Vec<&'static str> {
        let named = [
            (self.cgroups_cpu, "cgroups/cpu"),
            (self.cgroups_mem, "cgroups/mem"),
            (self.cgroups_pids, "cgroups/pids"),
            (self.namespaces_pid, "namespaces/pid"),
            (self.filesystem_linux, "filesystem/linux"),
        ];
        named.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect()
    }
}

impl FromStr for Isolation {
    type Err = UnknownIsolator;

    /// Mesos' list, with its deprecated aliases.
    fn from_str(text: &str) -> Result<Self, UnknownIsolator> {
        let mut isolation = Isolation::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            isolation.add(name)?;
        }
        Ok(isolation)
    }
}

impl Isolation {
    fn add(&mut self, name: &str) -> Result<(), UnknownIsolator> {
        match name {
            "cgroups/all" => {
                (self.cgroups_cpu, self.cgroups_mem, self.cgroups_pids) = (true, true, true);
            }
            "cgroups" => (self.cgroups_cpu, self.cgroups_mem) = (true, true),
            "cgroups/cpu" => self.cgroups_cpu = true,
            "cgroups/mem" => self.cgroups_mem = true,
            "cgroups/pids" => self.cgroups_pids = true,
            "namespaces/pid" => self.namespaces_pid = true,
            "filesystem/linux" => self.filesystem_linux = true,
            // The sandbox as it is: what happens without filesystem/linux.
            "filesystem/posix" => {}
            "process" => (self.posix_cpu, self.posix_mem) = (true, true),
            "posix/cpu" => self.posix_cpu = true,
            "posix/mem" => self.posix_mem = true,
            "posix/disk" | "disk/du" => self.disk_du = true,
            other => return Err(UnknownIsolator(other.into())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_mean_what_they_meant() {
        assert_eq!("process".parse::<Isolation>(), "posix/cpu,posix/mem".parse());
        assert_eq!("cgroups".parse::<Isolation>(), "cgroups/cpu, cgroups/mem".parse());
        assert_eq!("posix/disk".parse::<Isolation>(), "disk/du".parse());
    }

    #[test]
    fn an_unknown_isolator_is_named() {
        assert_eq!("cgroups/cpu,gpu/amd".parse::<Isolation>(), Err(UnknownIsolator("gpu/amd".into())));
    }
}
