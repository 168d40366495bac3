//! What a check's command prints, in the sandbox of its task.

use std::io::Write;

/// What one look may leave in the sandbox; more is thrown away. Enough for the message of an error.
const MOST: usize = 4 << 10;

/// Room for the output of one look.
#[derive(Debug)]
pub struct Output {
    left: usize,
}

impl Default for Output {
    fn default() -> Self {
        Output { left: MOST }
    }
}

impl Output {
    /// Writes as much of it as there is room for to our stderr, which is the sandbox's.
    pub fn show(&mut self, output: &[u8]) {
        let shown = &output[..output.len().min(self.left)];
        self.left -= shown.len();
        // Who took our stderr away does not want to know.
        let _ = std::io::stderr().write_all(shown);
    }

    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }
}
