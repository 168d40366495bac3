//! Running other programs: each is printed before it starts, and one that fails is named.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tree;

/// What cargo tells a program about its package. Handed on to another cargo, it makes build scripts that look at it
/// run again, each time the tree is built from within and from outside in turn.
const OF_OUR_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME"];

/// Cargo itself, run at the root of the tree.
pub fn cargo(arguments: &[&str]) -> Command {
    cargo_under(&[], arguments)
}

/// Cargo, started by another program with its arguments, such as one that limits its time.
pub fn cargo_under(starter: &[&str], arguments: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let words = [starter, &[cargo.as_str()], arguments].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(tree::root());
    for (name, _) in std::env::vars_os() {
        if OF_OUR_PACKAGE.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// Says what runs, as a person would type it.
pub fn announce(command: &Command) {
    eprintln!("$ {}", written(command));
}

/// Runs to the end, its output going where ours goes.
pub fn run(mut command: Command) -> Result<()> {
    announce(&command);
    let status = command.status().with_context(|| format!("run `{}`", written(&command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", written(&command));
    }
    Ok(())
}

/// Runs to the end and gives what it printed.
pub fn output(mut command: Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("run `{}`", written(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", written(&command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("read the output of `{}`", written(&command)))
}

/// Whether it runs and ends well; what it says goes nowhere.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn written(command: &Command) -> String {
    let mut text = std::path::Path::new(command.get_program())
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
