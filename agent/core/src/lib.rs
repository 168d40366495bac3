//! The agent's decisions, pure: what happened comes in as an [`Input`], what is to be done goes out as [`Effect`]s.
//!
//! There is one door, [`Agent::step`]. The core has no clock, no files, no threads and no randomness but a generator
//! seeded by its shell; the same state, input and time give the same effects. `tepui-agent` performs the effects on a
//! real machine, the simulation performs them in memory.
//!
//! | asked | answered by |
//! |---|---|
//! | [`Effect::Checkpoint`] | [`Input::Checkpointed`], for every ticket, in the order asked |
//! | [`Effect::RecoverContainers`] | [`Input::ContainersRecovered`] |
//! | [`Effect::Launch`] | [`Input::Container`] with `Launched` or `LaunchFailed`; after `Launched`, once, `Exited` |
//! | [`Effect::Update`] | [`Input::Container`] with `Updated` or `UpdateFailed` |
//! | [`Effect::Destroy`] | [`Input::Container`] with `Exited` (or `LaunchFailed`, if it was not launched yet) |
//! | [`Effect::Authenticate`] | [`Input::Authenticated`], at most once; a later question takes back the one before it |
//! | [`Effect::Arm`] | [`Input::TimerDue`], once |
//! | [`Effect::Watch`] | [`Input::MasterExited`] or [`Input::ExecutorGone`], when it happens |
//! | all others | nothing |
//!
//! A shell makes an agent with [`Agent::new`], gives it [`Input::Start`] first and [`Input::MasterDetected`] when it
//! knows the master; the rest follows from the effects.

mod agent;
mod assets;
mod authentication;
mod checks;
mod command_executor;
mod containers;
mod counters;
mod cx;
mod effect;
mod event;
mod executor;
mod executor_calls;
mod fact;
mod framework;
mod input;
mod invariants;
pub mod limits;
mod master_messages;
mod names;
mod reconfiguration;
mod recorded;
mod recovery;
mod registration;
mod removal;
mod run;
mod settings;
mod shutdown;
mod status;
mod task_limits;
#[cfg(test)]
mod tests;
mod updates;
mod volumes;

pub use agent::{Agent, Phase};
pub use assets::total;
pub use authentication::Identification;
pub use counters::Counters;
pub use cx::Cx;
pub use effect::{Effect, Launch, Reply, ToMaster, Write};
pub use executor::{Executor, ExecutorPhase, Queued, TaskRecord};
pub use fact::{Fact, Level};
pub use framework::{Framework, FrameworkPhase};
pub use input::{ContainerEvent, ExecutorCall, Input, MasterMessage, Termination};
pub use master_messages::Drain;
pub use names::{Connection, Peer, Pid, RequestId, Ticket, Timer, UpdateId};
pub use reconfiguration::{Policy, Reconfiguration, compare};
pub use recovery::{Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask};
pub use registration::CAPABILITIES;
pub use run::Run;
pub use settings::{Patience, Recover, Settings};
pub use task_limits::TaskLimits;
pub use updates::{StreamKey, Updates};
pub use volumes::{is_mount, volume_directory};
