//! `tepui logs TASK`: what a task prints, wherever it runs.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use super::Master;
use super::tasks::has_ended;
use crate::client::{Client, block_on, list, text};

#[derive(Args)]
pub struct Arguments {
    /// The task's id
    task: String,
    #[command(flatten)]
    master: Master,
    /// Of the tasks with this id, the one of this framework
    #[arg(long, value_name = "ID")]
    framework: Option<String>,
    /// The errors instead of the output
    #[arg(long)]
    stderr: bool,
    /// Another file of the task's sandbox
    #[arg(long, value_name = "PATH", conflicts_with = "stderr")]
    file: Option<String>,
    /// Go on until the task ends
    #[arg(short, long)]
    follow: bool,
}

/// An agent gives no more than 16 pages of 4 KiB at a time.
const PIECE: u64 = 64 * 1024;

/// How often a followed file is looked at: a person should not notice the pause.
const LOOK: Duration = Duration::from_millis(300);

pub fn run(arguments: &Arguments) -> Result<()> {
    block_on(async {
        let master = arguments.master.client()?;
        let task = find(&master, arguments).await?;
        let agent = agent(&master, &task).await?;
        let sandbox = loop {
            match sandbox(&agent, &task).await? {
                Some(sandbox) => break sandbox,
                // It may have been launched just now.
                None if arguments.follow && !has_ended(&find(&master, arguments).await?) => {
                    tokio::time::sleep(LOOK).await;
                }
                None => bail!("agent {} has no sandbox of task '{}'", agent.address(), arguments.task),
            }
        };
        let name = match (&arguments.file, arguments.stderr) {
            (Some(file), _) => file.trim_start_matches('/'),
            (None, true) => "stderr",
            (None, false) => "stdout",
        };
        let mut file = File { agent, path: format!("{sandbox}/{name}"), offset: 0 };
        loop {
            // Asked before the reading: what was written before the end is read after it.
            let ended = !arguments.follow || has_ended(&find(&master, arguments).await?);
            file.print_rest().await?;
            if ended {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

/// The newest task of that id.
async fn find(master: &Client, arguments: &Arguments) -> Result<Value> {
    let mut query = vec![("task_id", arguments.task.as_str())];
    query.extend(arguments.framework.as_deref().map(|id| ("framework_id", id)));
    let answer = master.read("/tasks", &query).await?;
    let named = |task: &&Value| text(task, "id") == arguments.task;
    let found = list(&answer, "tasks").iter().find(named);
    found.cloned().with_context(|| {
        format!("the master knows no task '{}'; `tepui tasks --all` lists those it does", arguments.task)
    })
}

/// The agent that ran it, which must still be there.
async fn agent(master: &Client, task: &Value) -> Result<Client> {
    let id = text(task, "slave_id");
    let answer = master.read("/slaves", &[("slave_id", id)]).await?;
    let agent = list(&answer, "slaves").iter().find(|agent| text(agent, "id") == id);
    let Some(agent) = agent else {
        bail!("the task ran on agent {id}, which is not registered now; its sandbox cannot be read");
    };
    let pid = text(agent, "pid");
    let (_, address) =
        pid.split_once('@').with_context(|| format!("agent {id} has the odd address '{pid}'"))?;
    Ok(master.at(address))
}

/// The folder of its executor's last run, while the agent has one.
async fn sandbox(agent: &Client, task: &Value) -> Result<Option<String>> {
    // The executor of a command task has the task's id.
    let executor = [text(task, "executor_id"), text(task, "id")].into_iter().find(|id| !id.is_empty());
    let state = agent.read("/state", &[]).await?;
    let frameworks = list(&state, "frameworks").iter().chain(list(&state, "completed_frameworks"));
    let ours = frameworks.filter(|framework| text(framework, "id") == text(task, "framework_id"));
    let mut executors = ours.flat_map(|framework| {
        list(framework, "executors").iter().chain(list(framework, "completed_executors"))
    });
    let found = executors.find(|candidate| Some(text(candidate, "id")) == executor);
    let directory = found.map(|executor| text(executor, "directory").to_owned());
    Ok(directory.filter(|directory| !directory.is_empty()))
}

/// A file that is being read.
struct File {
    agent: Client,
    path: String,
    offset: u64,
}

impl File {
    /// Prints what has been added since the last time.
    async fn print_rest(&mut self) -> Result<()> {
        let end = self.read(None).await?["offset"].as_u64().unwrap_or_default();
        while self.offset < end {
            let length = PIECE.min(end - self.offset);
            let piece = self.read(Some(length)).await?;
            let data = text(&piece, "data");
            self.offset += bytes_of(data, length);
            let mut out = std::io::stdout().lock();
            out.write_all(data.as_bytes()).and_then(|()| out.flush()).context("print")?;
        }
        Ok(())
    }

    /// So many bytes from where we are, or only the size.
    async fn read(&self, length: Option<u64>) -> Result<Value> {
        let (offset, length) = match length {
            Some(length) => (self.offset.to_string(), length.to_string()),
            None => ("-1".to_owned(), "-1".to_owned()),
        };
        let query = [("path", self.path.as_str()), ("offset", &offset), ("length", &length)];
        self.agent.read("/files/read", &query).await
    }
}

/// How many bytes of the file a piece stands for. Agents leave a character that the piece's end cuts in two to the next
/// piece; what is no text at all has replacements in it, of another length than what they replace.
fn bytes_of(data: &str, asked: u64) -> u64 {
    if data.is_empty() || data.contains(char::REPLACEMENT_CHARACTER) {
        return asked;
    }
    asked.min(data.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_character_is_read_with_the_next_piece() {
        assert_eq!(bytes_of("abc", 3), 3);
        assert_eq!(bytes_of("ab", 3), 2);
        assert_eq!(bytes_of("a\u{fffd}", 2), 2);
        assert_eq!(bytes_of("", 2), 2);
    }
}
