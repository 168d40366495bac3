//! Process trees as `/proc` tells them.

use std::collections::BTreeMap;

use procfs::process::{Stat, all_processes};

/// A process at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub stat: Stat,
}

impl Member {
    /// SIGKILL, unless the number has meanwhile passed to another process.
    pub fn kill(&self) {
        self.send(libc::SIGKILL);
    }

    /// SIGSTOP, so that it starts no more children.
    pub fn stop(&self) {
        self.send(libc::SIGSTOP);
    }

    fn send(&self, signal: i32) {
        let is_same = procfs::process::Process::new(self.stat.pid)
            .and_then(|process| process.stat())
            .is_ok_and(|now| now.starttime == self.stat.starttime);
        if is_same {
            // SAFETY: plain system call.
            unsafe { libc::kill(self.stat.pid, signal) };
        }
    }
}

/// Everything below `root` that has not ended, `root` itself excluded.
pub(crate) fn descendants(root: i32) -> Vec<Member> {
    let mut children: BTreeMap<i32, Vec<Stat>> = BTreeMap::new();
    let Ok(processes) = all_processes() else { return Vec::new() };
    for stat in processes.flatten().filter_map(|process| process.stat().ok()) {
        children.entry(stat.ppid).or_default().push(stat);
    }

    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for stat in children.remove(&parent).unwrap_or_default() {
            parents.push(stat.pid);
            if stat.state != 'Z' {
                found.push(Member { stat });
            }
        }
    }
    found
}

/// Kills everything below `root`. Each is stopped first, until a walk finds nobody new: a tree that keeps forking
/// would otherwise outrun the killing.
pub(crate) fn kill_below(root: i32) {
    // A walk can miss only what was forked during it, by a process not yet stopped: each round stops a generation.
    const ROUNDS: usize = 16;
    let mut known = 0;
    for _ in 0..ROUNDS {
        let members = descendants(root);
        if members.len() == known {
            break;
        }
        known = members.len();
        members.iter().for_each(Member::stop);
    }
    descendants(root).iter().for_each(Member::kill);
}
