//! `tepui execute`: runs a command on the cluster and waits for it, like `mesos-execute`.

mod container;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{ArgAction, Args};
use tepui_scheduler::{
    Context, Framework, MasterAddress, Need, Offer, Settings, Task, is_terminal, run as run_framework, v1,
};

use super::credentials;
use crate::logging;

#[derive(Args)]
pub struct Arguments {
    /// The master
    #[arg(long, value_name = "HOST:PORT", env = "MESOS_MASTER", default_value = "127.0.0.1:5050")]
    master: MasterAddress,
    /// The file of a principal and its secret, for a cluster that asks who runs something
    #[arg(long, value_name = "FILE", env = "TEPUI_CREDENTIAL")]
    credential: Option<PathBuf>,
    /// The task's name
    #[arg(long)]
    name: String,
    /// What to run: a line of shell, or with --no-shell a program. A Docker image may bring its own
    #[arg(long, required_unless_present = "no_shell")]
    command: Option<String>,
    /// What each instance needs
    #[arg(long, default_value = "cpus:1;mem:128")]
    resources: String,
    /// The command's environment: a JSON object of texts
    #[arg(long, value_name = "JSON")]
    env: Option<String>,
    /// How many at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    instances: u32,
    /// Run the command in a shell, which is so unless --no-shell is given
    #[arg(long, overrides_with = "no_shell")]
    shell: bool,
    /// Run the program itself, with the arguments after --
    #[arg(long, alias = "no_shell", action = ArgAction::SetTrue)]
    no_shell: bool,
    /// Use resources of this role
    #[arg(long, default_value = "*")]
    role: String,
    /// Run as this user; as you, unless set
    #[arg(long)]
    user: Option<String>,
    /// Fetch this into the sandbox first; may be given often
    #[arg(long, value_name = "URI")]
    uri: Vec<String>,
    /// Kill what runs longer than this
    #[arg(long, alias = "kill_after", value_name = "DURATION", value_parser = tepui_model::duration::parse)]
    kill_after: Option<Duration>,
    #[command(flatten)]
    container: container::Flags,
    /// Arguments of the program
    #[arg(last = true, requires = "no_shell")]
    arguments: Vec<String>,
}

