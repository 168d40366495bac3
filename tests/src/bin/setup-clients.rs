//! Installs the third-party clients the tests run against our daemons: unmodified, in pinned versions, below `target`.
//!
//! Does nothing if they are there already. Needs python3 with venv and headers, a C compiler, node and npm;
//! `cargo xtask test` installs those first.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use tepui_tests::clients::{self, pins};

fn main() -> ExitCode {
    match set_up() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("setup-clients: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn set_up() -> Result<()> {
    let directory = clients::directory();
    std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    if python_is_ready() {
        println!("setup-clients: pymesos and avmesos are installed");
    } else {
        python(&directory)?;
    }
    if node_is_ready() {
        println!("setup-clients: mesos-framework is installed");
    } else {
        node(&directory)?;
    }
    Ok(())
}

/// Whether the pinned versions are there and can be imported.
fn python_is_ready() -> bool {
    let versions =
        [pins::PYMESOS, pins::AVMESOS].map(|pin| pin.split_once("==").expect("a pin has a version"));
    let mut check = "import pymesos, avmesos.client, importlib.metadata as m\n".to_owned();
    for (name, version) in versions {
        check += &format!("assert m.version('{name}') == '{version}'\n");
    }
    quiet(Command::new(clients::python()).args(["-c", &check]))
}

fn node_is_ready() -> bool {
    let package = clients::node_modules().join("mesos-framework/package.json");
    let version = pins::NPM.split_once('@').expect("a pin has a version").1;
    std::fs::read_to_string(package).is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn python(directory: &Path) -> Result<()> {
    println!(
        "setup-clients: installing {} and {} from PyPI into {}, to run them against our master",
        pins::PYMESOS,
        pins::AVMESOS,
        directory.display()
    );
    let python = clients::python();
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory.join("venv")))?;
    let pip = || {
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
        command
    };
    run(pip().arg("install").args(pins::BUILD))?;
    http_parser(directory, pip)?;
    run(pip().args(["install", pins::PYMESOS, pins::AVMESOS]))
}

/// Makes its C source again from the Cython source that lies beside it; see [`pins::HTTP_PARSER`].
fn http_parser(directory: &Path, pip: impl Fn() -> Command) -> Result<()> {
    let sources = directory.join("sources");
    let _ = std::fs::remove_dir_all(&sources);
    std::fs::create_dir_all(&sources)?;
    let only_source = ["download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest"];
    run(pip().args(only_source).arg(&sources).arg(pins::HTTP_PARSER))?;
    let name = pins::HTTP_PARSER.replace("==", "-");
    run(Command::new("tar").arg("-xzf").arg(sources.join(format!("{name}.tar.gz"))).arg("-C").arg(&sources))?;
    let source = sources.join(name);
    std::fs::remove_file(source.join("http_parser/parser.c")).context("remove the shipped parser.c")?;
    run(Command::new(clients::python())
        .args(["-m", "cython", "http_parser/parser.pyx"])
        .current_dir(&source))?;
    run(pip().args(["install", "--no-build-isolation", "."]).current_dir(&source))
}

fn node(directory: &Path) -> Result<()> {
    let directory = directory.join("npm");
    println!(
        "setup-clients: installing {} from npm into {}, to run it against our master",
        pins::NPM,
        directory.display()
    );
    std::fs::create_dir_all(&directory)?;
    run(Command::new("npm")
        .args(["--silent", "--no-audit", "--no-fund", "--prefix", ".", "install", pins::NPM])
        .current_dir(&directory))
}

fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {shown}"))?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(
        output.status.success(),
        "{shown} ended with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&said)
    );
    Ok(())
}
