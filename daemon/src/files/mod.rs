//! Files that a daemon shows: its log, and the sandboxes of tasks, under virtual paths. No HTTP here.
//!
//! Finding a path is a look into a table ([`Files`]); the [`Location`] found does the reading, which blocks, wherever the caller
//! sees fit. [`Asked`] does so where nobody waits for the disk, and says what comes of it in the words of Mesos.

mod asked;
pub mod beneath;
mod browse;
mod location;
mod mode;
mod owner;
mod read;
mod table;

pub use asked::{Asked, Download, Entry, Part};
pub use browse::FileInfo;
pub use location::Location;
pub use read::{Chunk, MAX_LENGTH};
pub use table::{Files, FilesError};
