//! Where the `tepui` binary and everything built beside it lies.

use std::path::PathBuf;
use std::process::Command;

/// The directory of the build profile, for example `target/debug`.
fn profile() -> PathBuf {
    let mut path = std::env::current_exe().expect("a running program has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path
}

/// The `target` directory.
pub fn target() -> PathBuf {
    profile().parent().expect("a profile lies in a target directory").to_owned()
}

/// The `tepui` binary that was built with these tests, or the one `TEPUI_BINARY` names.
pub fn tepui() -> PathBuf {
    let path = std::env::var_os("TEPUI_BINARY").map_or_else(|| profile().join("tepui"), PathBuf::from);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p tepui`, or `cargo xtask test`",
        path.display()
    );
    path
}

/// One of the example frameworks, built by `cargo build -p tepui-frameworks`.
pub fn example(name: &str) -> Command {
    let path = profile().join(name);
    let how = "run `cargo build -p tepui-frameworks`, or `cargo xtask test`";
    assert!(path.exists(), "{} is missing: {how}", path.display());
    Command::new(path)
}

/// A command line of it.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(tepui());
    command.args(arguments);
    command
}
