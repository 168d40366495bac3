//! The framework SDK: a framework is an actor too.
