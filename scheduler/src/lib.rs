//! The framework SDK: a framework is an actor too.
//!
//! Implement [`Framework`] and [`run`] it. The SDK subscribes, acknowledges, reconciles, minds the heartbeat and
//! reconnects; the same code talks to the master over HTTP (`host:port`) or by actor messages (`master@ip:port`).
//!
//! ```no_run
//! use tepui_scheduler::{Context, Framework, Need, Offer, Settings, Task, run, v1};
//!
//! struct Hello(Need);
//!
//! impl Framework for Hello {
//!     fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>) {
//!         for mut offer in offers {
//!             match self.0.take(&mut offer) {
//!                 Ok(resources) => {
//!                     cx.launch(&offer, [Task::shell("hello", "echo hello").resources(&resources)]);
//!                     return cx.suppress();
//!                 }
//!                 Err(misfit) => println!("{}: {misfit}", offer.hostname()),
//!             }
//!         }
//!     }
//!
//!     fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
//!         println!("{}", status.state().as_str_name());
//!         if tepui_scheduler::is_terminal(status.state()) {
//!             cx.stop();
//!         }
//!     }
//! }
//!
//! let settings = Settings::new("hello", "127.0.0.1:5050".parse()?);
//! run(settings, Hello("cpus:0.1; mem:32".parse()?))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actor;
mod context;
mod framework;
mod link;
mod need;
mod offer;
mod run;
mod session;
mod settings;
mod task;

pub use actor::Handle;
pub use context::{Context, End};
pub use framework::{Framework, Origin};
pub use need::{Misfit, Need};
pub use offer::Offer;
pub use run::{RunError, run, spawn};
pub use settings::{InvalidMasterAddress, MasterAddress, Settings};
pub use task::Task;
pub use tepui_model::task_state::is_terminal;
pub use tepui_model::{Credential, InvalidResources, Resources};
pub use tepui_proto::v1;
