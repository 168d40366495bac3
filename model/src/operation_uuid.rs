//! What masters and agents call an operation, whether or not its framework gave it a name.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tepui_proto::v1;

/// The 36 characters of a UUID (RFC 9562, section 4).
pub fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// The identity of an operation: the 16 bytes of a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationUuid(pub [u8; 16]);

impl OperationUuid {
    /// Reads a message; `None` unless there are sixteen bytes.
    pub fn from_wire(uuid: &v1::Uuid) -> Option<OperationUuid> {
        uuid.value[..].try_into().ok().map(OperationUuid)
    }

    /// The message.
    pub fn to_wire(self) -> v1::Uuid {
        v1::Uuid { value: Bytes::copy_from_slice(&self.0) }
    }
}

impl fmt::Display for OperationUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&uuid_text(self.0))
    }
}

impl fmt::Debug for OperationUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