pub fn run(arguments: Arguments) -> Result<ExitCode> {
    logging::start_quietly()?;
    let (role, user) = (arguments.role.clone(), arguments.user.clone());
    let mut settings = Settings::new(arguments.name.clone(), arguments.master.clone())
        .roles([role])
        // Whoever ends this command no longer waits: the master ends the tasks then.
        .failover_timeout(Duration::ZERO);
    if let Some(user) = user {
        settings = settings.user(user);
    }
    if let Some(path) = &arguments.credential {
        settings = settings.credential(credentials::at(path)?);
    }
    let framework = Execute::new(arguments)?;
    let ended = run_framework(settings, framework)?;
    Ok(if ended.all_finished() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A framework of some instances of one command.
struct Execute {
    arguments: Arguments,
    need: Need,
    environment: BTreeMap<String, String>,
    container: Option<v1::ContainerInfo>,
    /// Each instance's task id, and what is known of it.
    instances: BTreeMap<String, Instance>,
    /// The last reason why an offer did not fit, said once.
    misfit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instance {
    Waiting,
    Launched,
    Ended(v1::TaskState),
}

impl Execute {
    fn new(arguments: Arguments) -> Result<Self> {
        let need = arguments.resources.parse().context("--resources")?;
        let environment = arguments.env.as_deref().map(environment).transpose()?.unwrap_or_default();
        let ids = match arguments.instances {
            1 => vec![arguments.name.clone()],
            count => (1..=count).map(|number| format!("{}-{number}", arguments.name)).collect(),
        };
        if arguments.name.is_empty() {
            bail!("--name is empty; name the task");
        }
        let container = arguments.container.info()?;
        if arguments.command.is_none() && !arguments.container.brings_a_program() {
            bail!("--command is missing; only a Docker image brings a program of its own");
        }
        let instances = ids.into_iter().map(|id| (id, Instance::Waiting)).collect();
        Ok(Self { arguments, need, environment, container, instances, misfit: None })
    }

    fn all_finished(&self) -> bool {
        self.instances.values().all(|instance| *instance == Instance::Ended(v1::TaskState::TaskFinished))
    }

    fn task(&self, id: &str) -> Task {
        let Arguments { name, command, no_shell, arguments, uri, .. } = &self.arguments;
        let mut task = if *no_shell {
            Task::program(id, command.iter().chain(arguments))
        } else {
            Task::shell(id, command.as_deref().unwrap_or_default())
        };
        if let Some(container) = &self.container {
            task = task.with(|info| info.container = Some(container.clone().into()));
        }
        if *no_shell && self.arguments.container.brings_a_program() {
            // The image's entry point gets `value` and `arguments`; a native program has its own name among them.
            task = task.with(|info| {
                let words = info.command.get_or_insert_default();
                (words.value, words.arguments) = (command.clone(), arguments.clone());
            });
        }
        for (name, value) in &self.environment {
            task = task.env(name, value);
        }
        for uri in uri {
            task = task.uri(uri);
        }
        task.name(name)
    }

    /// What of the waiting instances fits into the offer.
    fn fill(&mut self, offer: &mut Offer) -> Vec<Task> {
        let waiting = self.instances.iter().filter(|(_, instance)| **instance == Instance::Waiting);
        let waiting: Vec<String> = waiting.map(|(id, _)| id.clone()).collect();
        let mut tasks = Vec::new();
        for id in waiting {
            match self.need.take(offer) {
                Ok(resources) => {
                    tasks.push(self.task(&id).resources(&resources));
                    self.instances.insert(id, Instance::Launched);
                }
                Err(misfit) => {
                    self.tell_misfit(format!("{}: {misfit}", offer.hostname()), tasks.is_empty());
                    break;
                }
            }
        }
        tasks
    }

    /// An offer too small for one more is no news unless nothing fits.
    fn tell_misfit(&mut self, misfit: String, nothing_fits: bool) {
        if nothing_fits && self.misfit.as_ref() != Some(&misfit) {
            eprintln!("waiting: {misfit}");
            self.misfit = Some(misfit);
        }
    }
}

fn environment(text: &str) -> Result<BTreeMap<String, String>> {
    serde_json::from_str(text)
        .context("--env: write a JSON object of texts, such as {\"GREETING\":\"hello\"}")
}

impl Framework for Execute {
    fn subscribed(&mut self, _cx: &mut Context<Self>, id: &v1::FrameworkId) {
        println!("framework {}", id.value);
    }

    fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>) {
        for mut offer in offers {
            let tasks = self.fill(&mut offer);
            if !tasks.is_empty() {
                cx.launch(&offer, tasks);
            }
        }
        if !self.instances.values().any(|instance| *instance == Instance::Waiting) {
            cx.suppress();
        }
    }

    fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
        let id = status.task_id.value.clone();
        let Some(instance) = self.instances.get_mut(&id) else { return };
        if matches!(instance, Instance::Ended(_)) {
            return;
        }
        println!("{}", line(&id, status));
        if is_terminal(status.state()) {
            *instance = Instance::Ended(status.state());
        } else if status.state() == v1::TaskState::TaskRunning
            && let Some(limit) = self.arguments.kill_after
        {
            let task_id = status.task_id.clone();
            cx.after(limit, move |_, cx| cx.kill(&task_id));
        }
        if self.instances.values().all(|instance| matches!(instance, Instance::Ended(_))) {
            cx.stop();
        }
    }

    fn disconnected(&mut self, _cx: &mut Context<Self>, why: &str) {
        eprintln!("master {} is out of reach, trying again: {why}", self.arguments.master);
    }
}

/// A task's state, and why where there is a reason.
fn line(id: &str, status: &v1::TaskStatus) -> String {
    let mut line = format!("{id} {}", status.state().as_str_name());
    if let Some(agent) = &status.agent_id {
        line += &format!(" on agent {}", agent.value);
    }
    if !status.message().is_empty() {
        line += &format!(": {}", status.message());
    }
    line
}
