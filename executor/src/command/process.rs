//! The process of a command task: starting it, waiting for it, signalling it with all it started.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tepui_proto::v1;
use tokio::process::{Child, Command};

use crate::policy::Ending;

/// Starts the command in a process group of its own, with our output files and our environment plus the task's.
///
/// # Errors
/// When the executable is missing or cannot be run; the message names it.
pub(crate) fn start(command: &v1::CommandInfo, role: Option<&str>) -> Result<Child, StartError> {
    spawn(prepare(command, role)?, command)
}

/// The command as [`start`] starts it, for who wants its output elsewhere.
pub(crate) fn prepare(
    command: &v1::CommandInfo,
    role: Option<&str>,
) -> Result<std::process::Command, StartError> {
    let value = command.value.as_deref().unwrap_or_default();
    let mut process = if command.shell.unwrap_or(true) {
        let mut process = std::process::Command::new("/bin/sh");
        process.arg0("sh").arg("-c").arg(value);
        process
    } else {
        let mut process = std::process::Command::new(value);
        let (name, arguments) =
            command.arguments.split_first().map_or((value, &[][..]), |(n, a)| (n.as_str(), a));
        process.arg0(name).args(arguments);
        process
    };
    process.stdin(Stdio::null()).process_group(0);
    if let Some(role) = role {
        process.env("MESOS_ALLOCATION_ROLE", role);
    }
    for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
        process.env(&variable.name, value_of(variable)?);
    }
    Ok(process)
}

/// Starts what was prepared for this command.
pub(crate) fn spawn(process: std::process::Command, command: &v1::CommandInfo) -> Result<Child, StartError> {
    let value = command.value.clone().unwrap_or_default();
    Command::from(process).spawn().map_err(|cause| StartError::Spawn { value, cause })
}

/// A variable's value: its text, or the secret that it holds.
fn value_of(variable: &v1::environment::Variable) -> Result<OsString, StartError> {
    if variable.r#type() != v1::environment::variable::Type::Secret {
        return Ok(variable.value.clone().unwrap_or_default().into());
    }
    let held = variable.secret.as_ref().and_then(|secret| secret.value.as_ref());
    let held = held.ok_or_else(|| StartError::Secret { name: variable.name.clone() })?;
    Ok(OsString::from_vec(held.data.to_vec()))
}

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("start command '{value}': {cause}")]
    Spawn { value: String, cause: io::Error },
    #[error(
        "environment variable '{name}' refers to a secret elsewhere: give its value, no secret resolver is known"
    )]
    Secret { name: String },
}

/// How a process ended, in the executor's terms.
pub(crate) fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, Some(signal)) => Ending::Signaled(signal),
        // Neither happens only for stopped processes, which wait(2) does not report to us.
        (None, None) => Ending::Exited(0),
    }
}

/// Sends a signal to the command's process group and to every descendant that left the group.
pub(crate) fn signal_tree(leader: u32, signal: Signal) {
    let Ok(leader) = i32::try_from(leader) else { return };
    let escaped = descendants(leader);
    // Gone already is what we want; nothing else can fail for our own children.
    let _ = killpg(Pid::from_raw(leader), signal);
    for pid in escaped {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// The pids below `root`, read from /proc once; processes that come and go meanwhile may be missed.
fn descendants(root: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = procfs::process::all_processes()
        .into_iter()
        .flatten()
        .filter_map(|process| process.ok()?.stat().ok())
        .map(|stat| (stat.pid, stat.ppid))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, ppid)| *ppid == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Whether the kernel has killed a process of our own cgroup for want of memory (cgroup v1 `memory.oom_control`,
/// v2 `memory.events`; see Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst).
pub(crate) fn out_of_memory() -> bool {
    let Ok(membership) = std::fs::read_to_string("/proc/self/cgroup") else { return false };
    let counters = membership.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let file = if controllers.split(',').any(|name| name == "memory") {
            format!("/sys/fs/cgroup/memory{path}/memory.oom_control")
        } else if hierarchy == "0" {
            format!("/sys/fs/cgroup{path}/memory.events")
        } else {
            return None;
        };
        std::fs::read_to_string(file).ok()
    });
    counters.into_iter().any(|text| oom_kills(&text) > 0)
}

/// The `oom_kill` counter of either file.
fn oom_kills(text: &str) -> u64 {
    let value = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse().ok();
    text.lines().find_map(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oom_kills_are_read_from_both_kinds_of_cgroup() {
        assert_eq!(oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
        assert_eq!(oom_kills("low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n"), 1);
        assert_eq!(oom_kills("oom_kill_disable 0\n"), 0);
    }

    #[tokio::test]
    async fn a_signal_reaches_descendants_that_left_the_group() {
        let command = v1::CommandInfo {
            value: Some("setsid sleep 1000 & echo $! > /dev/null; wait".into()),
            ..v1::CommandInfo::default()
        };
        let mut child = start(&command, None).unwrap();
        let leader = child.id().unwrap();
        let escaped = loop {
            let found = descendants(leader as i32);
            if !found.is_empty() {
                break found;
            }
            tokio::task::yield_now().await;
        };

        signal_tree(leader, Signal::SIGKILL);

        assert_eq!(ending(child.wait().await.unwrap()), Ending::Signaled(9));
        for pid in escaped {
            while procfs::process::Process::new(pid).is_ok_and(|p| p.stat().is_ok_and(|s| s.state != 'Z')) {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn an_argv_command_keeps_its_own_name_and_environment() {
        let variable =
            v1::environment::Variable { name: "WORD".into(), value: Some("7".into()), ..Default::default() };
        let environment = v1::Environment { variables: vec![variable] };
        let command = v1::CommandInfo {
            shell: Some(false),
            value: Some("/bin/sh".into()),
            arguments: vec!["renamed".into(), "-c".into(), "exit $WORD".into()],
            environment: Some(environment),
            ..v1::CommandInfo::default()
        };

        let ended = start(&command, None).unwrap().wait().await.unwrap();

        assert_eq!(ending(ended), Ending::Exited(7));
    }

    #[test]
    fn a_secret_variable_has_the_secrets_value_and_a_reference_is_refused() {
        let value = Some(v1::secret::Value { data: "hush".into() }.into());
        let variable = |value| v1::environment::Variable {
            name: "PASSWORD".into(),
            r#type: Some(v1::environment::variable::Type::Secret as i32),
            secret: Some(v1::Secret { value, ..Default::default() }),
            ..Default::default()
        };

        assert_eq!(value_of(&variable(value)).unwrap(), "hush");
        let refused = value_of(&variable(None)).unwrap_err().to_string();
        assert!(
            refused.starts_with("environment variable 'PASSWORD' refers to a secret elsewhere"),
            "{refused}"
        );
    }

    #[test]
    fn a_missing_executable_is_named() {
        let command = v1::CommandInfo {
            shell: Some(false),
            value: Some("/no/such/program".into()),
            ..v1::CommandInfo::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

        let error = runtime.block_on(async { start(&command, None).unwrap_err() });

        assert_eq!(
            error.to_string(),
            "start command '/no/such/program': No such file or directory (os error 2)"
        );
    }
}
