//! How a command ends that is run beside the task.

use std::os::fd::OwnedFd;

use nix::sys::signal::Signal;
use tepui_proto::v1;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::checks::{Finding, Output};
use crate::command::process;
use crate::policy::Ending;

/// Ends the command's whole tree, unless it has ended.
struct Tree(Option<u32>);

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            end_tree(leader);
        }
    }
}

/// Ends a process with everything that it started, at once.
pub fn end_tree(leader: u32) {
    process::signal_tree(leader, Signal::SIGKILL);
}

pub(super) async fn look(command: &v1::CommandInfo, role: Option<&str>) -> Result<Finding, String> {
    let failed = |error: std::io::Error| format!("make a pipe for the check's output: {error}");
    let (read, write) = std::io::pipe().map_err(failed)?;
    let mut process = process::prepare(command, role).map_err(|error| error.to_string())?;
    process.stdout(write.try_clone().map_err(failed)?).stderr(write);
    let mut output = pipe::Receiver::from_owned_fd(OwnedFd::from(read)).map_err(failed)?;
    let mut child = process::spawn(process, command).map_err(|error| error.to_string())?;
    let mut tree = Tree(child.id());

    let mut shown = Output::default();
    let mut buffer = [0; 1024];
    let mut open = true;
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            read = output.read(&mut buffer), if open => match read {
                Ok(count) if count > 0 => shown.show(&buffer[..count]),
                _ => open = false,
            },
        }
    };
    tree.0 = None;
    // Only what is there: a process that it left behind may hold the pipe open for ever.
    while let Ok(count) = output.try_read(&mut buffer)
        && count > 0
        && !shown.is_full()
    {
        shown.show(&buffer[..count]);
    }
    match ended.map(process::ending) {
        Ok(Ending::Exited(status)) => Ok(Finding::Exited(status)),
        Ok(Ending::Signaled(signal)) => Err(format!("signal {signal} ended the check's command")),
        Err(error) => Err(format!("wait for the check's command: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> v1::CommandInfo {
        v1::CommandInfo { value: Some(text.into()), ..v1::CommandInfo::default() }
    }

    #[tokio::test]
    async fn its_status_is_what_is_found() {
        assert_eq!(look(&shell("exit 7"), None).await, Ok(Finding::Exited(7)));
        assert_eq!(
            look(&shell("test $MESOS_ALLOCATION_ROLE = web"), Some("web")).await,
            Ok(Finding::Exited(0))
        );
    }

    #[tokio::test]
    async fn what_cannot_start_or_is_killed_is_no_finding() {
        let missing = v1::CommandInfo { shell: Some(false), ..shell("/no/such/check") };

        assert_eq!(look(&shell("kill -9 $$"), None).await, Err("signal 9 ended the check's command".into()));
        let why = look(&missing, None).await.unwrap_err();
        assert!(why.starts_with("start command '/no/such/check': "), "{why}");
    }

    #[tokio::test]
    async fn neither_endless_output_nor_a_process_left_behind_keeps_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let left = format!("sleep 1000 & echo $! > {}; exit 3", file.display());
        let endless = shell(&format!("yes & head -c 200000 /dev/zero; kill $!; {left}"));

        assert_eq!(look(&endless, None).await, Ok(Finding::Exited(3)));

        let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn a_look_that_is_abandoned_leaves_no_process() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let hangs =
            shell(&format!("setsid sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display()));
        let looking = tokio::spawn(async move { look(&hangs, None).await });
        let pid: i32 = loop {
            match std::fs::read_to_string(&file) {
                Ok(text) => break text.trim().parse().unwrap(),
                Err(_) => tokio::task::yield_now().await,
            }
        };

        looking.abort();

        let runs =
            || procfs::process::Process::new(pid).is_ok_and(|p| p.stat().is_ok_and(|s| s.state != 'Z'));
        while runs() {
            tokio::task::yield_now().await;
        }
    }
}
