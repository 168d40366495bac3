//! A container's first process as this machine's kernel knows it: what is left when the engine does not answer.

use std::fs;
use std::time::{Duration, Instant};

use bollard::models::ContainerInspectResponse;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::spec::NAME;

/// How often we look whether it is still there. The engine tells of an end at once; this is for when it tells nothing.
const LOOK: Duration = Duration::from_secs(1);

/// How long processes that were killed may take to be gone.
const DEATH: Duration = Duration::from_secs(1);

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

/// Kills all processes that this machine has of a container, past an engine that does not, and says how many there were. They are
/// known by the variable that every container of ours starts with. Blocks until they are gone, for a second at most.
#[must_use]
pub fn end_processes(container: &str) -> usize {
    let mark = format!("{NAME}={container}");
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let ends = |pid: i32| {
        let process = Process { pid, born: birth(pid)? };
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let is_its = environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes());
        is_its.then_some(process)
    };
    let found: Vec<Process> = numbers.filter_map(ends).collect();
    found.iter().for_each(|process| process.signal(Signal::SIGKILL));
    let begin = Instant::now();
    while !found.iter().all(Process::is_gone) && begin.elapsed() < DEATH {
        std::thread::sleep(Duration::from_millis(1));
    }
    found.len()
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

    #[test]
    fn all_that_was_started_with_a_containers_name_is_ended_and_nothing_else() {
        let start = |container: &str| {
            let mut command = std::process::Command::new("sleep");
            command.arg("1000").env(NAME, container).spawn().expect("sleep is there")
        };
        let own = format!("mesos-test-{}", std::process::id());
        let [mut one, mut two, mut other] =
            [own.clone(), own.clone(), format!("{own}0")].map(|it| start(&it));

        assert_eq!(end_processes(&own), 2);

        assert!(other.try_wait().expect("a child can be waited for").is_none());
        other.kill().expect("a child can be killed");
        for child in [&mut one, &mut two, &mut other] {
            child.wait().expect("a child can be waited for");
        }
    }
}
