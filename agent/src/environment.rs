//! The environment of an executor.
//!
//! Apart because it is a contract with programs that are not ours. The agent's own environment is not part of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tepui_agent_core::Launch;
use tepui_model::duration;
use tepui_proto::v1::{self, environment::variable};

use crate::Config;

/// Where programs are found by executors that bring no `PATH`: what Linux systems have in common.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a command's environment cannot be given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {0} is a secret, which this agent cannot resolve")]
pub(crate) struct SecretVariable(String);

/// Everything an executor is started with. Later ones win: the operator's variables, the agent's facts, what the command
/// asks for.
pub(crate) fn of_executor(
    config: &Config,
    agent_pid: &str,
    agent: SocketAddr,
    launch: &Launch,
    sandbox: &Path,
) -> Result<BTreeMap<String, String>, SecretVariable> {
    let mut variables = config.executor_environment_variables.clone();
    let facts = facts(config, agent_pid, agent, launch, sandbox);
    variables.extend(facts.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let asked = launch.executor.command.as_ref().and_then(|command| command.environment.as_ref());
    for variable in asked.into_iter().flat_map(|environment| &environment.variables) {
        variables.insert(variable.name.clone(), value_of(variable)?);
    }
    variables.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
    Ok(variables)
}

fn facts(
    config: &Config,
    agent_pid: &str,
    agent: SocketAddr,
    launch: &Launch,
    sandbox: &Path,
) -> Vec<(&'static str, String)> {
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    let time = |span: Duration| duration::print(span).to_string();
    let sandbox = sandbox.display().to_string();
    let nanoseconds = launch.executor.shutdown_grace_period.as_ref().map(|grace| grace.nanoseconds);
    let grace = nanoseconds.and_then(|nanoseconds| u64::try_from(nanoseconds).ok()).map(Duration::from_nanos);
    let checkpoints = launch.framework.checkpoint();
    let mut facts = vec![
        ("MESOS_FRAMEWORK_ID", launch.run.framework.to_string()),
        ("MESOS_EXECUTOR_ID", launch.run.executor.to_string()),
        ("MESOS_SLAVE_ID", launch.run.agent.to_string()),
        ("MESOS_SLAVE_PID", agent_pid.to_owned()),
        ("MESOS_AGENT_ENDPOINT", agent.to_string()),
        ("MESOS_DIRECTORY", sandbox.clone()),
        ("MESOS_SANDBOX", sandbox),
        ("MESOS_CHECKPOINT", flag(checkpoints)),
        ("MESOS_HTTP_COMMAND_EXECUTOR", flag(launch.task.is_some())),
        (
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            time(grace.unwrap_or(config.executor_shutdown_grace_period)),
        ),
        ("LIBPROCESS_PORT", "0".into()),
    ];
    if checkpoints {
        facts.push(("MESOS_RECOVERY_TIMEOUT", time(config.recovery_timeout)));
        facts.push(("MESOS_SUBSCRIPTION_BACKOFF_MAX", time(config.executor_reregistration_timeout)));
    }
    facts
}

fn value_of(variable: &v1::environment::Variable) -> Result<String, SecretVariable> {
    match variable.r#type() {
        variable::Type::Secret => Err(SecretVariable(variable.name.clone())),
        variable::Type::Value | variable::Type::Unknown => Ok(variable.value().to_owned()),
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

        expect![[r#"
            LIBPROCESS_PORT=0
            MESOS_AGENT_ENDPOINT=10.0.0.7:5051
            MESOS_CHECKPOINT=1
            MESOS_DIRECTORY=/w/runs/c1
            MESOS_EXECUTOR_ID=e1
            MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=5secs
            MESOS_FRAMEWORK_ID=f1
            MESOS_HTTP_COMMAND_EXECUTOR=0
            MESOS_RECOVERY_TIMEOUT=15mins
            MESOS_SANDBOX=/w/runs/c1
            MESOS_SLAVE_ID=m-S0
            MESOS_SLAVE_PID=slave(1)@10.0.0.7:5051
            MESOS_SUBSCRIPTION_BACKOFF_MAX=2secs
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        "#]]
        .assert_eq(&shown(&config, &launch(true, &[])));
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
