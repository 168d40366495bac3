//! `tepui trace record`: one actor's state and every input since, into a file.

use std::fs::OpenOptions;
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use futures::StreamExt as _;
use tepui_recording::{Reader, Record};

use crate::client::{Client, block_on};
use crate::commands::Master;
use crate::signals::Signals;

#[derive(Args)]
pub struct Arguments {
    /// The file to write; it must not exist
    file: PathBuf,
    #[command(flatten)]
    master: Master,
    /// What to record: the master, or an agent's actor as `tepui agents` and traces name it
    #[arg(long, value_name = "master|slave(1)@IP:PORT", default_value = "master")]
    actor: String,
    /// End after so long; Ctrl-C ends earlier
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// End when the inputs are so many bytes
    #[arg(long, default_value_t = 1 << 30)]
    bytes: u64,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (client, path) = place(&arguments.actor, arguments.master.client()?)?;
    block_on(record(arguments, &client, &path))?;
    report(&arguments.file)
}

/// Who is asked, and for which path.
fn place(actor: &str, master: Client) -> Result<(Client, String)> {
    let (name, client) = match actor.split_once('@') {
        Some((name, address)) => (name, master.at(address)),
        None => (actor, master),
    };
    if name != "master" && !(name.starts_with("slave(") && actor.contains('@')) {
        bail!("--actor={actor}: write 'master', or an agent's actor such as 'slave(1)@10.0.0.7:5051'");
    }
    Ok((client, format!("/{name}/record")))
}

async fn record(arguments: &Arguments, client: &Client, path: &str) -> Result<()> {
    let file = &arguments.file;
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut to = opened.with_context(|| format!("make {}", file.display()))?;
    let limits = [("seconds", arguments.seconds.to_string()), ("bytes", arguments.bytes.to_string())];
    let query: Vec<_> = limits.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut signals = Signals::catch()?;
    let answer = client.stream(path, &query).await;
    let mut chunks = match answer {
        Ok(answer) => answer.bytes_stream(),
        Err(error) => {
            // Nothing was recorded; the next try must not stumble over an empty file.
            let _ = std::fs::remove_file(file);
            return Err(error);
        }
    };
    eprintln!("recording into {}; Ctrl-C ends it", file.display());
    let mut ending = false;
    loop {
        tokio::select! {
            chunk = chunks.next() => match chunk {
                Some(Ok(chunk)) => to.write_all(&chunk).with_context(|| format!("write {}", file.display()))?,
                Some(Err(error)) => {
                    eprintln!("tepui: the connection was lost: {error}");
                    break;
                }
                None => break,
            },
            () = signals.end(), if !ending => {
                // The daemon's last word says what its state became.
                ending = true;
                client.delete(path).await?;
            }
        }
    }
    Ok(())
}

/// What the file holds.
fn report(file: &Path) -> Result<ExitCode> {
    let from = std::fs::File::open(file).with_context(|| format!("open {}", file.display()))?;
    let (header, mut reader) = Reader::open(BufReader::new(from))?;
    let mut inputs = 0_u64;
    while let Some(record) = reader.next_record()? {
        match record {
            Record::Snapshot(_) => {}
            Record::Input { .. } => inputs += 1,
            Record::End(end) => {
                println!(
                    "{}: {inputs} inputs, state {:016x}; it ended because {}",
                    header.actor, end.digest, end.why
                );
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    println!("{}: {inputs} inputs; it broke off, and does not say what the state became", header.actor);
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_found_at_its_address_and_the_master_at_its_own() {
        let place = |actor: &str| {
            let (client, path) = place(actor, Client::new("10.0.0.1:5050").unwrap())?;
            anyhow::Ok(format!("{}{path}", client.address()))
        };

        assert_eq!(place("master").unwrap(), "10.0.0.1:5050/master/record");
        assert_eq!(place("slave(1)@10.0.0.7:5051").unwrap(), "10.0.0.7:5051/slave(1)/record");
        assert!(place("slave(1)").unwrap_err().to_string().contains("such as 'slave(1)@10.0.0.7:5051'"));
        assert!(place("chat@10.0.0.7:5051").is_err());
    }
}
