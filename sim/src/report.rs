//! What a run comes to.

use std::fmt;
use std::time::Duration;

use crate::counters::Counters;
use crate::world::World;

/// A run in which everything held. Two runs of the same scenario have equal reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The scenario's.
    pub seed: u64,
    /// Virtual time.
    pub length: Duration,
    /// A hash over every line of the transcript.
    pub transcript: u128,
    /// How many lines those were.
    pub lines: u64,
    /// A hash over the master's last state.
    pub master: u64,
    /// A hash over the last states of all agents, in order.
    pub agents: u64,
    /// From ACCEPT until the agent asks for a task's container: half of them took no longer.
    pub launch_p50: Duration,
    /// The same of 99 in a hundred.
    pub launch_p99: Duration,
    /// What was counted.
    pub counters: Counters,
}

/// What did not hold, and what led there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The scenario's.
    pub seed: u64,
    /// Virtual time.
    pub at: Duration,
    /// In words.
    pub what: Vec<String>,
    /// The last lines of the transcript, as many as the scenario keeps.
    pub last_lines: Vec<String>,
}

impl World {
    pub(crate) fn report(&self) -> Report {
        let mut agents = 0_u64;
        for core in self.machines.iter().filter_map(|machine| machine.core.as_ref()) {
            agents = agents.rotate_left(7) ^ core.digest();
        }
        Report {
            seed: self.scenario.seed,
            length: self.now(),
            transcript: self.transcript.hash(),
            lines: self.transcript.lines(),
            master: self.master.core.as_ref().map_or(0, |core| core.digest()),
            agents,
            launch_p50: self.latencies.permille(500),
            launch_p99: self.latencies.permille(990),
            counters: self.counters.clone(),
        }
    }

    pub(crate) fn verdict(&self) -> Broken {
        Broken {
            seed: self.scenario.seed,
            at: self.now(),
            what: self.broken.clone(),
            last_lines: self.last_lines().map(str::to_owned).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} virtual seconds", self.seed, self.length.as_secs())?;
        write!(f, "{}", self.counters)?;
        writeln!(f, "launches took {:?}, one in a hundred more than {:?}", self.launch_p50, self.launch_p99)?;
        writeln!(f, "master {:016x}, agents {:016x}", self.master, self.agents)?;
        writeln!(f, "transcript {:032x} of {} lines", self.transcript, self.lines)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, after {:?}:", self.seed, self.at)?;
        self.what.iter().try_for_each(|what| writeln!(f, "  {what}"))?;
        self.last_lines.iter().try_for_each(|line| writeln!(f, "| {line}"))
    }
}

impl std::error::Error for Broken {}
