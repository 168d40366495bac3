//! The `tepui` binary: every daemon, every operator command, and the helpers that daemons start.

mod addresses;
mod client;
mod cluster;
mod columns;
mod commands;
mod daemon;
mod flags;
mod logging;
mod signals;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use tepui_agent::containerizer::init;

use crate::commands::{
    agent, agents, demo, execute, executor, explain, frameworks, local, logs, master, tasks, trace,
};

#[derive(Parser)]
#[command(
    name = "tepui",
    version,
    about = "Apache Mesos reimagined: a cluster that runs your tasks",
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a cluster in this process, with a service and a batch of tasks on it
    Demo(demo::Arguments),
    /// Run a master; `tepui master --help` lists its flags, which are Mesos'
    #[command(disable_help_flag = true)]
    Master(Flags),
    /// Run an agent; `tepui agent --help` lists its flags, which are Mesos'
    #[command(disable_help_flag = true)]
    Agent(Flags),
    /// Run a master and agents in this process
    Local(local::Arguments),
    /// Run a command on the cluster and wait for it
    Execute(execute::Arguments),
    /// List tasks
    Tasks(tasks::Arguments),
    /// List agents
    Agents(agents::Arguments),
    /// List frameworks
    Frameworks(frameworks::Arguments),
    /// Say why a framework gets no offers, agent by agent
    Explain(explain::Arguments),
    /// Print what a task prints
    Logs(logs::Arguments),
    /// Show which message caused which, and where the time went; record what a daemon decides, and replay it
    Trace {
        #[command(subcommand)]
        command: trace::Command,
    },
    /// Run a built-in executor; agents do
    #[command(hide = true)]
    Executor {
        #[command(subcommand)]
        kind: executor::Kind,
    },
}

/// Left to the flags' own parser.
#[derive(Args)]
struct Flags {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

fn main() -> ExitCode {
    // First of all, while the process has one thread: a container is being made.
    if init::asked_for(std::env::args_os().skip(1)) {
        init::main();
    }
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tepui: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Master(arguments) => master::run(&arguments.flags),
        Command::Agent(arguments) => agent::run(&arguments.flags),
        Command::Local(arguments) => local::run(&arguments),
        Command::Execute(arguments) => execute::run(arguments),
        Command::Tasks(arguments) => tasks::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Agents(arguments) => agents::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Frameworks(arguments) => frameworks::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Explain(arguments) => explain::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Logs(arguments) => logs::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Trace { command } => trace::run(&command),
        Command::Executor { kind } => executor::run(&kind),
    }
}
