//! What may be asked for, in Mesos' words where a framework reads them. Checks are pure and change nothing; the error is
//! the message, ready to be shown.

pub mod agent;
pub mod call;
pub mod check;
pub mod command;
pub mod container;
pub mod executor;
pub mod framework;
pub mod offers;
pub mod operation;
pub mod resources;
pub mod task;

/// Fine, or what is wrong.
pub type Checked = Result<(), String>;
