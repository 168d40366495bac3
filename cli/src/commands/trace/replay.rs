//! `tepui trace replay`: a recording fed to the same core in this process.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use tepui_model::recorded::Core;
use tepui_recording::{Header, Reader, Replayed, replay};

/// The text of one input: its beginning tells which it is.
const SHOWN: usize = 300;

#[derive(Args)]
pub struct Arguments {
    /// What `tepui trace record` wrote
    file: PathBuf,
    /// Stop after so many inputs
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// Print each input, and what the core made of it
    #[arg(long)]
    effects: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let name = arguments.file.display();
    let file = File::open(&arguments.file).with_context(|| format!("open {name}"))?;
    let (header, reader) = Reader::open(BufReader::new(file)).with_context(|| format!("read {name}"))?;
    println!("{} of tepui {}, recorded since {}", header.actor, header.build, header.began);
    let replayed = match header.core.as_str() {
        tepui_master::Core::NAME => feed::<tepui_master::Core>(&header, reader, arguments),
        tepui_agent::Core::NAME => feed::<tepui_agent::Core>(&header, reader, arguments),
        other => bail!(
            "replay {name}: this build has no core '{other}'; replay it with the build that recorded it"
        ),
    };
    let replayed = replayed.with_context(|| format!("replay {name}"))?;
    Ok(report(&replayed, arguments.until))
}

fn feed<C: Core>(
    header: &Header,
    reader: Reader<BufReader<File>>,
    arguments: &Arguments,
) -> Result<Replayed> {
    let seen = |number: u64, now, input: &C::Input, effects: &dyn Fn() -> Vec<String>| {
        if !arguments.effects {
            return;
        }
        let text: String = format!("{input:?}").chars().take(SHOWN).collect();
        println!("{number} {now} {text}");
        effects().iter().for_each(|effect| println!("    {effect}"));
    };
    Ok(replay::<C>(header, reader, arguments.until, seen)?)
}

fn report(replayed: &Replayed, until: Option<u64>) -> ExitCode {
    println!("{} inputs replayed", replayed.inputs);
    if replayed.torn {
        println!("the file ends in the middle of a record, which was left out");
    }
    println!("state got       {:016x}", replayed.digest);
    if let Some(end) = &replayed.end {
        println!("state expected  {:016x} after {} inputs; {}", end.digest, end.inputs, end.why);
    }
    match replayed.is_same() {
        Some(true) => {
            println!("the same");
            ExitCode::SUCCESS
        }
        Some(false) => {
            println!("NOT the same");
            ExitCode::FAILURE
        }
        None if until == Some(replayed.inputs) => ExitCode::SUCCESS,
        None => {
            println!(
                "the recording broke off and does not say what the state became: nothing to compare with"
            );
            ExitCode::FAILURE
        }
    }
}
