//! The freezer cgroup of the linux launcher: knows every process of a container, and holds them still for the kill.

use std::{
    thread,
    time::{Duration, Instant},
};

use cgroups_rs::{FreezerState, fs::freezer::FreezerController};

use crate::containerizer::cgroup::Group;

/// The group that tracks processes; nothing leaves it by forking or starting sessions.
#[derive(Clone, Debug)]
pub(crate) struct Freezer {
    root: String,
}

impl Freezer {
    pub const CONTROLLER: &str = "freezer";

    pub fn new(root: &str) -> Freezer {
        Freezer { root: root.into() }
    }

    pub fn admit(&self, id: &str, pid: i32) -> Result<(), String> {
        let group = self.group(id);
        group.create()?;
        group.add(pid)
    }

    pub fn members(&self, id: &str) -> Vec<i32> {
        self.group(id).processes()
    }

    /// SIGKILL to every process but `spared`. Blocks for at most a second or so.
    pub fn kill(&self, id: &str, spared: Option<i32>) {
        let group = self.group(id);
        let freezer = group.cgroup().controller_of::<FreezerController>();
        if let Some(freezer) = freezer {
            freeze(freezer);
        }
        for pid in group.processes().into_iter().filter(|pid| Some(*pid) != spared) {
            // SAFETY: plain system call. Frozen, the process cannot have ended since it was listed; if freezing
            // failed, the group has just named it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        if let Some(freezer) = freezer {
            // Also when freezing failed half-way: a thawed group stays thawed.
            let _ = freezer.thaw();
        }
    }

    pub fn remove(&self, id: &str) -> Result<(), String> {
        self.group(id).remove()
    }

    /// Containers of anybody under this root.
    pub fn ids(&self) -> Vec<String> {
        let root = Group::of(&self.root, "", &[Self::CONTROLLER]);
        let Some(directory) = root.directory(cgroups_rs::fs::Controllers::Freezer) else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
        let directories = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    fn group(&self, id: &str) -> Group {
        Group::of(&self.root, id, &[Self::CONTROLLER])
    }
}

/// A process in uninterruptible sleep can put freezing off for long; the kill does not wait for it.
fn freeze(freezer: &FreezerController) {
    const PATIENCE: Duration = Duration::from_secs(1);
    let started = Instant::now();
    if freezer.freeze().is_err() {
        return;
    }
    while started.elapsed() < PATIENCE && !matches!(freezer.state(), Ok(FreezerState::Frozen)) {
        thread::sleep(Duration::from_millis(1));
    }
}
