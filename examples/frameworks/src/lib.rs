//! Example frameworks: hello, batch, service.
