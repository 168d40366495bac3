//! What master and agent serve alike, beside their own: files under virtual paths, how much is logged, and what the machine has.
//!
//! They are questions with an answer, or a [`Refusal`]; the daemons bring them into HTTP.

pub mod files;
pub mod machine;
mod verbosity;

pub use verbosity::Verbosity;

/// Parameters of a request by their names.
pub type Parameters = std::collections::BTreeMap<String, String>;

/// Why a request is not served, in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of HTTP.
    pub status: u16,
    /// Empty where Mesos says nothing.
    pub body: String,
}

impl Refusal {
    /// A refusal in these words.
    pub fn new(status: u16, body: impl Into<String>) -> Refusal {
        Refusal { status, body: body.into() }
    }
}
