//! A short command that the agent waits for, run with the rights of a container's user: unpacking an archive, say.
//! It has no isolation beyond that, and ends with the future that waits for it.

use std::{
    io::{self, PipeReader},
    path::Path,
};

use tokio::{io::AsyncReadExt, net::unix::pipe};

use super::{
    Identity, LaunchSpec, Program, Role,
    launcher::{Helper, Process},
};

/// What to run, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    pub program: &'a Program,
    /// The program, looked up in the usual places, and its arguments.
    pub command: &'a [&'a str],
    pub directory: &'a Path,
    pub identity: Option<&'a Identity>,
}

/// A step that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("{0}")]
    Start(String),
    #[error("run {command}")]
    Run {
        command: String,
        #[source]
        cause: io::Error,
    },
    /// With what it printed.
    #[error("{command} {ending}: {output}")]
    Failed { command: String, ending: String, output: String },
}

impl Step<'_> {
    /// Returns once the command has succeeded.
    pub async fn run(&self) -> Result<(), StepError> {
        let name = self.command[0];
        let failed = |cause| StepError::Run { command: name.into(), cause };
        let (mut helper, output) = Helper::start_captured(self.program, name).await.map_err(failed)?;
        if let Err(why) = helper.release(&self.spec()).await {
            helper.abandon().await;
            return Err(StepError::Start(why));
        }

        let running = Running(Some(helper.process));
        let output = read_start(output).await.map_err(failed)?;
        let status = running.ended().await;
        if status == 0 {
            return Ok(());
        }
        Err(StepError::Failed { command: name.into(), ending: ending_of(status), output })
    }

    fn spec(&self) -> LaunchSpec {
        LaunchSpec {
            role: Role::Step,
            file: self.command[0].into(),
            arguments: self.command.iter().map(|argument| argument.to_string()).collect(),
            environment: vec![
                ("PATH".into(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
                ("LC_ALL".into(), "C".into()),
            ],
            directory: self.directory.into(),
            output: None,
            identity: self.identity.cloned(),
            pid_namespace: false,
            mount_namespace: false,
        }
    }
}

/// Killed when nobody waits for it any more, and reaped all the same.
struct Running(Option<Process>);

impl Running {
    async fn ended(mut self) -> i32 {
        if let Some(process) = &self.0 {
            process.ended().await;
        }
        self.0.take().and_then(|process| process.reap()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(process) = self.0.take() else { return };
        // It may have ended on its own, which is as good.
        let _ = process.signal(libc::SIGKILL);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                process.ended().await;
                process.reap();
            });
        }
    }
}

/// The start of what is printed; the rest is read too, lest the command blocks.
async fn read_start(output: PipeReader) -> io::Result<String> {
    // A message for people: more would hide what matters.
    const KEPT: usize = 2000;
    let mut output = pipe::Receiver::from_owned_fd(output.into())?;
    let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match output.read(&mut chunk).await? {
            0 => return Ok(String::from_utf8_lossy(&kept).trim().to_string()),
            count => kept.extend(chunk[..count].iter().take(KEPT.saturating_sub(kept.len()))),
        }
    }
}

fn ending_of(status: i32) -> String {
    if libc::WIFSIGNALED(status) {
        return format!("was killed by signal {}", libc::WTERMSIG(status));
    }
    format!("exited with status {}", libc::WEXITSTATUS(status))
}
