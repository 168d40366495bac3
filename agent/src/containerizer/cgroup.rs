//! One container's groups in the cgroup v1 hierarchies, by way of cgroups-rs.

use std::{error::Error, fs, path::PathBuf};

use cgroups_rs::{
    CgroupPid,
    fs::{Cgroup, Controllers, hierarchies},
};

/// The groups of one container in some hierarchies.
#[derive(Debug)]
pub(crate) struct Group {
    cgroup: Cgroup,
    name: String,
}

impl Group {
    /// A handle; nothing is created. Hierarchies that are not mounted are left out: the check at start has seen to
    /// it that those we need are there.
    pub fn of(root: &str, id: &str, controllers: &[&str]) -> Group {
        let name = if id.is_empty() { root.to_string() } else { format!("{root}/{id}") };
        let controllers = controllers.iter().map(|name| name.to_string()).collect();
        let cgroup = Cgroup::load_with_specified_controllers(hierarchies::auto(), &name, controllers);
        Group { cgroup, name }
    }

    pub fn create(&self) -> Result<(), String> {
        self.cgroup.create().map_err(|error| self.failed("create", &error))
    }

    pub fn add(&self, pid: i32) -> Result<(), String> {
        let pid = CgroupPid::from(u64::from(pid.cast_unsigned()));
        self.cgroup.add_task_by_tgid(pid).map_err(|error| self.failed("enter", &error))
    }

    /// Removes the groups, which must hold no process; those that do not exist are fine.
    pub fn remove(&self) -> Result<(), String> {
        self.cgroup.delete().map_err(|error| self.failed("remove", &error))
    }

    pub fn exists(&self) -> bool {
        self.cgroup.exists()
    }

    pub fn processes(&self) -> Vec<i32> {
        self.cgroup.procs().into_iter().filter_map(|pid| i32::try_from(pid.pid).ok()).collect()
    }

    pub fn threads(&self) -> usize {
        self.cgroup.tasks().len()
    }

    pub fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// The directory of one hierarchy.
    pub fn directory(&self, controller: Controllers) -> Option<PathBuf> {
        let named =
            |subsystem: &&cgroups_rs::fs::Subsystem| subsystem.controller_name() == controller.to_string();
        let subsystem = self.cgroup.subsystems().iter().find(named)?;
        Some(subsystem.to_controller().path().to_path_buf())
    }

    /// The text of one file; empty when it cannot be read.
    pub fn read(&self, controller: Controllers, file: &str) -> String {
        let directory = self.directory(controller);
        directory.and_then(|directory| fs::read_to_string(directory.join(file)).ok()).unwrap_or_default()
    }

    /// A file that holds one number.
    pub fn number(&self, controller: Controllers, file: &str) -> Option<u64> {
        self.read(controller, file).trim().parse().ok()
    }

    /// Says what was tried on which group, with the whole chain of causes.
    pub fn failed(&self, verb: &str, error: &dyn Error) -> String {
        let mut text = format!("{verb} cgroup {}: {error}", self.name);
        let mut cause = error.source();
        while let Some(next) = cause {
            text.push_str(&format!(": {next}"));
            cause = next.source();
        }
        text
    }
}

/// One field of a file of `name value` lines, such as `memory.stat`.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

/// Why this machine's cgroups cannot carry the linux launcher, if so.
pub(crate) fn check(root: &str, controllers: &[&str]) -> Result<(), String> {
    let hierarchy = hierarchies::auto();
    if hierarchy.v2() {
        return Err("only cgroup v2 is mounted, and the isolators need cgroup v1 hierarchies".into());
    }
    let mounted: Vec<_> =
        hierarchy.subsystems().iter().map(|subsystem| subsystem.controller_name()).collect();
    let missing: Vec<_> = controllers.iter().filter(|name| !mounted.iter().any(|it| it == *name)).collect();
    if !missing.is_empty() {
        return Err(format!("cgroup controllers not mounted: {missing:?}"));
    }
    Group::of(root, "", controllers).create()
}
