//! A container's first process as this machine's kernel knows it: what is left when the engine does not answer.

use std::fs;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often we look whether it is still there. The engine tells of an end at once; this is for when it tells nothing.
const LOOK: Duration = Duration::from_secs(1);

/// The process, told by its time of birth from another that gets its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    born: u64,
}

impl Process {
    /// None if the engine and its containers are on another machine, or out of our sight.
    pub(crate) fn of(inspected: &ContainerInspectResponse) -> Option<Process> {
        let id = inspected.id.as_deref().filter(|id| !id.is_empty())?;
        let pid = i32::try_from(inspected.state.as_ref()?.pid?).ok().filter(|pid| *pid > 1)?;
        belongs_to(pid, id).then_some(Process { pid, born: birth(pid)? })
    }

    /// A dead one that nobody has waited for is gone.
    pub(crate) fn is_gone(&self) -> bool {
        birth(self.pid) != Some(self.born)
    }

    /// Ready when it is gone.
    pub(crate) async fn gone(&self) {
        while !self.is_gone() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A signal past the engine.
    pub(crate) fn signal(&self, signal: Signal) {
        if !self.is_gone() {
            // It may go in this moment, which is what the signal is for.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }
}

/// Whether the process of that number, on this machine and in our sight, is one of the container's. An engine elsewhere, or in
/// another pid namespace than ours, means other processes by its numbers.
pub(crate) fn belongs_to(pid: i32, container: &str) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"));
    !container.is_empty() && groups.is_ok_and(|groups| groups.contains(container))
}

/// When the kernel made a process that still lives, in its own ticks.
fn birth(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    (!["Z", "X"].contains(&state)).then(|| fields.nth(18)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_it_has_died_even_if_nobody_waited_for_it() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep is there");
        let pid = i32::try_from(child.id()).expect("pids are small");
        let process = Process { pid, born: birth(pid).expect("it lives") };
        assert!(!process.is_gone());

        process.signal(Signal::SIGKILL);

        while !process.is_gone() {
            std::thread::yield_now();
        }
        child.wait().expect("a child can be waited for");
        assert!(process.is_gone() && Process { pid, born: 0 }.is_gone());
    }
}
