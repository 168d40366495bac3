//! Step tests of the scheduler calls: a call in a phase, and everything that comes of it, as text.

mod accept;
mod acknowledge;
mod drivers;
mod gate;
mod kill;
mod launch_checks;
mod offers;
mod operations;
mod reconcile;
mod subscribe;
mod teardown;
mod update_framework;
