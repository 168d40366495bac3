//! What strangers may make the authenticator hold.

/// Authentications under way. Each lasts 15 seconds at most and takes a few kilobytes; the agents of a large cluster come back
/// within minutes. Beyond it whoever begins is told to try again, as its driver or agent does by itself.
pub const SESSIONS: usize = 4096;

/// Addresses that are authenticated: twice the agents and frameworks of the largest cluster. Only who knows a secret can fill it;
/// beyond it whoever authenticates is refused.
pub const AUTHENTICATED: usize = 200_000;
