//! The last steps of a process before it becomes the container's command.

use std::{
    ffi::CString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::Path,
};

use nix::unistd::{self, Gid, Uid};

use super::{
    control::{Control, replace},
    namespaces, reap,
    spec::{LaunchSpec, Output, Role},
};
use crate::containerizer::Identity;

/// Becomes the command, or reports why not.
pub(super) fn run(spec: &LaunchSpec, control: Control) -> ! {
    let Err(why) = execute(spec);
    control.fail(&why)
}

/// Sends this process's output to the sandbox. A link in their place is refused: it could lead anywhere.
pub(super) fn redirect(output: &Output, owner: Option<&Identity>) -> Result<(), String> {
    for (path, target) in [(&output.stdout, 1), (&output.stderr, 2)] {
        let file = open_output(path, owner).map_err(|error| format!("open {}: {error}", path.display()))?;
        replace(&file, target).map_err(|error| format!("redirect to {}: {error}", path.display()))?;
    }
    Ok(())
}

fn open_output(path: &Path, owner: Option<&Identity>) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    if let Some(owner) = owner {
        fchown(&file, Some(owner.uid), Some(owner.gid))?;
    }
    Ok(file)
}

fn execute(spec: &LaunchSpec) -> Result<std::convert::Infallible, String> {
    // A session of its own: a command that signals its process group does not reach the helper.
    let _ = unistd::setsid();
    std::env::set_current_dir(&spec.directory)
        .map_err(|error| format!("change to directory {}: {error}", spec.directory.display()))?;
    // SAFETY: cannot fail, touches no memory.
    unsafe { libc::umask(0o022) };
    if let Some(identity) = &spec.identity {
        switch_to(identity).map_err(|error| format!("switch to uid {}: {error}", identity.uid))?;
    }

    let arguments = spec.arguments.iter().map(|argument| text(argument)).collect::<Result<Vec<_>, _>>()?;
    let environment = spec.environment.iter().map(|(name, value)| text(&format!("{name}={value}")));
    let environment = environment.collect::<Result<Vec<_>, _>>()?;
    let file = find(spec)?;
    if matches!(spec.role, Role::Container { .. }) {
        // After the switch of user, which undoes it. A helper that is killed must not leave a command behind that
        // nobody waits for.
        namespaces::end_with_parent().map_err(|error| format!("tie the command to its helper: {error}"))?;
    }
    reap::reset_signals();
    unistd::execve(&text(&file)?, &arguments, &environment)
        .map_err(|error| format!("execute {file}: {error}"))
}

fn switch_to(identity: &Identity) -> nix::Result<()> {
    let groups: Vec<_> = identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    unistd::setgroups(&groups)?;
    unistd::setresgid(gid, gid, gid)?;
    unistd::setresuid(uid, uid, uid)
}

/// The command's `PATH` decides, not ours; then the working directory, unless the command is the agent's own.
fn find(spec: &LaunchSpec) -> Result<String, String> {
    if spec.file.contains('/') {
        return Ok(spec.file.clone());
    }
    let path = spec.environment.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    let directories = path.split(':').filter(|directory| !directory.is_empty());
    let last = matches!(spec.role, Role::Container { .. }).then_some(".");
    for directory in directories.chain(last) {
        let candidate = format!("{directory}/{}", spec.file);
        if fs::metadata(&candidate).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0) {
            return Ok(candidate);
        }
    }
    Err(format!("execute {}: there is no such program in {path}", spec.file))
}

fn text(value: &str) -> Result<CString, String> {
    CString::new(value).map_err(|_| format!("`{}` contains a NUL byte", value.escape_debug()))
}
