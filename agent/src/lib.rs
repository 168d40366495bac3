//! One machine's hands: containers, checkpoints and HTTP around the agent core.
