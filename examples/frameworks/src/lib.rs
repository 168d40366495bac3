//! Example frameworks, written as anybody would write theirs: on the SDK alone.
//!
//! `hello` is the smallest whole framework (`src/bin/hello.rs`), `batch` runs a number of tasks to their end, `service`
//! keeps a number of instances running, `docker_web` keeps web servers in containers and replaces them one by one.

mod batch;
mod docker_web;
mod service;

pub use batch::{Batch, BatchEvent, BatchOutcome};
pub use docker_web::{DockerWeb, Site, WebEvent};
pub use service::{Service, ServiceEvent};
