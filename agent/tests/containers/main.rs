//! Containers on the real kernel. Tests of the linux launcher need root and say so when they are skipped.

mod bed;
mod full_disk;
mod isolation;
mod lifecycle;
mod preflight;
mod recovery;
mod users;
