//! Bounds on everything that somebody outside can make grow, with the reason for each.

use std::time::Duration;

/// Ended frameworks kept for readers; the oldest goes first. Mesos' number.
pub const COMPLETED_FRAMEWORKS: usize = 50;

/// Ended tasks kept per executor for readers; the oldest goes first. Mesos' number.
pub const COMPLETED_TASKS: usize = 200;

/// Updates of one task that wait for their acknowledgement. A task that reports health once a second and is never
/// acknowledged reaches this after almost three hours; more is an executor gone wild. Updates beyond it are dropped
/// without an acknowledgement, unless they end the task.
pub const PENDING_UPDATES: usize = 10_000;

/// Identities of a task's updates remembered to recognise duplicates: twice what can be waiting. The oldest are forgotten
/// first, after which a resent update would be forwarded a second time (schedulers must bear that anyway).
pub const REMEMBERED_UPDATES: usize = 2 * PENDING_UPDATES;

/// Tasks that wait in or run on one executor. A machine cannot run more processes than this (Linux' default `pid_max`
/// is 32,768); tasks beyond it are dropped with a reason.
pub const TASKS_PER_EXECUTOR: usize = 32_768;

/// Task ids per executor of which it reports though it was never given them, as long as the end of such a task is not
/// acknowledged: each is a stream of updates, with its folder on disk and its timer. It happens rightly after a
/// checkpoint was lost, and then for no more tasks than an executor is usually given; more is an executor gone wild.
/// Updates beyond it are dropped without an acknowledgement.
pub const STRANGERS_PER_EXECUTOR: usize = 1_000;

/// Executors per agent, for the same reason as tasks of an executor.
pub const EXECUTORS: usize = 32_768;

/// The largest `data` of a message between framework and executor: what fits into one peer-protocol frame with room to
/// spare. Larger ones are dropped with a line in the log.
pub const MESSAGE_BYTES: usize = 16 << 20;

/// Operations on the agent's resources whose outcome nobody has acknowledged. All are written to disk with each new one, and
/// a framework acknowledges within seconds; beyond it operations are dropped.
pub const OPERATIONS: usize = 1_000;

/// First pause before an unacknowledged update is sent again; doubles each time. Mesos' number.
pub const RETRY_MIN: Duration = Duration::from_secs(10);

/// The longest such pause. Mesos' number.
pub const RETRY_MAX: Duration = Duration::from_secs(600);

/// The longest pause between two attempts to register. Mesos' number.
pub const REGISTRATION_BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How often a driver whose connection was lost is asked to come back: what cuts a connection on one machine (a stopped process, a full
/// queue) is over in half a minute, or stays.
pub const CALLS_TO_COME_BACK: u32 = 4;

/// Pause between two of those.
pub const CALL_BACK_AFTER: Duration = Duration::from_secs(10);

/// Registrations without an answer before the agent authenticates again: a master that was restarted in between, or lost its connection
/// to us for a moment, drops them without a word. Four take some ten seconds.
pub const REGISTRATIONS_PER_AUTHENTICATION: u32 = 4;

/// Without a word from the master for this long the agent registers anew, unless the master named another time. Mesos'
/// default: 5 pings of 15 s.
pub const PING_TIMEOUT: Duration = Duration::from_secs(75);

/// Pause before a failed write is tried again: time enough for an operator or the disk collector to make room.
pub const REWRITE_AFTER: Duration = Duration::from_secs(10);
