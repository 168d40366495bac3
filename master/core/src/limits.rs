//! The bounds of what outsiders can make grow, each with its reason.

/// Agents that are registered. Twice the largest Mesos clusters; beyond it a new agent is refused, and one that the registry
/// does not hold; one that is in the registry is welcome back.
pub const AGENTS: usize = 100_000;

/// Frameworks that have not ended. Each has a stream and a place in the allocator's tree, and everything that is told to
/// all frameworks is told this often. Beyond it a subscription is refused.
pub const FRAMEWORKS: usize = 10_000;

/// Roles of one framework. Each is a place in the allocator's tree, with turns of its own. Beyond it a subscription is refused.
pub const ROLES_PER_FRAMEWORK: usize = 1_000;

/// Tasks of one framework that are not done with: about 1 kB each, most of it for readers. Tasks may ask for no
/// resources at all, so that agents do not bound them. Beyond it a task is refused.
pub const TASKS_PER_FRAMEWORK: usize = 1_000_000;

/// Operations on one agent that are not done with. Frameworks acknowledge within seconds, and agents write all of them to
/// disk with each new one. Beyond it an operation is refused.
pub const OPERATIONS_PER_AGENT: usize = 1_000;

/// The same of one framework, so that one that never acknowledges does not stop the others, nor operators, whose operations
/// the master acknowledges. Beyond it an operation of the framework is refused.
pub const OPERATIONS_PER_FRAMEWORK_AND_AGENT: usize = 100;

/// Bytes of one operation. The agent keeps those that are not acknowledged in one file and tells them in one message, of 64 MiB at most:
/// half of that for all of them.
pub const OPERATION_BYTES: usize = 32 << 10;

/// Bytes of everything reserved or created on one agent, which the agent keeps in the same file and message.
pub const CHECKPOINTED_BYTES: usize = 4 << 20;

/// Statuses in an operation's history: agents tell of one outcome. Beyond it the oldest is dropped.
pub const STATUSES_PER_OPERATION: usize = 10;

/// Ids of removed agents that are remembered, to answer late messages. Mesos' number; 100,000 ids are about 10 MB.
/// Beyond it the oldest is forgotten, and a message from it is one of an unknown agent.
pub const REMOVED_AGENTS: usize = 100_000;

/// Statuses in a task's history. Mesos keeps one for each consecutive state without a bound; a task changes state less
/// than ten times unless its executor misbehaves. Beyond it the oldest is dropped.
pub const STATUSES_PER_TASK: usize = 100;

/// Offer ids named by one ACCEPT or DECLINE. A framework with an offer for each of 50,000 agents may decline them all at
/// once; a call that names more is refused.
pub const OFFERS_PER_CALL: usize = 65_536;

/// Roles that have quota. Each is looked at in every cycle of the allocator; beyond it another is refused.
pub const ROLES_WITH_QUOTA: usize = 10_000;

/// Names of resources in one quota. There are four or five in a cluster; beyond it the quota is refused.
pub const NAMES_PER_QUOTA: usize = 256;

/// Machines in the schedule of maintenance: a cluster has not many more agents. Beyond it the schedule is refused.
pub const MACHINES_IN_MAINTENANCE: usize = AGENTS;

/// Bytes of a machine's host name: DNS has no longer ones (RFC 1035, section 2.3.4). The schedule is written anew with the
/// registry, so that longer ones are refused.
pub const HOSTNAME: usize = 255;

/// Roles that were given a weight: about 100 bytes each in the registry, which is written anew with every change. Beyond it
/// another is refused.
pub const ROLES_WITH_WEIGHT: usize = 10_000;

/// Refuses a call that names more offers than [`OFFERS_PER_CALL`].
pub(crate) fn check_offers(named: usize, field: &str) -> Result<(), String> {
    if named <= OFFERS_PER_CALL {
        return Ok(());
    }
    Err(format!("{field} names {named} offers, at most {OFFERS_PER_CALL} are taken; use several calls"))
}
