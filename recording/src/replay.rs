//! Feeding a recording to a core.

use std::any::Any;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tepui_model::Time;
use tepui_model::recorded::{self, Core, Unreadable};

use crate::BUILD;
use crate::file::{End, Header, ReadError, Reader, Record};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs that the core took.
    pub inputs: u64,
    /// The hash of the state after them.
    pub digest: u64,
    /// The recording's end, if the replay came to it.
    pub end: Option<End>,
    /// The file ended in the middle of a record, which was dropped.
    pub torn: bool,
}

impl Replayed {
    /// Whether the state became what it became in the daemon; none if the recording does not say what that was.
    pub fn is_same(&self) -> Option<bool> {
        self.end.as_ref().map(|end| end.digest == self.digest && end.inputs == self.inputs)
    }
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was made by another version.
    #[error(
        "tepui {found} recorded this, and this is tepui {BUILD}: replay it with the build that recorded it"
    )]
    Build {
        /// The recorder's.
        found: String,
    },
    /// It is cut off before the first input.
    #[error("the recording has no snapshot: it was cut off while that was written; record again")]
    NoSnapshot,
    /// Its types are others.
    #[error("the snapshot cannot be read; replay it with the build that recorded it: {0}")]
    Snapshot(Unreadable),
    /// Its types are others.
    #[error("input {number} cannot be read; replay it with the build that recorded it: {why}")]
    Input {
        /// From 1.
        number: u64,
        /// Why not.
        why: Unreadable,
    },
    /// What the daemon's core did then as well.
    #[error("the core panics at input {number}: {message}")]
    Panicked {
        /// From 1.
        number: u64,
        /// The panic's.
        message: String,
    },
}

/// Replays what follows the header, up to and with input `until`. `seen` is told each input's number, time and text, and
/// what the core made of it.
///
/// # Errors
///
/// The recording cannot be read, or not by this build, or the core panics.
pub fn replay<C: Core>(
    header: &Header,
    mut reader: Reader<impl Read>,
    until: Option<u64>,
    mut seen: impl FnMut(u64, Time, &C::Input, &dyn Fn() -> Vec<String>),
) -> Result<Replayed, ReplayError> {
    if header.build != BUILD {
        return Err(ReplayError::Build { found: header.build.clone() });
    }
    let Some(Record::Snapshot(snapshot)) = reader.next_record()? else { return Err(ReplayError::NoSnapshot) };
    let mut core: C = recorded::read(&snapshot).map_err(ReplayError::Snapshot)?;
    drop(snapshot);
    let mut inputs = 0;
    let mut end = None;
    while until.is_none_or(|until| inputs < until) {
        match reader.next_record()? {
            Some(Record::Input { now, bytes }) => {
                inputs += 1;
                take(&mut core, inputs, now, &bytes, &mut seen)?;
            }
            Some(Record::End(found)) => {
                end = Some(found);
                break;
            }
            // The reader lets one through only in the first place.
            Some(Record::Snapshot(_)) | None => break,
        }
    }
    Ok(Replayed { inputs, digest: core.digest(), end, torn: reader.is_torn() })
}

fn take<C: Core>(
    core: &mut C,
    number: u64,
    now: Time,
    bytes: &[u8],
    seen: &mut impl FnMut(u64, Time, &C::Input, &dyn Fn() -> Vec<String>),
) -> Result<(), ReplayError> {
    let read = || recorded::read::<C::Input>(bytes).map_err(|why| ReplayError::Input { number, why });
    let input = read()?;
    let effects = catch_unwind(AssertUnwindSafe(|| core.take(now, input)))
        .map_err(|panic| ReplayError::Panicked { number, message: message_of(&*panic) })?;
    seen(number, now, &read()?, &|| effects.iter().map(ToString::to_string).collect());
    Ok(())
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}
