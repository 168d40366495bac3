//! Step tests of the agent messages.
