//! What frameworks may make the master hold for them.

/// Messages that wait in one lane, where the operator sets no capacity or a larger one. Beyond it a framework is told the error that it would
/// be told beyond its capacity.
pub const HELD_MESSAGES: u64 = 100_000;

/// Their bytes: half of what one message may have at most, or a hundred thousand ordinary ones.
pub const HELD_BYTES: usize = 32 << 20;

/// Principals whose messages are counted. Frameworks choose their principals freely where nobody authenticates; those of later ones
/// are limited all the same.
pub const COUNTED_PRINCIPALS: usize = 10_000;

/// Bytes of such a principal: it is part of the names of metrics, which every reader of them gets.
pub const COUNTED_PRINCIPAL_BYTES: usize = 256;
