//! A registry of images on this machine, for one user, and a gate before it that can be slow or shut.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::waiting::{secs, until};

/// Whom the registry knows.
pub const USER: &str = "guest";
pub const PASSWORD: &str = "secret";

/// bcrypt of the password, as cheap as it gets.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

/// Debian's docker-registry.
pub struct Registry {
    process: Child,
    directory: TempDir,
    address: String,
}

impl Registry {
    /// Starts it on a free port.
    pub fn start() -> Registry {
        let directory =
            tempfile::Builder::new().prefix("tepui-registry-").tempdir().expect("a folder can be made");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("htpasswd"), format!("{USER}:{HASH}\n")).expect("a file can be written");
        let config = json!({
            "version": 0.1,
            "log": { "level": "info", "formatter": "json" },
            "storage": { "filesystem": { "rootdirectory": path("data") } },
            "http": { "addr": "127.0.0.1:0", "secret": "none" },
            "auth": { "htpasswd": { "realm": "test", "path": path("htpasswd") } },
        });
        // JSON is YAML, too.
        fs::write(path("config.yml"), config.to_string()).expect("a file can be written");
        let log = fs::File::create(path("log")).expect("a file can be made");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path("config.yml")).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        let process = command.spawn().expect("docker-registry is installed");
        let address = until("the registry's address", secs(20), || {
            let log = fs::read_to_string(path("log")).ok()?;
            let (_, address) = log.split_once("listening on ")?;
            Some(address.split(['"', ',']).next()?.to_owned())
                .filter(|address| log.contains('\n') && !address.is_empty())
        });
        Registry { process, directory, address }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Docker's `config.json` with who we are there, or at the gate before it.
    pub fn credentials(address: &str) -> Value {
        json!({ "auths": { address: { "username": USER, "password": PASSWORD } } })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            eprintln!("---- log of the registry\n{log}");
        }
    }
}

/// Passes connections on, what comes back at this many bytes a second, and nothing while it is shut.
pub struct Gate {
    address: String,
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// Open, before this address.
    pub fn before(address: &str, bytes_per_second: usize) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let own = listener.local_addr().expect("it has an address").to_string();
        let state = Arc::new((Mutex::new(true), Condvar::new()));
        let (target, gate) = (address.to_owned(), state.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (target, gate) = (target.clone(), gate.clone());
                thread::spawn(move || pass(&client, &target, bytes_per_second, &gate));
            }
        });
        Gate { address: own, state }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// New connections wait.
    pub fn shut(&self) {
        self.set(false);
    }

    /// They need not wait any more.
    pub fn open(&self) {
        self.set(true);
    }

    fn set(&self, open: bool) {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner) = open;
        self.state.1.notify_all();
    }
}

fn pass(client: &TcpStream, target: &str, rate: usize, gate: &(Mutex<bool>, Condvar)) {
    let open = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
    drop(gate.1.wait_while(open, |open| !*open));
    let Ok(server) = TcpStream::connect(target) else { return };
    let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
    let forth = thread::spawn(move || copy(&from, &to, usize::MAX));
    copy(&server, client, rate);
    // The other direction ends with its connection.
    let _ = forth.join();
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, rate: usize) {
    const PARTS: usize = 20;
    let mut buffer = vec![0; (rate / PARTS).clamp(1, 64 << 10)];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        if rate != usize::MAX {
            // A slow network is what this is: nothing waits for it to be over.
            thread::sleep(Duration::from_secs_f64(read as f64 / rate as f64));
        }
    }
    // Whoever is at the other end may be gone.
    let _ = to.shutdown(Shutdown::Write);
}
