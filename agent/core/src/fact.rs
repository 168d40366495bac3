//! What belongs into the log. Both cores state it in the same words, which are the model's.

pub use tepui_model::{Fact, Level};
