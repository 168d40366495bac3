//! Why JSON text is not a message.

use crate::wire::DecodeError;
use thiserror::Error;

/// Why JSON text is not a message.
#[derive(Debug, Error)]
pub enum JsonError {
    /// The text is no JSON, or a value does not fit its field.
    #[error("{message}: {detail}{}", at(.path))]
    Value {
        message: &'static str,
        /// Where, such as `offers[0].id`; empty at the top.
        path: String,
        /// What is wrong, with line and column.
        detail: String,
    },

    /// Above all: required fields are missing.
    #[error(transparent)]
    Content(#[from] DecodeError),
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", in {path}") }
}
