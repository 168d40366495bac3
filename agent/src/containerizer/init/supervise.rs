//! The helper of a container: starts the command, waits for it, and leaves its wait status behind.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use nix::{
    fcntl::OFlag,
    unistd::{ForkResult, chdir, fork, pipe2, setsid},
};

use super::{command, control::Control, namespaces, reap, spec::LaunchSpec};
use crate::containerizer::launcher::tree;

/// Ends when everything in the container has ended.
pub(super) fn run(spec: &LaunchSpec, status_path: &Path, control: Control) -> ! {
    reap::block_signals();
    adopt_orphans();
    // All paths of the spec are absolute; the agent's directory is not ours to keep busy.
    let _ = chdir("/");
    if let Some(output) = &spec.output {
        or_fail(command::redirect(output, spec.identity.as_ref()), &control);
    }

    let status =
        if spec.pid_namespace { in_pid_namespace(spec, control) } else { as_own_child(spec, control) };
    // Nobody could be told of a failure: the agent will find no status, and say so.
    let _ = write_status(status_path, status);
    end_descendants();
    reap::end_like(status)
}

fn as_own_child(spec: &LaunchSpec, control: Control) -> i32 {
    let Some(child) = fork_off(&control) else {
        if spec.mount_namespace {
            or_fail(namespaces::new_mount_namespace(), &control);
        }
        command::run(spec, control);
    };

    drop(control);
    reap::main_child(child)
}

fn in_pid_namespace(spec: &LaunchSpec, control: Control) -> i32 {
    let (reading, writing) =
        or_fail(pipe2(OFlag::O_CLOEXEC).map_err(|error| format!("create a pipe: {error}")), &control);
    or_fail(namespaces::new_pid_namespace(), &control);
    let Some(reaper) = fork_off(&control) else {
        drop(reading);
        first_of_namespace(spec, control, writing.into());
    };

    drop((control, writing));
    let reapers_own = reap::main_child(reaper);
    let mut status = [0; size_of::<i32>()];
    match File::from(reading).read_exact(&mut status) {
        Ok(()) => i32::from_ne_bytes(status),
        // It was killed, and everything in its namespace with it.
        Err(_) => reapers_own,
    }
}

/// Pid 1 of the container: reaps orphans. The kernel ends the rest of the namespace when it ends, and it ends with
/// the helper. It cannot die of a signal as the command may have, so the status goes through a pipe.
fn first_of_namespace(spec: &LaunchSpec, control: Control, mut report: File) -> ! {
    or_fail(
        namespaces::end_with_parent().map_err(|error| format!("tie init to its parent: {error}")),
        &control,
    );
    let _ = setsid();
    if spec.mount_namespace {
        or_fail(namespaces::new_mount_namespace(), &control);
        or_fail(namespaces::mount_proc(), &control);
    }
    let Some(child) = fork_off(&control) else { command::run(spec, control) };

    drop(control);
    let status = reap::main_child(child);
    let _ = report.write_all(&status.to_ne_bytes());
    // SAFETY: ends the process without running anything else.
    unsafe { libc::_exit(0) }
}

/// The child's pid, or `None` in the child.
fn fork_off(control: &Control) -> Option<i32> {
    // SAFETY: the helper has one thread, so the child may do whatever the parent may.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => Some(child.as_raw()),
        Ok(ForkResult::Child) => None,
        Err(error) => control.fail(&format!("fork: {error}")),
    }
}

fn or_fail<T>(result: Result<T, String>, control: &Control) -> T {
    result.unwrap_or_else(|why| control.fail(&why))
}

/// Whatever a command leaves behind stays findable: it becomes a child of the helper, not of the system's init.
fn adopt_orphans() {
    // SAFETY: the name is a terminated string, the other call takes numbers.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"tepui-init".as_ptr());
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
    }
}

/// A container ends with its main command.
fn end_descendants() {
    let me = std::process::id().cast_signed();
    loop {
        for process in tree::descendants(me) {
            process.kill();
        }
        if !reap::any_child() {
            return;
        }
    }
}

fn write_status(path: &Path, status: i32) -> io::Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, format!("{status}\n"))?;
    fs::rename(partial, path)
}
