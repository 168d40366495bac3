//! Copying from this machine, as the task's user: nobody fetches what they may not read.

use super::{FetchCause, Fetcher, Sandbox, target::Target};
use crate::containerizer::Step;

impl Fetcher {
    pub(super) async fn copy(
        &self,
        source: &str,
        target: &Target,
        sandbox: &Sandbox<'_>,
    ) -> Result<(), FetchCause> {
        let target = target.argument();
        let step = Step {
            program: &self.program,
            command: &["cp", source, &target],
            directory: sandbox.path,
            identity: sandbox.owner.as_ref(),
        };
        Ok(step.run().await?)
    }
}
