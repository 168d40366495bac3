//! End to end: real processes, real sockets, real third-party clients.
