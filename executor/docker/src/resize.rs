//! Other resources for a container that runs: an executor's grow with its tasks.

use bollard::models::{ContainerUpdateBody, HostConfig};

use crate::engine::{Engine, EngineError};
use crate::spec::Plan;

impl Engine {
    /// Gives a container what a new plan of it says. Memory is only ever raised: less than is in use would end it for no fault of
    /// its own. One that has ended needs nothing any more.
    ///
    /// # Errors
    /// The engine refused or could not be reached.
    pub async fn resize(&self, plan: &Plan) -> Result<(), EngineError> {
        match self.give(plan).await {
            Err(_) if self.is_over(&plan.name).await => Ok(()),
            given => given,
        }
    }

    async fn give(&self, plan: &Plan) -> Result<(), EngineError> {
        let Some(wanted) = &plan.body.host_config else { return Ok(()) };
        let now = self.inspect(&plan.name).await?.host_config.unwrap_or_default();
        let updated = self.docker().update_container(&plan.name, update(&now, wanted)).await;
        updated.map_err(|why| self.error(&format!("change the resources of container {}", plan.name), why))
    }

    async fn is_over(&self, name: &str) -> bool {
        match self.running(name).await {
            Ok(running) => running.is_none(),
            Err(error) => error.is_missing(),
        }
    }
}

fn update(now: &HostConfig, wanted: &HostConfig) -> ContainerUpdateBody {
    let unlimited = now.memory.is_none_or(|memory| memory <= 0);
    let memory = wanted.memory.filter(|memory| !unlimited && now.memory.is_some_and(|now| now < *memory));
    // Memory with swap may not be the lesser one; engines give twice the memory where nothing is said.
    let swap =
        now.memory_swap.filter(|swap| *swap > 0).zip(memory).map(|(swap, memory)| swap.max(2 * memory));
    ContainerUpdateBody {
        cpu_shares: wanted.cpu_shares,
        cpu_period: wanted.cpu_period,
        cpu_quota: wanted.cpu_quota,
        memory,
        memory_swap: swap,
        memory_reservation: wanted.memory_reservation,
        ..ContainerUpdateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_raised_and_never_lowered() {
        let with = |memory, swap| HostConfig { memory, memory_swap: swap, ..HostConfig::default() };
        let changes = |now: &HostConfig, wanted| {
            let update = update(now, &with(Some(wanted), None));
            (update.memory, update.memory_swap)
        };

        assert_eq!(changes(&with(Some(100), Some(200)), 150), (Some(150), Some(300)));
        assert_eq!(changes(&with(Some(100), Some(-1)), 150), (Some(150), None));
        assert_eq!(changes(&with(Some(100), Some(200)), 50), (None, None));
        assert_eq!(changes(&with(Some(0), Some(0)), 150), (None, None));
    }
}
