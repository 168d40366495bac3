//! What became of a message, in words and in numbers.

use std::fmt;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What became of a message. Each message has one at a time, and at last one that is [settled](Outcome::is_settled).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Outcome {
            $($(#[$doc])* $name = $number,)*
        }

        impl Outcome {
            /// All there are.
            pub const ALL: &[Outcome] = &[$(Outcome::$name),*];

            /// In one or two words; those who lost a message say why behind `dropped: `.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Outcome::$name => $text,)*
                }
            }
        }
    };
}

// The numbers go over the wire between nodes: they are never given to another outcome.
outcomes! {
    /// It is in the mailbox of its actor.
    Waiting = 1, "waiting";
    /// Its handler runs now.
    Handling = 2, "handling";
    /// Its handler ran to the end.
    Handled = 3, "handled";
    /// Its handler panicked.
    Panicked = 4, "handler panicked";
    /// It left for another node, or for a client.
    Sent = 5, "sent";
    /// No actor of that name lives where it was sent to.
    NoSuchActor = 6, "no such actor";
    /// The actor does not receive messages of that name.
    NoSuchMessage = 7, "no such message";
    /// The body is not what its name says.
    Malformed = 8, "decode error";
    /// It is longer than a frame may be.
    TooLarge = 9, "dropped: too large";
    /// The actor ended with the message still in its mailbox.
    ActorEnded = 10, "dropped: actor ended";
    /// The connection that it waited for, or was being written to, was lost.
    ConnectionLost = 11, "dropped: connection lost";
    /// The other node could not be dialled.
    Unreachable = 12, "dropped: node not reached";
    /// Too much waited for the other node, which read too slowly.
    Overflow = 13, "dropped: outbound queue overflow";
    /// The other side did not want it, or this side of it.
    Refused = 14, "dropped: refused by peer";
    /// This node was shut down before it was written.
    ShutDown = 15, "dropped: node shut down";
}

impl Outcome {
    /// The number that stands for it between nodes and in recordings.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The outcome of that number; none if this version knows no such.
    pub fn of_number(number: u8) -> Option<Outcome> {
        Outcome::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether nothing more will happen to the message on this node. What was [sent](Outcome::Sent) may still turn out not
    /// to have been delivered.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Outcome::Waiting | Outcome::Handling)
    }

    /// Whether the message was lost, or its handler panicked.
    pub const fn is_error(self) -> bool {
        !matches!(self, Outcome::Waiting | Outcome::Handling | Outcome::Handled | Outcome::Sent)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_outcome_has_its_own_number_and_text() {
        let texts: BTreeSet<&str> = Outcome::ALL.iter().map(|outcome| outcome.text()).collect();

        assert_eq!(texts.len(), Outcome::ALL.len());
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of_number(outcome.number()), Some(*outcome));
        }
        assert_eq!(Outcome::of_number(0), None);
        assert_eq!(Outcome::of_number(Outcome::ALL.len() as u8 + 1), None);
    }

    #[test]
    fn what_waits_or_went_well_is_no_error() {
        let well = |outcome: &&Outcome| !outcome.is_error();
        let fine: Vec<&str> = Outcome::ALL.iter().filter(well).map(|outcome| outcome.text()).collect();

        assert_eq!(fine, ["waiting", "handling", "handled", "sent"]);
    }
}
