//! One `tepui` process that listens: started on a free port, killed, started again where it was.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustls::ClientConfig;

use crate::binary;
use crate::http::{Answer, Connection, Request};
use crate::ports::Ports;
use crate::waiting::{secs, until};

/// A debug build on a busy machine binds within this, or never.
const START: Duration = Duration::from_secs(30);

pub struct Daemon {
    name: String,
    arguments: Vec<String>,
    surroundings: Surroundings,
    log: PathBuf,
    child: Child,
    address: String,
    /// Nobody else's while it is away.
    ports: Ports,
}

/// What a daemon finds in its environment beside what the test has, and how it is spoken to.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub variables: Vec<(String, String)>,
    /// None: its port is spoken to plainly.
    pub tls: Option<Arc<ClientConfig>>,
    /// What it is shown with every request that shows nothing else.
    pub authorization: Option<String>,
}

impl Daemon {
    /// Starts `tepui NAME ARGUMENTS --port=PORT`; its output goes to `log`.
    pub fn start(name: &str, arguments: Vec<String>, surroundings: &Surroundings, log: PathBuf) -> Self {
        let surroundings = surroundings.clone();
        let ports = Ports::free(1);
        let (child, address) = launch(name, &arguments, &surroundings, &ports, &log);
        Daemon { name: name.to_owned(), arguments, surroundings, log, child, address, ports }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub fn ask(&self, request: &Request) -> Answer {
        let mut request = request.clone();
        let shows = |(name, _): &(String, String)| name.eq_ignore_ascii_case("Authorization");
        if let Some(authorization) = &self.surroundings.authorization
            && !request.headers.iter().any(shows)
        {
            request = request.with("Authorization", authorization);
        }
        let request = &request;
        Connection::to(&self.address, self.surroundings.tls.as_ref())
            .and_then(|mut connection| connection.ask(request))
            .unwrap_or_else(|e| panic!("{} {} of {}: {e:#}", request.method, request.path, self.name))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask(&Request::get(path))
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts it again on the port and directories it had.
    pub fn restart(&mut self) {
        assert!(!self.is_alive(), "{} still runs", self.name);
        (self.child, self.address) =
            launch(&self.name, &self.arguments, &self.surroundings, &self.ports, &self.log);
    }

    /// SIGTERM; how it ended, and after how long.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).expect("a child can be signalled");
        let status = until(format!("{} to end on SIGTERM", self.name), secs(20), || {
            self.child.try_wait().expect("a child has a status")
        });
        (status, begin.elapsed())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("---- log of {} at {}\n{}", self.name, self.address, tail(&self.log(), 120));
        }
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Starts it and waits for the line that says where it listens. What it prints later is added to the log.
fn launch(
    name: &str,
    arguments: &[String],
    surroundings: &Surroundings,
    ports: &Ports,
    log: &Path,
) -> (Child, String) {
    let errors =
        OpenOptions::new().create(true).append(true).open(log).expect("the log lies in our own directory");
    let mut output = errors.try_clone().expect("a file handle can be doubled");
    let mut child = binary::command(&[name])
        .args(arguments)
        .arg(format!("--port={}", ports.numbers()[0]))
        .envs(surroundings.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .expect("the binary can be started");
    let stdout = child.stdout.take().expect("stdout is piped");
    let (found, address) = mpsc::channel();
    let line = format!("tepui {name} listening on ");
    thread::spawn(move || copy_lines(stdout, &mut output, &line, &found));
    match address.recv_timeout(START) {
        Ok(address) => (child, address),
        Err(_) => {
            let status = child.try_wait().ok().flatten();
            let _ = child.kill();
            panic!(
                "tepui {name} {} did not come up (status {status:?}):\n{}",
                arguments.join(" "),
                fs::read_to_string(log).unwrap_or_default()
            );
        }
    }
}

fn copy_lines(from: impl std::io::Read, log: &mut File, line: &str, found: &mpsc::Sender<String>) {
    for text in BufReader::new(from).lines().map_while(Result::ok) {
        if let Some(address) = text.strip_prefix(line) {
            // Nobody waits any more once the start has failed.
            let _ = found.send(address.trim().to_owned());
        }
        let _ = writeln!(log, "{text}");
    }
}
