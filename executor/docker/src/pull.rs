//! Getting an image, and saying how far that is.

use std::collections::BTreeMap;

use bollard::models::{ContainerInspectResponse, CreateImageInfo};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;

use crate::credentials::DockerConfig;
use crate::engine::{Engine, EngineError};
use crate::spec::Plan;

/// Layers whose progress is told apart. Images have a few dozen; more are counted together.
const LAYERS: usize = 512;

/// How far a pull is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    layers: BTreeMap<String, Layer>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Layer {
    current: i64,
    total: i64,
    done: bool,
}

impl Progress {
    fn note(&mut self, info: CreateImageInfo) {
        let (Some(id), Some(status)) = (info.id, info.status) else { return };
        let is_layer = info.progress_detail.is_some()
            || ["Pulling fs layer", "Waiting", "Already exists", "Pull complete"].contains(&status.as_str());
        if !is_layer || (self.layers.len() >= LAYERS && !self.layers.contains_key(&id)) {
            return;
        }
        let layer = self.layers.entry(id).or_default();
        layer.done |= status == "Pull complete" || status == "Already exists";
        if status == "Downloading"
            && let Some(detail) = info.progress_detail
        {
            (layer.current, layer.total) = (detail.current.unwrap_or(0), detail.total.unwrap_or(0));
        }
    }

    /// `3 of 7 layers, 12.5 of 45.0 MiB`; nothing until there are layers.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        if self.layers.is_empty() {
            return None;
        }
        let done = self.layers.values().filter(|layer| layer.done).count();
        let total: i64 = self.layers.values().map(|layer| layer.total).sum();
        let current: i64 =
            self.layers.values().map(|layer| if layer.done { layer.total } else { layer.current }).sum();
        let counted = format!("{done} of {} layers", self.layers.len());
        if total == 0 {
            return Some(counted);
        }
        Some(format!("{counted}, {:.1} of {:.1} MiB", mebibytes(current), mebibytes(total)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn mebibytes(bytes: i64) -> f64 {
    bytes as f64 / 1_048_576.0
}

impl Engine {
    /// Makes sure that the plan's image is there, pulling it if need be. `report` hears of each step.
    ///
    /// # Errors
    /// The registry or the engine refused, or could not be reached.
    pub async fn provide_image(
        &self,
        plan: &Plan,
        config: &DockerConfig,
        report: impl FnMut(&Progress),
    ) -> Result<(), EngineError> {
        if !plan.force_pull && self.has_image(&plan.image).await? {
            return Ok(());
        }
        self.pull(plan, config, report).await
    }

    /// Starts the plan's container, with its image, which is there more often than not: nobody asks for it before.
    ///
    /// # Errors
    /// The registry or the engine refused, or could not be reached.
    pub(crate) async fn provide_and_start(
        &self,
        plan: &Plan,
        config: &DockerConfig,
        report: impl FnMut(&Progress),
    ) -> Result<ContainerInspectResponse, EngineError> {
        if !plan.force_pull {
            match self.start(plan).await {
                Err(error) if error.is_missing_image() => {}
                started => return started,
            }
        }
        self.pull(plan, config, report).await?;
        self.start(plan).await
    }

    async fn pull(
        &self,
        plan: &Plan,
        config: &DockerConfig,
        mut report: impl FnMut(&Progress),
    ) -> Result<(), EngineError> {
        // Without a tag the engine would pull them all.
        let image =
            if names_one(&plan.image) { plan.image.clone() } else { format!("{}:latest", plan.image) };
        let options = CreateImageOptionsBuilder::new().from_image(&image);
        let options = match &plan.platform {
            Some(platform) => options.platform(platform),
            None => options,
        };
        let credentials = config.of_image(&plan.image);
        let mut steps = Box::pin(self.docker().create_image(Some(options.build()), None, credentials));
        let mut progress = Progress::default();
        report(&progress);
        while let Some(step) = steps.next().await {
            let step = step.map_err(|why| self.error(&format!("pull image {image}"), why))?;
            if let Some(error) = step.error_detail.as_ref().and_then(|detail| detail.message.clone()) {
                return Err(EngineError::Refused {
                    what: format!("pull image {image}"),
                    status: 500,
                    message: error,
                });
            }
            progress.note(step);
            report(&progress);
        }
        Ok(())
    }

    async fn has_image(&self, image: &str) -> Result<bool, EngineError> {
        match self.docker().inspect_image(image).await.map_err(|why| self.error("look for the image", why)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether the name has a tag or a digest.
fn names_one(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    last.contains([':', '@'])
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    #[test]
    fn progress_counts_layers_and_bytes() {
        let step = |id: &str, status: &str, current, total| CreateImageInfo {
            id: Some(id.into()),
            status: Some(status.into()),
            progress_detail: Some(ProgressDetail { current, total }),
            ..CreateImageInfo::default()
        };
        let mut progress = Progress::default();
        assert_eq!(progress.describe(), None);

        progress.note(CreateImageInfo {
            id: Some("latest".into()),
            status: Some("Pulling from library/busybox".into()),
            ..CreateImageInfo::default()
        });
        progress.note(step("a", "Pulling fs layer", None, None));
        progress.note(step("b", "Downloading", Some(1 << 20), Some(3 << 20)));
        assert_eq!(progress.describe().unwrap(), "0 of 2 layers, 1.0 of 3.0 MiB");

        progress.note(step("b", "Extracting", Some(1), Some(2)));
        progress.note(step("b", "Pull complete", None, None));
        assert_eq!(progress.describe().unwrap(), "1 of 2 layers, 3.0 of 3.0 MiB");
    }

    #[test]
    fn a_name_without_a_tag_is_the_latest() {
        assert!(names_one("a:1") && names_one("r:5000/a:1") && names_one("a@sha256:0"));
        assert!(!names_one("a") && !names_one("r:5000/a"));
    }
}
