//! How processes of a container are started, found again, and killed.

mod freezer;
mod helper;
mod preflight;
mod process;
mod program;
mod readiness;
pub(crate) mod tree;

pub use program::Program;

pub(crate) use freezer::Freezer;
pub(crate) use helper::Helper;
pub(crate) use preflight::check_namespaces;
pub(crate) use process::Process;
pub(crate) use readiness::when_readable;
