//! What must outlive the agent: `<work_dir>/meta`, in Mesos' layout.
//!
//! ```text
//! meta/boot_id
//! meta/resources/resources_and_operations.{state, target}
//! meta/slaves/latest -> <agent>
//! meta/slaves/<agent>/{slave.info, drain.config}
//!   frameworks/<framework>/{framework.info, framework.pid}
//!     executors/<executor>/{executor.info, executor.generated}
//!       runs/latest -> <container>
//!       runs/<container>/{pids/{forked.pid, libprocess.pid}, http.marker, executor.sentinel}
//!         tasks/<task>/{task.info, task.updates}
//! ```
//!
//! Every file with messages holds them length-prefixed: four bytes, little end first, then the message.

mod assets;
mod collect;
mod files;
mod layout;
mod lock;
mod read;
mod write;
mod writer;

pub(crate) use collect::empty_parents;
pub(crate) use lock::WorkDirLock;
pub(crate) use read::{read, write_boot_id};
pub(crate) use write::forked_pid;
pub(crate) use writer::Writer;
