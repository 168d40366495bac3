//! Reservations: for which role a resource is kept, and by whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Role;

/// Who made a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReservationKind {
    /// The agent's `--resources`; only a reconfigured agent drops it.
    Static,
    /// A framework or operator at run time.
    Dynamic,
}

/// One layer of a reservation. Layers form a stack: each refines the one below to a role further down the hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// Who made it.
    pub kind: ReservationKind,
    /// Whom it is for; never `*`.
    pub role: Role,
    /// The principal that reserved, if it was authenticated.
    pub principal: Option<String>,
    /// Key and value pairs, in order of keys; `None` is not the same as none.
    pub labels: Option<Vec<(String, Option<String>)>>,
}

impl Reservation {
    /// A reservation by the agent's flags.
    pub fn fixed(role: Role) -> Self {
        Self { kind: ReservationKind::Static, role, principal: None, labels: None }
    }

    /// A reservation at run time.
    pub fn dynamic(role: Role, principal: Option<String>) -> Self {
        Self { kind: ReservationKind::Dynamic, role, principal, labels: None }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReservationKind::Static => "STATIC",
            ReservationKind::Dynamic => "DYNAMIC",
        };
        write!(f, "{kind},{}", self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{principal}")?;
        }
        if let Some(labels) = &self.labels {
            f.write_str(",{")?;
            for (n, (key, value)) in labels.iter().enumerate() {
                let comma = if n > 0 { ", " } else { "" };
                write!(f, "{comma}{key}")?;
                if let Some(value) = value {
                    write!(f, ": {value}")?;
                }
            }
            f.write_str("}")?;
        }
        Ok(())
    }
}
