//! Tasks in Docker containers. Each test has an engine of its own.

mod failures;
mod fields;
mod life;
mod outages;
mod pulls;
mod restarts;
mod settings;
