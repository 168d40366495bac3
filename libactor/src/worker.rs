//! Another thread for actors.

use actix_rt::Arbiter;

/// An operating system thread where actors can be [spawned](crate::Node::spawn_on). Ends when it is dropped, and its actors with it.
pub struct Worker {
    // Only taken by `drop`.
    arbiter: Option<Arbiter>,
}

impl Worker {
    /// Starts a thread.
    ///
    /// # Panics
    /// Called outside [`libactor::run`](crate::run).
    pub fn start() -> Worker {
        Worker { arbiter: Some(Arbiter::new()) }
    }

    pub(crate) fn execute(&self, task: impl FnOnce() + Send + 'static) -> bool {
        self.arbiter.as_ref().is_some_and(|arbiter| arbiter.spawn_fn(task))
    }

    pub(crate) fn stop(&self) {
        if let Some(arbiter) = &self.arbiter {
            arbiter.stop();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
        // Not joined: a worker may be dropped on its own thread.
    }
}
