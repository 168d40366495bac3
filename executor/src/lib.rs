//! The executor SDK and the built-in executors.
//!
//! Implement [`Executor`] and [`run`] it: the SDK subscribes with the agent that started the process, resends what the
//! agent has not acknowledged, and outlives the agent's restarts when the framework checkpoints.
//!
//! ```no_run
//! use tepui_executor::{Context, Executor, Update, Via, run, v1};
//!
//! struct Sleeper;
//!
//! impl Executor for Sleeper {
//!     fn launch(&mut self, cx: &mut Context<Self>, task: v1::TaskInfo) {
//!         cx.update(Update::new(&task.task_id, v1::TaskState::TaskRunning));
//!         cx.after(std::time::Duration::from_secs(1), move |_, cx| {
//!             cx.update(Update::new(&task.task_id, v1::TaskState::TaskFinished));
//!         });
//!     }
//!
//!     fn kill(&mut self, cx: &mut Context<Self>, task_id: &v1::TaskId, _: Option<v1::KillPolicy>) {
//!         cx.update(Update::new(task_id, v1::TaskState::TaskKilled));
//!     }
//! }
//!
//! run(Sleeper, Via::Http)?;
//! # Ok::<(), tepui_executor::RunError>(())
//! ```

mod actor;
pub mod checks;
mod command;
mod context;
mod environment;
mod executor;
mod link;
pub mod policy;
mod run;
mod session;

pub use actor::Handle;
pub use command::CommandExecutor;
pub use context::{Context, Update};
pub use environment::{Environment, EnvironmentError};
pub use executor::{Executor, Subscribed};
pub use link::plain_http;
pub use run::{RunError, Via, run, spawn};
pub use tepui_proto::v1;
