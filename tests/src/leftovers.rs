//! What a killed agent leaves behind: executors, tasks, control groups. A test leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Processes started for one cluster or engine: their environment or their command line names its directory, or they are in its
/// control groups.
fn processes(directory: &Path, cgroup: &str) -> Vec<Pid> {
    let directory = directory.as_os_str().as_encoded_bytes();
    let ours = |pid: i32| {
        let names_it = |file: &str| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.windows(directory.len()).any(|window| window == directory)
        };
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        names_it("environ") || names_it("cmdline") || groups.contains(cgroup)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id() as i32 && ours(*pid)).map(Pid::from_raw).collect()
}

fn groups(cgroup: &str) -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from("/sys/fs/cgroup")];
    roots.extend(fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path()));
    roots.into_iter().map(|root| root.join(cgroup)).filter(|group| group.is_dir()).collect()
}

/// Innermost first: a control group with children cannot be removed.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // A group that is still busy is tried again in the next round.
    let _ = fs::remove_dir(group);
}

/// Ends every process of the cluster under `directory` and removes its control groups.
pub fn clear(directory: &Path, cgroup: &str) {
    for _ in 0..40 {
        let left = processes(directory, cgroup);
        for pid in &left {
            // It may have ended by itself meanwhile.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        groups(cgroup).iter().for_each(|group| remove(group));
        if left.is_empty() && groups(cgroup).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Unmounts everything below `directory`, the innermost first.
pub fn unmount(directory: &Path) {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
    let ours: Vec<&Path> = points.filter(|point| point.starts_with(directory)).collect();
    for point in ours.into_iter().rev() {
        // What is busy goes when its last user does.
        let _ = nix::mount::umount2(point, nix::mount::MntFlags::MNT_DETACH);
    }
}
