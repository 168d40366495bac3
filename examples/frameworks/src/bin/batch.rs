//! `batch --master HOST:PORT -n 20 -- COMMAND`: runs a command many times, and resumes by framework id.

use std::path::PathBuf;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tepui_frameworks::{Batch, BatchEvent};
use tepui_scheduler::{MasterAddress, Need, Settings, run};

#[derive(Parser)]
#[command(about = "Run a command many times on a cluster")]
struct Arguments {
    /// The master: host:port, or master@ip:port for actor messages.
    #[arg(long, default_value = "127.0.0.1:5050")]
    master: MasterAddress,
    /// How many times.
    #[arg(short = 'n', long, default_value_t = 20)]
    count: u32,
    /// What each run needs.
    #[arg(long, default_value = "cpus:0.1; mem:32")]
    resources: String,
    /// Remembers the framework's id in this file, and resumes the batch whose id it holds.
    #[arg(long)]
    state: Option<PathBuf>,
    /// The shell command.
    #[arg(default_value = "true")]
    command: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let need: Need = arguments.resources.parse()?;
    let progress = ProgressBar::new(u64::from(arguments.count));
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let mut settings = Settings::new("batch", arguments.master);
    if let Some(state) = &arguments.state
        && let Ok(id) = std::fs::read_to_string(state)
    {
        settings = settings.resume(id.trim());
    }
    let (bar, state) = (progress.clone(), arguments.state.clone());
    let watch = move |event| match event {
        BatchEvent::Subscribed(id) => {
            if let Some(state) = &state
                && let Err(error) = std::fs::write(state, id)
            {
                bar.println(format!("the batch cannot be resumed: write {}: {error}", state.display()));
            }
        }
        BatchEvent::Task { id, state, ended } => {
            bar.set_message(format!("{id} {}", state.as_str_name()));
            bar.set_position(u64::from(ended));
        }
        BatchEvent::Misfit(why) => bar.println(why),
    };
    let batch = run(settings, Batch::new(arguments.command.join(" "), arguments.count, need, watch))?;
    progress.finish_and_clear();
    if let Some(state) = &arguments.state {
        // The framework is torn down: its id is of no more use.
        let _ = std::fs::remove_file(state);
    }
    let outcome = batch.outcome();
    println!("{} finished, {} failed", outcome.finished, outcome.failed.len());
    for failure in &outcome.failed {
        println!("  {failure}");
    }
    anyhow::ensure!(batch.succeeded(), "not every task finished");
    Ok(())
}
