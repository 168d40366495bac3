//! The agent's side of one launch helper.

use std::{
    io::{self, PipeReader, PipeWriter},
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use super::{Process, Program};
use crate::containerizer::{LaunchSpec, init};

/// Setting up takes milliseconds; a sandbox on a network file system that hangs must not hold a launch for ever.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest error text taken from a helper: a path or two and a reason.
const MAX_REPORT: u64 = 16 * 1024;

/// A helper that waits for its launch spec.
#[derive(Debug)]
pub(crate) struct Helper {
    pub process: Process,
    control: UnixStream,
}

impl Helper {
    /// Starts a helper without files of the agent. `label` shows in `ps`.
    pub async fn start(program: &Program, label: &str) -> io::Result<Helper> {
        Self::start_with(program, label, None).await
    }

    /// Starts a helper whose output and errors the agent reads.
    pub async fn start_captured(program: &Program, label: &str) -> io::Result<(Helper, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        Ok((Self::start_with(program, label, Some(writer)).await?, reader))
    }

    async fn start_with(program: &Program, label: &str, output: Option<PipeWriter>) -> io::Result<Helper> {
        let (ours, theirs) = StdUnixStream::pair()?;
        let (program, label) = (program.clone(), label.to_string());
        let spawn = move || spawn(&program, &label, theirs, output);
        let child = tokio::task::spawn_blocking(spawn).await.map_err(io::Error::other)??;

        ours.set_nonblocking(true)?;
        let process = Process::child(child.id().cast_signed())?;
        Ok(Helper { process, control: UnixStream::from_std(ours)? })
    }

    /// Lets the helper go on; returns once the command runs, or with the reason why it does not.
    pub async fn release(&mut self, spec: &LaunchSpec) -> Result<(), String> {
        match timeout(START_TIMEOUT, self.exchange(spec)).await {
            Ok(Ok(report)) if report.is_empty() => Ok(()),
            Ok(Ok(report)) => Err(report),
            Ok(Err(error)) => Err(format!("talk to the launch helper: {error}")),
            Err(_) => Err(format!("the launch helper did not get ready within {}s", START_TIMEOUT.as_secs())),
        }
    }

    /// Ends a helper whose command was not started.
    pub async fn abandon(self) {
        drop(self.control);
        // It may have ended already, which is as good.
        let _ = self.process.signal(libc::SIGKILL);
        self.process.ended().await;
        self.process.reap();
    }

    async fn exchange(&mut self, spec: &LaunchSpec) -> io::Result<String> {
        let mut line = serde_json::to_vec(spec)?;
        line.push(b'\n');
        self.control.write_all(&line).await?;
        let mut report = String::new();
        (&mut self.control).take(MAX_REPORT).read_to_string(&mut report).await?;
        Ok(report)
    }
}

/// No user, directory or hook is set on the command: anything of that kind would make the standard library fork
/// this multi-threaded process instead of using posix_spawn.
fn spawn(
    program: &Program,
    label: &str,
    control: StdUnixStream,
    output: Option<PipeWriter>,
) -> io::Result<Child> {
    let (stdout, stderr) = match output {
        Some(pipe) => (Stdio::from(pipe.try_clone()?), Stdio::from(pipe)),
        None => (Stdio::null(), Stdio::null()),
    };
    Command::new(program.path()?)
        .args(init::ARGUMENTS)
        .arg(label)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(control)))
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
}
