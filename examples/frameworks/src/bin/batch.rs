//! `batch --master HOST:PORT -n 20 -- COMMAND`: runs a command many times, and resumes by framework id.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tepui_frameworks::{Batch, BatchEvent};
use tepui_scheduler::{MasterAddress, Need, Settings, run, v1};

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
    /// Remembers the framework's id and the finished tasks in this file, and resumes the batch it tells of.
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
    let earlier = arguments.state.as_deref().map(read_state).transpose()?.flatten();
    let finished = earlier.as_ref().map(|earlier| earlier.finished.clone());
    if let Some(earlier) = earlier {
        settings = settings.resume(earlier.framework);
    }
    let (bar, state) = (progress.clone(), arguments.state.clone());
    let note = move |line: String| {
        if let Some(state) = &state
            && let Err(error) = append(state, &line)
        {
            eprintln!("the batch cannot be resumed: write {}: {error}", state.display());
        }
    };
    let watch = move |event| match event {
        BatchEvent::Subscribed(id) => note(format!("framework {id}")),
        BatchEvent::Task { id, state, ended } => {
            if state == v1::TaskState::TaskFinished {
                note(format!("finished {id}"));
            }
            bar.set_message(format!("{id} {}", state.as_str_name()));
            bar.set_position(u64::from(ended));
        }
        BatchEvent::Misfit(why) => bar.println(why),
    };
    let mut batch = Batch::new(arguments.command.join(" "), arguments.count, need, watch);
    if let Some(finished) = finished {
        batch = batch.resume(finished);
    }
    let batch = run(settings, batch)?;
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

/// What an earlier life of the batch noted.
struct State {
    framework: String,
    finished: Vec<u32>,
}

/// Reads `framework ID` and `finished batch-NUMBER` lines; none if there is no such file.
fn read_state(path: &Path) -> anyhow::Result<Option<State>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let framework = text.lines().rev().find_map(|line| line.strip_prefix("framework "));
    let finished =
        text.lines().filter_map(|line| line.strip_prefix("finished batch-")?.parse().ok()).collect();
    Ok(framework.map(|framework| State { framework: framework.into(), finished }))
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{line}")
}
