//! The executor SDK and the built-in executors.
