//! What is to be simulated: how large, how busy, how unlucky.

use std::time::Duration;

/// One simulation. The same value gives the same run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many agents there are from the start.
    pub agents: usize,
    /// How many frameworks subscribe in the first seconds.
    pub frameworks: usize,
    /// Virtual time from the start to the end.
    pub length: Duration,
    /// The last part of `length`: no new tasks, no faults, so that everything under way can settle. What takes longest is an
    /// agent that is not coming back after a master's restart: ten minutes until it is given up, and some more until its
    /// tasks' frameworks ask.
    pub calm: Duration,
    /// What frameworks do.
    pub load: Load,
    /// What goes wrong.
    pub faults: Faults,
    /// How often invariants are looked at.
    pub checks: Checks,
    /// `--allocation_interval` of the master.
    pub allocation_interval: Duration,
    /// How many of the transcript's last lines are kept as text.
    pub kept_lines: usize,
}

/// What frameworks do.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The mean pause between two jobs of a framework.
    pub job_every: Duration,
    /// A job has from 1 to this many tasks.
    pub tasks_per_job: u64,
    /// A task runs for up to this long.
    pub longest_task: Duration,
    /// Of a thousand tasks, so many are killed by their framework.
    pub killed: u64,
    /// Of a thousand tasks, so many fail by themselves.
    pub failed: u64,
    /// Of a thousand executors, so many misbehave: crash, never subscribe, or do not end when told to.
    pub bad_executors: u64,
    /// Whether some frameworks do not checkpoint, whose tasks are lost when their agent is away.
    pub some_do_not_checkpoint: bool,
}

/// What goes wrong: the mean pause between two events of a kind in the whole cluster; never, if absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// An agent is cut off from the master for up to three minutes.
    pub partition: Option<Duration>,
    /// The connection between an agent and the master breaks.
    pub connection_loss: Option<Duration>,
    /// An agent's process is killed, and started again within half a minute.
    pub agent_restart: Option<Duration>,
    /// An agent's disk is full for a while.
    pub disk_full: Option<Duration>,
    /// The master's process is killed, and started again within half a minute.
    pub master_restart: Option<Duration>,
    /// A scheduler's stream breaks.
    pub stream_loss: Option<Duration>,
    /// A scheduler's process is replaced by another one of the same framework.
    pub framework_failover: Option<Duration>,
    /// A framework is torn down and begins anew.
    pub teardown: Option<Duration>,
    /// An executor's stream to its agent breaks.
    pub executor_stream_loss: Option<Duration>,
}

/// How often invariants are looked at. A full look costs as much as the cluster is large.
#[derive(Clone, Debug, PartialEq)]
pub struct Checks {
    /// The master's and the allocator's, every so many virtual seconds.
    pub master_every: u64,
    /// Each virtual second so many agents' in turn.
    pub agents_per_second: usize,
}

impl Scenario {
    /// A few agents and frameworks, work for them, and nothing that goes wrong; everything is checked each second.
    pub fn quiet(seed: u64) -> Scenario {
        Scenario {
            seed,
            agents: 12,
            frameworks: 4,
            length: Duration::from_secs(10 * 60),
            calm: Duration::from_secs(4 * 60),
            load: Load {
                job_every: Duration::from_secs(30),
                tasks_per_job: 12,
                longest_task: Duration::from_secs(90),
                killed: 0,
                failed: 0,
                bad_executors: 0,
                some_do_not_checkpoint: false,
            },
            faults: Faults::default(),
            checks: Checks { master_every: 1, agents_per_second: usize::MAX },
            allocation_interval: Duration::from_secs(1),
            kept_lines: 0,
        }
    }

    /// The same, and everything goes wrong now and then.
    pub fn lossy(seed: u64) -> Scenario {
        let every = |secs| Some(Duration::from_secs(secs));
        let quiet = Scenario::quiet(seed);
        Scenario {
            length: Duration::from_secs(26 * 60),
            calm: Duration::from_secs(16 * 60),
            load: Load {
                killed: 40,
                failed: 60,
                bad_executors: 30,
                some_do_not_checkpoint: true,
                ..quiet.load.clone()
            },
            faults: Faults {
                partition: every(60),
                connection_loss: every(6),
                agent_restart: every(25),
                disk_full: every(90),
                master_restart: every(150),
                stream_loss: every(15),
                framework_failover: every(60),
                teardown: every(180),
                executor_stream_loss: every(5),
            },
            ..quiet
        }
    }

    /// The same, smaller, and hardly anything ever works.
    pub fn stormy(seed: u64) -> Scenario {
        let every = |secs| Some(Duration::from_secs(secs));
        let lossy = Scenario::lossy(seed);
        Scenario {
            agents: 5,
            frameworks: 6,
            length: Duration::from_secs(22 * 60),
            load: Load {
                job_every: Duration::from_secs(8),
                tasks_per_job: 6,
                longest_task: Duration::from_secs(20),
                killed: 150,
                failed: 100,
                bad_executors: 80,
                ..lossy.load.clone()
            },
            faults: Faults {
                partition: every(12),
                connection_loss: every(2),
                agent_restart: every(5),
                disk_full: every(30),
                master_restart: every(25),
                stream_loss: every(4),
                framework_failover: every(15),
                teardown: every(40),
                executor_stream_loss: every(2),
            },
            ..lossy
        }
    }

    /// One master, 50,000 agents, 200 frameworks, one hour in which now and then a connection breaks or an agent restarts. Jobs
    /// are large and rare: each framework that wants anything is offered all agents, here as in production.
    pub fn emulated(seed: u64) -> Scenario {
        let every = |secs| Some(Duration::from_secs(secs));
        Scenario {
            seed,
            agents: 50_000,
            frameworks: 200,
            length: Duration::from_secs(60 * 60),
            calm: Duration::from_secs(12 * 60),
            load: Load {
                job_every: Duration::from_secs(1200),
                tasks_per_job: 1000,
                longest_task: Duration::from_secs(300),
                killed: 0,
                failed: 0,
                bad_executors: 0,
                some_do_not_checkpoint: false,
            },
            faults: Faults { connection_loss: every(30), agent_restart: every(30), ..Faults::default() },
            checks: Checks { master_every: 600, agents_per_second: 100 },
            allocation_interval: Duration::from_secs(1),
            kept_lines: 0,
        }
    }

    /// One master, 1,000 agents, 20 frameworks, one hour of everything. The master and the allocator are checked every 20
    /// virtual seconds, and each second 50 agents in turn: every agent as often as the master.
    pub fn hour(seed: u64) -> Scenario {
        let every = |secs| Some(Duration::from_secs(secs));
        Scenario {
            seed,
            agents: 1000,
            frameworks: 20,
            length: Duration::from_secs(60 * 60),
            calm: Duration::from_secs(16 * 60),
            load: Load {
                job_every: Duration::from_secs(300),
                tasks_per_job: 100,
                longest_task: Duration::from_secs(300),
                killed: 20,
                failed: 50,
                bad_executors: 10,
                some_do_not_checkpoint: true,
            },
            faults: Faults {
                partition: every(20),
                connection_loss: every(10),
                agent_restart: every(10),
                disk_full: every(60),
                master_restart: every(15 * 60),
                stream_loss: every(60),
                framework_failover: every(120),
                teardown: every(240),
                executor_stream_loss: every(5),
            },
            checks: Checks { master_every: 20, agents_per_second: 50 },
            allocation_interval: Duration::from_secs(1),
            kept_lines: 0,
        }
    }
}
