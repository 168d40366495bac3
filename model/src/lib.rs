//! The vocabulary with laws: ids, resources, roles, time; and the facts that cores state for the log.
//!
//! What has laws is a type of this crate, converted once, at the edge, from and to the generated messages of
//! `tepui-proto`; this crate owns those conversions. What has no laws stays a message: nothing is mirrored here.
//!
//! Everything is pure and ordered: no clock, no IO, no maps with unstable order. Conversions from a message
//! (`TryFrom`) refuse what Mesos refuses, in Mesos' words where a user reads them; conversions back (`From`) cannot
//! fail.
//!
//! ```
//! use tepui_model::{Resources, Role};
//!
//! let total = Resources::parse("cpus:4; mem:1024; ports:[31000-32000]", &Role::star())?;
//! let task = Resources::parse("cpus:0.1; mem:32", &Role::star())?;
//! assert!(total.contains(&task));
//! assert_eq!((&total - &task).to_string(), "cpus:3.9; mem:992; ports:[31000-32000]");
//! # Ok::<(), tepui_model::InvalidResources>(())
//! ```

pub mod about;
mod attributes;
pub mod basic;
mod capabilities;
mod constraints;
mod container_id;
pub mod cram_md5;
mod credentials;
pub mod duration;
mod fact;
mod id;
mod operation_uuid;
mod quota;
pub mod recorded;
mod resources;
mod role;
pub mod secrets;
mod size;
pub mod task_state;
mod time;
mod value_text;

pub use attributes::{Attribute, AttributeValue, Attributes, InvalidAttributes};
pub use capabilities::{AgentCapabilities, FrameworkCapabilities};
pub use constraints::{AgentTraits, OfferConstraints};
pub use container_id::{ContainerId, InvalidContainerId};
pub use credentials::{Credential, Credentials, InvalidCredentials};
pub use duration::InvalidDuration;
pub use fact::{Fact, Level};
pub use id::{AgentId, ExecutorId, FrameworkId, Id, IdKind, InvalidId, OfferId, OperationId, TaskId};
pub use operation_uuid::{OperationUuid, uuid_text};
pub use quota::Quota;
pub use resources::{
    Conversion, DiskInfo, DiskKind, DiskSource, Format, InvalidOperation, InvalidResource, InvalidResources,
    Metadata, NotContained, OfferOperation, Persistence, Ranges, RefinedReservation, Reservation,
    ReservationKind, Resource, ResourceLimits, ResourceName, ResourceProblem, ResourceQuantities, Resources,
    Scalar, Value,
};
pub use role::{InvalidRole, Role};
pub use size::{InvalidSize, Size};
pub use time::Time;
pub use value_text::InvalidValue;
