//! What every HTTP side of a node does alike, whatever it serves.

mod body;
mod path;

pub use body::read_body;
pub use path::percent_decode;
