//! A machine that cannot do what root expects of it: said at start, in one line.

use std::process::Command;

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use tepui_agent::containerizer::{LauncherKind, Native};

use crate::bed::{is_root, remove_cgroup_root, settings};

const NOTHING: Option<&str> = None;
/// Set in the process that sees no pids controller.
const WITHOUT_PIDS: &str = "TEPUI_TEST_WITHOUT_PIDS";

/// Tries to open a containerizer on a machine that was changed for this thread and those it starts.
fn refusal(change: impl FnOnce()) -> String {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).unwrap();
    change();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path(), LauncherKind::Linux);
    let root = settings.cgroups_root.clone();
    let opened = runtime.block_on(Native::open(settings));
    remove_cgroup_root(&root);
    opened.unwrap_err().to_string()
}

/// Which controllers there are is asked of the process, not of the thread: this needs a process of its own.
#[test]
fn a_missing_controller_is_named() {
    if !is_root() {
        return;
    }
    if std::env::var_os(WITHOUT_PIDS).is_none() {
        let again = "umount --lazy /sys/fs/cgroup/pids && exec \"$0\" preflight::a_missing_controller_is_named --exact";
        let status = Command::new("unshare")
            .args(["--mount", "sh", "-c", again])
            .arg(std::env::current_exe().unwrap())
            .env(WITHOUT_PIDS, "1")
            .status()
            .unwrap();
        return assert!(status.success());
    }

    let error = refusal(|| ());

    assert_eq!(
        error,
        "cgroups cannot be used: cgroup controllers not mounted: [\"pids\"]; use --launcher=posix to run without \
         isolation"
    );
}

#[test]
fn read_only_cgroups_are_named() {
    if !is_root() {
        return;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;

    let error = refusal(|| mount(NOTHING, "/sys/fs/cgroup/memory", NOTHING, flags, NOTHING).unwrap());

    assert!(error.starts_with("cgroups cannot be used: create cgroup tepui-containers-"), "{error}");
    assert!(error.contains("Read-only file system"), "{error}");
}

#[test]
fn forbidden_namespaces_are_named() {
    if !is_root() {
        return;
    }
    const CAP_SYS_ADMIN: i32 = 21;

    // SAFETY: numbers only; concerns this thread and what it starts.
    let error = refusal(|| assert_eq!(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_ADMIN) }, 0));

    assert_eq!(
        error,
        "namespaces cannot be used: create a pid namespace: EPERM: Operation not permitted; use --launcher=posix to \
         run without isolation"
    );
}
