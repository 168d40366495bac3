//! Images that come from no registry.

use bollard::body_full;
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder};
use bytes::Bytes;
use futures::StreamExt;

use crate::engine::{Engine, EngineError};

impl Engine {
    /// Makes an image of one layer out of a tar of its root, as `docker import` does. The name has a tag.
    ///
    /// # Errors
    /// The engine refused, or could not be reached.
    pub async fn import_image(&self, name: &str, root: Bytes) -> Result<(), EngineError> {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).build();
        let mut steps = Box::pin(self.docker().create_image(Some(options), Some(body_full(root)), None));
        while let Some(step) = steps.next().await {
            step.map_err(|why| self.error(&format!("import image {name}"), why))?;
        }
        Ok(())
    }

    /// Removes an image, also if ended containers came from it.
    ///
    /// # Errors
    /// The engine refused, or could not be reached. That there is no such image is no error.
    pub async fn remove_image(&self, name: &str) -> Result<(), EngineError> {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        let removed = self.docker().remove_image(name, Some(options), None).await;
        match removed.map_err(|why| self.error(&format!("remove image {name}"), why)) {
            Err(error) if error.is_missing() => Ok(()),
            done => done.map(drop),
        }
    }
}
