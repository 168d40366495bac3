//! What masters say, one file per verb.

mod acknowledge;
mod acknowledge_operation;
mod apply_operation;
mod checkpoint_resources;
mod drain;
mod framework_to_executor;
mod kill_task;
mod reconcile;
mod reconcile_operations;
mod run_task;
mod run_task_group;
mod shutdown_executor;
mod shutdown_framework;
mod status_update;
mod update_framework;

pub(crate) use acknowledge::ack_record;
pub use drain::Drain;
pub(crate) use status_update::update_record;
