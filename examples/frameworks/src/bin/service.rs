//! `service --master HOST:PORT --instances 3 -- COMMAND`: keeps instances of a command running.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use tepui_frameworks::{Service, ServiceEvent};
use tepui_scheduler::{MasterAddress, Need, Settings, run};

#[derive(Parser)]
#[command(about = "Keep instances of a command running on a cluster")]
struct Arguments {
    /// The master: host:port, or master@ip:port for actor messages.
    #[arg(long, default_value = "127.0.0.1:5050")]
    master: MasterAddress,
    /// How many instances.
    #[arg(long, default_value_t = 1)]
    instances: usize,
    /// What each instance needs.
    #[arg(long, default_value = "cpus:0.1; mem:32")]
    resources: String,
    /// The shell command.
    #[arg(required = true)]
    command: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let need: Need = arguments.resources.parse()?;
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let watch = |event| match event {
        ServiceEvent::Instance { id, state, running } => {
            println!("{id} {}: {running} running", state.as_str_name())
        }
        ServiceEvent::Replacing { pause } => println!("replacing an instance in {} s", pause.as_secs()),
    };
    let service =
        Service::new("service", arguments.command.join(" "), arguments.instances, need, epoch, watch);
    run(Settings::new("service", arguments.master), service)?;
    Ok(())
}
