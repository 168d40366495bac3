//! The environment of an executor, from what the agent knows of it.
//!
//! Apart because it is a contract with programs that are not ours. The agent's own environment is not part of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tepui_agent_core::Launch;
use tepui_proto::v1::{self, environment::variable};

use crate::Config;
use crate::containerizer::environment::{self, Checkpoint, ExecutorFacts};

/// Why a command's environment cannot be given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {0} is a secret, which this agent cannot resolve")]
pub(crate) struct SecretVariable(String);

/// Everything an executor is started with.
pub(crate) fn of_executor(
    config: &Config,
    agent_pid: &str,
    agent: SocketAddr,
    launch: &Launch,
    sandbox: &Path,
) -> Result<BTreeMap<String, String>, SecretVariable> {
    let nanoseconds = launch.executor.shutdown_grace_period.as_ref().map(|grace| grace.nanoseconds);
    let grace = nanoseconds.and_then(|nanoseconds| u64::try_from(nanoseconds).ok()).map(Duration::from_nanos);
    let checkpoint = Checkpoint {
        recovery_timeout: config.recovery_timeout,
        subscription_backoff_max: config.executor_reregistration_timeout,
    };
    let facts = ExecutorFacts {
        framework_id: launch.run.framework.as_str(),
        executor_id: launch.run.executor.as_str(),
        agent_id: launch.run.agent.as_str(),
        agent_pid,
        agent_endpoint: &agent.to_string(),
        directory: sandbox,
        sandbox,
        checkpoint: launch.framework.checkpoint().then_some(checkpoint),
        http_command_executor: launch.task.is_some(),
        shutdown_grace_period: grace.unwrap_or(config.executor_shutdown_grace_period),
        libprocess_ip: None,
        authentication_token: None,
    };
    let asked = launch.executor.command.as_ref().and_then(|command| command.environment.as_ref());
    let asked = asked.into_iter().flat_map(|environment| &environment.variables).map(value_of);
    let asked = asked.collect::<Result<Vec<_>, _>>()?;
    Ok(environment::of_executor(&config.executor_environment_variables, &facts, asked))
}

fn value_of(variable: &v1::environment::Variable) -> Result<(String, String), SecretVariable> {
    match variable.r#type() {
        variable::Type::Secret => Err(SecretVariable(variable.name.clone())),
        variable::Type::Value | variable::Type::Unknown => {
            Ok((variable.name.clone(), variable.value().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use tepui_agent_core::Run;

    use super::*;

    fn launch(checkpoint: bool, variables: &[(&str, &str)]) -> Launch {
        let variables = variables.iter().map(|(name, value)| v1::environment::Variable {
            name: (*name).into(),
            value: Some((*value).into()),
            ..Default::default()
        });
        let command = v1::CommandInfo {
            environment: Some(v1::Environment { variables: variables.collect() }),
            ..Default::default()
        };
        Launch {
            run: Run {
                agent: "m-S0".parse().unwrap(),
                framework: "f1".parse().unwrap(),
                executor: "e1".parse().unwrap(),
                container: "c1".parse().unwrap(),
            },
            framework: Arc::new(v1::FrameworkInfo { checkpoint: Some(checkpoint), ..Default::default() }),
            executor: Arc::new(v1::ExecutorInfo { command: Some(Box::new(command)), ..Default::default() }),
            task: None,
            resources: Default::default(),
        }
    }

    fn shown(config: &Config, launch: &Launch) -> String {
        let agent = "10.0.0.7:5051".parse().unwrap();
        let all =
            of_executor(config, "slave(1)@10.0.0.7:5051", agent, launch, Path::new("/w/runs/c1")).unwrap();
        all.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    #[test]
    fn an_executor_of_a_checkpointing_framework_learns_how_to_come_back() {
        let config = Config::new("127.0.0.1:5050", "/w");

        expect![[""]].assert_eq(&shown(&config, &launch(true, &[])));
    }

    #[test]
    fn the_commands_own_variables_win_and_the_operators_lose() {
        let mut config = Config::new("127.0.0.1:5050", "/w");
        config.executor_environment_variables =
            [("PATH", "/opt/bin"), ("A", "operator"), ("MESOS_SLAVE_ID", "x")]
                .map(|(a, b)| (a.into(), b.into()))
                .into();

        let all = shown(&config, &launch(false, &[("A", "command")]));

        assert!(all.contains("PATH=/opt/bin\n") && all.contains("A=command\n"), "{all}");
        assert!(all.contains("MESOS_SLAVE_ID=m-S0\n") && !all.contains("RECOVERY"), "{all}");
    }

    #[test]
    fn a_secret_is_refused_by_name() {
        let mut launch = launch(false, &[]);
        let secret = v1::environment::Variable {
            name: "PASSWORD".into(),
            r#type: Some(variable::Type::Secret as i32),
            ..Default::default()
        };
        let executor = Arc::make_mut(&mut launch.executor);
        executor.command.as_mut().unwrap().environment.as_mut().unwrap().variables.push(secret);
        let config = Config::new("127.0.0.1:5050", "/w");
        let agent = "10.0.0.7:5051".parse().unwrap();

        let why =
            of_executor(&config, "slave(1)@10.0.0.7:5051", agent, &launch, Path::new("/w")).unwrap_err();

        assert_eq!(
            why.to_string(),
            "environment variable PASSWORD is a secret, which this agent cannot resolve"
        );
    }
}
