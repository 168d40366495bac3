//! Each call with what it refuses, and what it makes the registry, the allocator, frameworks and agents hear.

mod agents;
mod drain;
mod maintenance;
mod quota;
mod weights;
