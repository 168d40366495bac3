//! Printing, as Mesos prints resources in logs, errors and status messages.

use std::fmt;

use super::{Resource, Resources};

impl fmt::Display for Resource {
    /// `cpus(allocated: web)(reservations: [(STATIC,web)]):4`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(role) = &self.allocation {
            write!(f, "(allocated: {role})")?;
        }
        if self.is_reserved() {
            f.write_str("(reservations: [")?;
            for (n, reservation) in self.reservations().iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                write!(f, "{comma}({reservation})")?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = self.disk() {
            write!(f, "[{disk}]")?;
        }
        if self.is_revocable() {
            f.write_str("{REV}")?;
        }
        if self.is_shared() {
            f.write_str("<SHARED>")?;
        }
        write!(f, ":{}", self.value)?;
        if self.is_shared() {
            write!(f, "<{}>", self.copies)?;
        }
        Ok(())
    }
}

impl fmt::Display for Resources {
    /// Entries with `; ` between them; `{}` if there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (n, entry) in self.iter().enumerate() {
            let separator = if n > 0 { "; " } else { "" };
            write!(f, "{separator}{entry}")?;
        }
        Ok(())
    }
}
