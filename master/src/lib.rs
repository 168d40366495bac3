//! The cluster's brain: actors, HTTP and registry around the master core.
