//! Whether the engine is still the process that it was.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use tokio::task::JoinHandle;

use crate::engine::Engine;

/// A connection that ends when the engine's process does, and not before: an engine that is being ended lets its containers end
/// first, says so to who waits for them, and may have a successor by the time it is asked what became of them.
pub(crate) struct Presence(JoinHandle<()>);

impl Engine {
    /// From now on it is noticed if it goes.
    pub(crate) fn presence(&self) -> Presence {
        let engine = self.clone();
        Presence(tokio::spawn(async move { engine.until_it_goes().await }))
    }

    async fn until_it_goes(&self) {
        // No such event ever comes.
        let nothing = [("type", "daemon"), ("event", "none")];
        let filters: HashMap<_, _> = nothing.map(|(key, value)| (key, vec![value])).into();
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        let mut events = Box::pin(self.docker().events(Some(options)));
        while let Some(event) = events.next().await {
            match event {
                Ok(_) => {}
                // Whoever stands between us and the engine keeps its events from us.
                Err(Error::DockerResponseServerError { .. }) => return std::future::pending().await,
                Err(_) => return,
            }
        }
    }
}

impl Presence {
    /// Ready when the engine has gone.
    pub(crate) async fn over(&mut self) {
        // It is not ended by anybody but us, and does not panic.
        let _ = (&mut self.0).await;
    }

    /// Whether the engine has gone since.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.abort();
    }
}
