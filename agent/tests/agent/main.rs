//! A whole agent against a master and an executor that the test plays: real processes, real files, real sockets.

mod driving;
mod executor;
mod isolating;
mod master;
mod recovering;
mod refusing;
mod running;
mod site;
