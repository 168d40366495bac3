//! One machine's hands: containers, checkpoints and HTTP around the agent core.

pub mod containerizer;
pub mod detect;
pub mod disk;
