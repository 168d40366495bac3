//! A task's container, as its executor and the agent plan it alike.

use std::path::PathBuf;

use tepui_executor::v1;

use crate::executor::Setup;
use crate::spec::{Plan, SpecError, Wanted};

impl Setup {
    /// What the engine is asked for, for this task.
    ///
    /// # Errors
    /// The task is wrong; the error names the field.
    pub fn plan(&self, task: &v1::TaskInfo, sandbox: PathBuf) -> Result<Plan, SpecError> {
        let container = task.container.as_deref().ok_or(SpecError::NoDocker)?;
        let nothing = v1::CommandInfo { shell: Some(false), ..v1::CommandInfo::default() };
        let limits: Vec<_> = task.limits.iter().map(|(name, limit)| (name.clone(), limit.value)).collect();
        let role = task.resources.iter().find_map(|r| r.allocation_info.as_ref()?.role.clone());
        let wanted = Wanted {
            name: &self.container,
            container,
            command: task.command.as_deref().unwrap_or(&nothing),
            resources: &task.resources,
            limits: &limits,
            variables: role.map(|role| ("MESOS_ALLOCATION_ROLE".into(), role)).into_iter().collect(),
            labels: self.labels.clone(),
            sandbox,
            settings: &self.settings,
        };
        wanted.plan()
    }
}
