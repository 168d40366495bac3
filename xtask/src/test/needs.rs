//! The programs that tests use beside cargo, why they are needed, and how they get here when they are missing.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// A program, what shows that it is there, and the Debian package that brings it.
struct Need {
    package: &'static str,
    probe: &'static [&'static str],
    why: &'static str,
}

const NEEDS: [Need; 12] = [
    Need {
        package: "gcc",
        probe: &["cc", "--version"],
        why: "pymesos' HTTP parser is compiled when installed",
    },
    Need { package: "python3", probe: &["python3", "--version"], why: "runs the Python frameworks" },
    Need {
        package: "python3-venv",
        probe: &["python3", "-c", "import venv, ensurepip"],
        why: "the Python frameworks are installed into a folder of their own",
    },
    Need {
        package: "python3-dev",
        probe: &[
            "python3",
            "-c",
            "import os, sysconfig; os.stat(sysconfig.get_path('include') + '/Python.h')",
        ],
        why: "pymesos' HTTP parser is compiled against Python's headers",
    },
    Need { package: "nodejs", probe: &["node", "--version"], why: "runs the npm framework" },
    Need { package: "npm", probe: &["npm", "--version"], why: "installs the npm framework" },
    Need {
        package: "tar",
        probe: &["tar", "--version"],
        why: "makes the archives that are fetched and unpacked",
    },
    Need { package: "unzip", probe: &["unzip", "-v"], why: "agents extract zip archives with it" },
    Need { package: "iproute2", probe: &["ip", "-V"], why: "makes the network whose cable the tests cut" },
    Need { package: "docker.io", probe: &["dockerd", "--version"], why: "the engine that runs Docker tasks" },
    Need {
        package: "docker-registry",
        probe: &["docker-registry", "--version"],
        why: "the registry that images are pulled from",
    },
    Need {
        package: "busybox-static",
        // One that is linked against the system's libraries would not run in an image of its own.
        probe: &["sh", "-c", "/bin/busybox true && ! ldd /bin/busybox"],
        why: "what the images are made of",
    },
];

/// Installs what is missing, after saying what and why. Without apt, or without the right to use it, the list
/// is all that can be given.
pub fn install_missing() -> Result<()> {
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| !command::succeeds(need.probe[0], &need.probe[1..])).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("xtask: the tests need programs that are not installed:");
    for need in &missing {
        eprintln!("  {:<14} {}", need.package, need.why);
    }
    let Some(apt) = apt() else {
        bail!("install the programs above with your package manager, then run `cargo xtask test` again");
    };
    eprintln!("xtask: installing them with apt");
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    command::run(apt_get(apt, &["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    command::run(apt_get(apt, &arguments))
}

/// How apt may be called: directly by root, through sudo where that asks no password.
#[derive(Clone, Copy)]
enum Apt {
    Direct,
    Sudo,
}

fn apt() -> Option<Apt> {
    if !command::succeeds("apt-get", &["--version"]) {
        return None;
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if root {
        return Some(Apt::Direct);
    }
    command::succeeds("sudo", &["-n", "true"]).then_some(Apt::Sudo)
}

fn apt_get(apt: Apt, arguments: &[&str]) -> Command {
    let mut command = match apt {
        Apt::Direct => Command::new("env"),
        Apt::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "env"]);
            sudo
        }
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
    command
}
