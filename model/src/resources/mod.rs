//! What machines have and tasks need, with Mesos' exact arithmetic.
//!
//! [`Resources`] is a sum of [`Resource`] entries. Two entries melt into one if everything but the value is equal
//! ([`Metadata`]), except what is indivisible: a volume or an exclusive disk stays an entry of its own. Entries are
//! kept sorted, so equal sums are equal values and print alike.

mod algebra;
mod as_written;
mod checkpointed;
mod conversion;
mod disk;
mod display;
mod entry;
mod name;
mod operation;
mod quantities;
mod ranges;
mod reservation;
mod scalar;
mod select;
mod sum;
mod text;
mod validation;
mod value;
mod wire;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use conversion::{Conversion, NotContained};
pub use disk::{DiskInfo, DiskKind, DiskSource, Persistence};
pub use entry::{Metadata, Resource};
pub use name::ResourceName;
pub use operation::{InvalidOperation, OfferOperation};
pub use quantities::{ResourceLimits, ResourceQuantities};
pub use ranges::Ranges;
pub use reservation::{Reservation, ReservationKind};
pub use scalar::Scalar;
pub use sum::Resources;
pub use text::InvalidResources;
pub use validation::{InvalidResource, ResourceProblem};
pub use value::Value;
pub use wire::{Format, RefinedReservation};
pub(crate) use wire::{ranges_from_wire, ranges_to_wire};
