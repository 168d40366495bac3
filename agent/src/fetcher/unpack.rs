//! Unpacking into the sandbox, as the task's user. The archive stays.

use super::{
    FetchCause, Fetcher, Sandbox,
    target::{Archive, Target},
};
use crate::containerizer::Step;

impl Fetcher {
    /// Does nothing for what is no archive.
    pub(super) async fn unpack(&self, target: &Target, sandbox: &Sandbox<'_>) -> Result<(), FetchCause> {
        let Some(archive) = target.archive() else { return Ok(()) };
        let file = target.argument();
        // All three strip what would lead out of the directory.
        let command: &[&str] = match archive {
            Archive::Tar => &["tar", "--no-same-owner", "-xf", &file],
            Archive::Zip => &["unzip", "-q", "-o", &file],
            Archive::Gzip => &["gunzip", "-k", "-f", &file],
        };
        let step = Step {
            program: &self.program,
            command,
            directory: sandbox.path,
            identity: sandbox.owner.as_ref(),
        };
        Ok(step.run().await?)
    }
}
