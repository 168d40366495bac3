//! A whole cluster in one thread: seeded, virtual time, faults.
