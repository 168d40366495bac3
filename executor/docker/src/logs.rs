//! What a container says, written into its sandbox while it says it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::engine::Engine;
use crate::terminal::TerminalError;

/// How far before its interruption a copy is taken up again. What was copied already is recognised by its time.
const OVERLAP_SECONDS: u64 = 60;

/// Before it is taken up again.
const AGAIN: Duration = Duration::from_millis(200);

impl Engine {
    /// Copies the container's output until it ends. An engine that is restarted is asked for the rest. With a terminal the
    /// engine marks nothing, and up to a minute of output may come twice then.
    pub async fn copy_logs(
        &self,
        name: &str,
        stdout: &mut (impl AsyncWrite + Unpin),
        stderr: &mut (impl AsyncWrite + Unpin),
    ) {
        let Ok(inspected) = self.insist(|| self.inspect(name)).await else { return };
        let terminal = inspected.config.is_some_and(|config| config.tty == Some(true));
        let mut copy = Copy { stdout, stderr, read: Default::default(), since: 0, came: false };
        loop {
            let copied = match terminal {
                true => self.copy_terminal(name, &mut copy).await,
                false => self.copy_pieces(name, &mut copy).await,
            };
            // Now, as the engine may be away for long.
            copy.overlap();
            let Ok(inspected) = self.insist(|| self.inspect(name)).await else { return };
            let runs = inspected.state.is_some_and(|state| state.running == Some(true));
            match copied {
                Copied::Refused => return,
                Copied::All if !runs => return,
                Copied::All | Copied::Interrupted => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    async fn copy_pieces<O, E>(&self, name: &str, copy: &mut Copy<'_, O, E>) -> Copied
    where
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let since = i32::try_from(copy.since).unwrap_or(i32::MAX);
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).since(since);
        copy.read.iter_mut().for_each(Read::again);
        let mut output = Box::pin(self.docker().logs(name, Some(options.timestamps(true).build())));
        while let Some(piece) = output.next().await {
            match piece {
                Ok(piece) => note(name, copy.write(piece).await),
                // Not every log driver can be read from.
                Err(Error::DockerResponseServerError { message, .. }) => return refused(name, &message),
                Err(error) => {
                    tracing::debug!(%error, container = name, "output of a container interrupted");
                    return Copied::Interrupted;
                }
            }
        }
        Copied::All
    }

    /// All of it goes to the output: there is one terminal.
    async fn copy_terminal<O, E>(&self, name: &str, copy: &mut Copy<'_, O, E>) -> Copied
    where
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let interrupted = |error: reqwest::Error| {
            tracing::debug!(%error, container = name, "output of a container interrupted");
            Copied::Interrupted
        };
        let mut terminal = match self.terminal(name, copy.since).await {
            Ok(terminal) => terminal,
            Err(TerminalError::Refused(why)) => return refused(name, &why),
            Err(TerminalError::Interrupted(error)) => return interrupted(error),
        };
        loop {
            match terminal.next().await {
                Ok(Some(piece)) => {
                    copy.came = true;
                    note(name, write(copy.stdout, &piece).await);
                }
                Ok(None) => return Copied::All,
                Err(error) => return interrupted(error),
            }
        }
    }
}

fn refused(name: &str, why: &str) -> Copied {
    tracing::warn!(why, container = name, "output of a container not copied");
    Copied::Refused
}

/// A full disk must not end the task, whose output it is after all.
fn note(name: &str, written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, container = name, "output not written into the sandbox");
    }
}

enum Copied {
    All,
    Interrupted,
    Refused,
}

struct Copy<'a, O, E> {
    stdout: &'a mut O,
    stderr: &'a mut E,
    /// Of the output and of the errors: the engine orders each, and not one against the other.
    read: [Read; 2],
    since: u64,
    /// Something has come in this reading.
    came: bool,
}

impl<O: AsyncWrite + Unpin, E: AsyncWrite + Unpin> Copy<'_, O, E> {
    /// What comes next begins a little before now; where it was to begin anyway, if nothing has come.
    fn overlap(&mut self) {
        if !std::mem::take(&mut self.came) {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        self.since = now.saturating_sub(OVERLAP_SECONDS);
    }

    async fn write(&mut self, piece: LogOutput) -> std::io::Result<()> {
        self.came = true;
        let is_error = matches!(piece, LogOutput::StdErr { .. });
        let bytes = piece.into_bytes();
        match self.read[usize::from(is_error)].fresh(&bytes) {
            None => Ok(()),
            Some(text) if is_error => write(self.stderr, text).await,
            Some(text) => write(self.stdout, text).await,
        }
    }
}

/// How far the output was read: the time of the latest piece, and how many pieces had it. The parts of a long line share one.
#[derive(Debug, Default)]
struct Read {
    latest: Vec<u8>,
    count: usize,
    /// Pieces of that time that the present reading has shown again.
    again: usize,
}

impl Read {
    /// Reading begins anew, somewhere before the latest piece.
    fn again(&mut self) {
        self.again = 0;
    }

    /// The text of a piece behind its time, if it was not read before. Times have one length, so that bytes compare as they do.
    fn fresh<'a>(&mut self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let space = piece.iter().position(|byte| *byte == b' ')?;
        let (time, text) = (&piece[..space], &piece[space + 1..]);
        match time.cmp(&self.latest[..]) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => {
                self.again += 1;
                if self.again <= self.count {
                    return None;
                }
                self.count = self.again;
                Some(text)
            }
            std::cmp::Ordering::Greater => {
                (self.latest, self.count, self.again) = (time.to_vec(), 1, 1);
                Some(text)
            }
        }
    }
}

async fn write(file: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes).await?;
    file.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, Fake};

    #[test]
    fn what_was_read_before_an_interruption_is_not_read_again() {
        let pieces = [
            "2026-01-01T00:00:00.000000001Z a\n",
            "2026-01-01T00:00:00.000000002Z b",
            "2026-01-01T00:00:00.000000002Z c\n",
        ];
        let later = "2026-01-01T00:00:00.000000003Z d e\n";
        let mut read = Read::default();
        let mut all = |pieces: &[&str]| -> String {
            read.again();
            let texts = pieces.iter().filter_map(|piece| read.fresh(piece.as_bytes()));
            texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        };

        assert_eq!(all(&pieces[..2]), "a\nb");
        assert_eq!(all(&[pieces[0], pieces[1], pieces[2], later]), "c\nd e\n");
        assert_eq!(all(&[pieces[1], pieces[2], later]), "");
    }
    #[tokio::test]
    async fn a_log_that_ends_before_its_container_is_taken_up_where_it_ended() {
        let piece = "\u{1}\0\0\0\0\0\0\u{24}2026-01-01T00:00:00.000000001Z word\n";
        let fake = Fake::engine(move |asked, before| match asked {
            logs if logs.contains("/logs?") => Answer::stream(piece, true),
            // The first two times, before and after the first reading.
            _ => Answer::json(if before < 3 { r#"{"State":{"Running":true}}"# } else { "{}" }),
        });
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());

        fake.engine.copy_logs("c", &mut stdout, &mut stderr).await;

        assert_eq!((stdout.as_slice(), stderr.as_slice()), (&b"word\n"[..], &b""[..]));
        let asked = fake.asked();
        let since: Vec<u64> = asked
            .iter()
            .filter_map(|line| line.split("since=").nth(1)?.split('&').next()?.parse().ok())
            .collect();
        assert_eq!(since.len(), 2, "{asked:?}");
        assert!(since[0] == 0 && since[1] > 1_000_000_000, "{asked:?}");
    }
}
