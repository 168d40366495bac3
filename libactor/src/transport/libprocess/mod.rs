//! The libprocess wire: a message is an HTTP request, its sender a header, and its answer means only that it arrived.
//!
//! ```text
//!  sender                                                    receiver
//!  POST /slave(1)/mesos.internal.PingSlaveMessage ─────────►
//!                                                 ◄───────── 202 Accepted, or 404: no such actor
//! ```
//!
//! A sender does not wait for answers, and a reply is a message on a connection of its own, to the address in the sender's
//! pid. A connection that is kept is a link: its loss is the end of every watched actor at the other end. Nothing tells of
//! the end of a single actor, so that theirs are watched by connection, and their links to us break only with the node.

pub(crate) mod head;
pub(crate) mod inbound;
mod intake;
pub(crate) mod outbound;
pub(crate) mod posted;
pub(crate) mod requests;
pub(crate) mod speakers;
