//! Addressable actors across machines, with message tracing.
