//! The other process of a measurement: this program, started once more to play a role.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

/// A process that plays one of the benchmark's roles. Ended when it is dropped.
///
/// It says what others must know, such as its address, in lines of its standard output, and hears when its input ends.
pub struct Other {
    child: Child,
    input: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
    role: String,
}

impl Other {
    pub fn start(role: &str, arguments: &[&str]) -> Result<Other> {
        let program = std::env::current_exe().context("find this program")?;
        let mut command = Command::new(program);
        command.arg("play").arg(role).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start `{role}`"))?;
        let said = BufReader::new(child.stdout.take().expect("its output was asked for")).lines();
        Ok(Other { input: child.stdin.take(), child, said, role: role.to_owned() })
    }

    /// The next line that it says.
    pub fn line(&mut self) -> Result<String> {
        let line = self.said.next().with_context(|| format!("`{}` ended early", self.role))?;
        line.with_context(|| format!("read what `{}` says", self.role))
    }

    /// Says a line to it.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().expect("its input is open while it lives");
        writeln!(input, "{line}").with_context(|| format!("tell `{}`", self.role))
    }

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What a role says to who started it.
    pub fn say(line: impl std::fmt::Display) {
        println!("{line}");
        // Who started it may have gone.
        let _ = std::io::stdout().flush();
    }

    /// Where a role waits until who started it is done.
    pub fn wait_for_the_end() {
        std::io::stdin().lines().map_while(Result::ok).for_each(drop);
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It has no state that could be lost.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
