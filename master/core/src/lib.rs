//! The master's decisions, pure.
//!
//! [`Master::step`] takes one [`Input`] (what happened) and leaves [`Effect`]s (what to do) in its [`Cx`]; the shell
//! performs them in order, and every answer comes back as another input. Same state, input and time give the same effects.
//!
//! | effect | answered by |
//! |---|---|
//! | [`Effect::Persist`] | [`Input::Persisted`] or [`Input::PersistFailed`] with the same ticket |
//! | [`Effect::Arm`] | [`Input::TimerDue`] with the same timer, unless it is disarmed before |
//! | [`Effect::Watch`] | [`Input::Exited`], once |
//! | [`Effect::Open`] | [`Input::Disconnected`], when the stream ended |
//! | [`Effect::Allocator`] | [`Input::Allocated`] and [`Input::InverseOffers`], whenever the allocator has something |
//! | all others | nothing |
//!
//! Towards the allocator the effects are its own [`Call`](tepui_allocator::Call)s and the input its
//! [`Allocation`](tepui_allocator::Allocation)s; both crates know agents and frameworks by the same handles.
//! [`RegistryOperation::apply`] makes a registry change, for whoever keeps the registry. A scheduler is an HTTP stream or an
//! actor ([`Via`], [`Peer`]): the same calls, the same events.
//!
//! What readers see comes as [`Changed`] values at the end of each step, before the answers to HTTP requests: a client that
//! has its answer reads its own writes.
//!
//! The state is checked by [`Master::invariants`] and hashed by [`Master::digest`].
//!
//! The first input is [`Input::RegistryRecovered`]; the core writes who leads, and serves from the `Persisted` of that write
//! on ([`Changed::Serving`]). Calls before it are answered with 503, messages before it are dropped and counted.

mod agent_life;
mod agent_loss;
mod agent_messages;
mod agents;
mod changed;
mod changes;
#[cfg(test)]
mod cluster;
mod config;
mod constraints;
mod counter;
mod cx;
mod display;
mod effect;
mod events;
mod executor_life;
mod fact;
mod framework_life;
mod frameworks;
mod input;
mod invariants;
mod inverse_offers;
#[cfg(test)]
mod laws;
pub mod limits;
mod maintenance;
mod master;
mod names;
mod offering;
mod offers;
mod operations;
mod operator_calls;
mod quotas;
mod recorded;
mod recovery;
mod registry;
mod scheduler_calls;
mod slab;
mod status;
mod task;
mod task_life;
mod validation;
mod views;

pub use changed::{
    AgentStanding, AgentView, Changed, DrainView, ExecutorView, FrameworkStanding, FrameworkView, OfferView,
    TaskStanding, TaskView,
};
pub use config::Config;
pub use counter::Counter;
pub use cx::Cx;
pub use effect::{Answer, Effect, Peer, ToAgent};
pub use fact::{Fact, Level};
pub use input::{Driver, FromAgent, HttpRequest, Input, NewStream, OperatorCall, SchedulerCall, Via};
pub use maintenance::{Machine, Maintenance, Plan, Planned};
pub use master::Master;
pub use names::{
    AgentHandle, Alarm, Connection, FrameworkHandle, OfferHandle, Pid, RequestId, Ticket, Timer,
};
pub use registry::{Obsolete, Places, RegistryOperation};
