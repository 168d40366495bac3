//! Why bytes are not a message.

use thiserror::Error;

/// An error names at most this many missing fields: enough to mend a message, and no page of text for a hostile one.
pub const MAX_LISTED: usize = 16;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("no message is called {name:?}")]
    UnknownMessage { name: String },

    /// The wording is Mesos', which clients look for.
    #[error("Missing required fields: {}{}", .fields.join(", "), more(*.unlisted))]
    Missing {
        message: &'static str,
        /// Paths from the message, such as `offers[0].id.value`; at most [`MAX_LISTED`].
        fields: Vec<String>,
        /// How many more there are.
        unlisted: usize,
    },

    #[error("malformed {message}: {detail}")]
    Malformed { message: &'static str, detail: String },

    #[error("{message} is nested deeper than {} levels at {path}", super::MAX_DEPTH)]
    TooDeep { message: &'static str, path: String },
}

fn more(unlisted: usize) -> String {
    if unlisted == 0 { String::new() } else { format!(", and {unlisted} more") }
}
