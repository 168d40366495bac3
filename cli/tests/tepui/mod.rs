//! Running the binary from a test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than a cluster takes to end its tasks.
const PATIENCE: Duration = Duration::from_secs(15);

/// The binary, without what the tests' own environment would tell it.
pub fn tepui(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tepui"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MESOS_")) {
        command.env_remove(name);
    }
    command
}

pub fn output(arguments: &[&str]) -> Output {
    tepui(arguments).output().expect("the binary runs")
}

/// A process that has said where it listens; ended when dropped.
pub struct Daemon {
    pub child: Child,
    pub address: String,
}

impl Daemon {
    /// The address is what follows `mark` in one of the first lines.
    pub fn start(arguments: &[&str], mark: &str) -> Self {
        let mut child =
            tepui(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
        let stdout = child.stdout.as_mut().expect("its output was asked for");
        let said = BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.contains(mark));
        let said = said.expect("it says where it listens");
        let (_, address) = said.split_once(mark).expect("the mark was found");
        Self { address: address.trim().to_owned(), child }
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("an id");
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

impl Drop for Daemon {
    /// Asks first: a cluster ends its tasks then.
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let begin = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
