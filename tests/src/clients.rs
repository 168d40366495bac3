//! Third-party clients: where they are installed, and running one of their drivers against a master.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::binary;

/// What is installed, in these versions and no others. `setup-clients` reads this list.
pub mod pins {
    pub const PYMESOS: &str = "pymesos==0.3.15";
    pub const AVMESOS: &str = "avmesos==0.4.2";
    /// Wanted by pymesos. Its shipped C does not compile on Python 3.11 and later, so it is made from its Cython source.
    pub const HTTP_PARSER: &str = "http-parser==0.9.0";
    pub const BUILD: &[&str] = &["cython==3.1.8", "wheel==0.45.1", "setuptools==80.9.0"];
    pub const NPM: &str = "mesos-framework@0.5.3";
}

/// The directory they are installed in: `TEPUI_TEST_CLIENTS`, else `target/test-clients`.
pub fn directory() -> PathBuf {
    std::env::var_os("TEPUI_TEST_CLIENTS")
        .map_or_else(|| binary::target().join("test-clients"), PathBuf::from)
}

pub fn python() -> PathBuf {
    directory().join("venv/bin/python")
}

pub fn node_modules() -> PathBuf {
    directory().join("npm/node_modules")
}

fn driver(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

#[track_caller]
fn installed(path: &Path) {
    let how = "`cargo run -p tepui-tests --bin setup-clients`, or `cargo xtask test`";
    assert!(
        path.exists(),
        "third-party clients are not installed ({} is missing): run {how}",
        path.display()
    );
}

/// Runs one of the Python drivers in `tests/clients`; panics with its output unless it succeeds.
#[track_caller]
pub fn run_python(name: &str, arguments: &[&str]) -> String {
    installed(&python());
    run(Command::new(python()).arg(driver(name)).args(arguments))
}

/// Runs the npm driver, in `directory`.
#[track_caller]
pub fn run_node(name: &str, arguments: &[&str], directory: &Path) -> String {
    installed(&node_modules().join("mesos-framework"));
    std::fs::create_dir_all(directory.join("logs")).expect("the test's own directory can be written");
    let mut command = Command::new("node");
    run(command.arg(driver(name)).args(arguments).env("NODE_PATH", node_modules()).current_dir(directory))
}

/// Longer than the time limits inside the drivers, so that it is they who say what went wrong.
const LIMIT: Duration = Duration::from_secs(200);

#[track_caller]
fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let log = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let output = || log.as_file().try_clone().expect("a file handle can be doubled");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .unwrap_or_else(|error| panic!("run {shown}: {error}"));
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().expect("a child has a status") {
            Some(status) => break Some(status),
            None if Instant::now() > end => {
                let _ = child.kill();
                break child.wait().ok().and(None);
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let text = std::fs::read_to_string(log.path()).unwrap_or_default();
    let succeeded = status.is_some_and(|status| status.success());
    assert!(succeeded, "{shown} ended with {status:?}:\n{text}");
    println!("{}", text.lines().last().unwrap_or_default());
    text
}
