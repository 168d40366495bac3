//! Step tests of the scheduler calls.
