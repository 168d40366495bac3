//! What a run of the tests may leave behind, in one place so that it can be found: a folder for temporary files.
//!
//! A test that is killed cannot clean up after itself. Processes that live in the folder, what is mounted below it
//! and the folder itself go when the run ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// Given to every test, so that daemons that outlive their test are recognised by their environment.
const MARK: &str = "TEPUI_TEST_RUN";

/// The folder of one run.
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A fresh folder. It lies where the system keeps temporary files, since the path of a unix socket must be short.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("tepui-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        // Tests switch users: what runs as another one must be able to pass through.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))
                .with_context(|| format!("open {} to all users", folder.display()))?;
        }
        Ok(Self { folder })
    }

    /// Makes the command, and all it starts, keep temporary files here.
    pub fn give(&self, command: &mut Command) {
        command.env("TMPDIR", &self.folder).env(MARK, &self.folder);
    }

    /// Ends what still runs here and removes everything.
    pub fn clear(self) -> Result<()> {
        for (id, name) in processes(&self.folder) {
            eprintln!("xtask: {name} (process {id}) outlived the tests and is ended");
            command::succeeds("kill", &["-KILL", &id]);
        }
        for mounted in mounts(&self.folder) {
            command::succeeds("umount", &["--lazy", &mounted]);
        }
        fs::remove_dir_all(&self.folder).with_context(|| format!("remove {}", self.folder.display()))
    }
}

/// Id and name of each process that belongs to the run: by its environment, by the folder it stands in, or because the root of its
/// file system lies there, as that of a Docker container does.
fn processes(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mark = format!("{MARK}={}", folder.display());
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let process = entry.path();
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let marked = environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes());
        let inside = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
        if marked || inside || is_rooted_in(&mounts, folder) {
            let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
            found.push((id, name.trim().to_owned()));
        }
    }
    found
}

/// Whether this `mountinfo` has a root made of layers in the folder.
fn is_rooted_in(mounts: &str, folder: &Path) -> bool {
    let layers = format!("upperdir={}/", folder.display());
    mounts.lines().any(|line| line.split(' ').nth(4) == Some("/") && line.contains(&layers))
}

/// What is mounted below the folder, the innermost first.
fn mounts(folder: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut found: Vec<String> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|point| Path::new(point).starts_with(folder))
        .map(str::to_owned)
        .collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_known_by_the_root_of_its_file_system() {
        let container =
            "36 35 0:40 / / rw - overlay overlay rw,lowerdir=/t/r/l,upperdir=/t/run/u,workdir=/t/run/w\n";
        let machine = "22 1 8:1 / / rw - ext4 /dev/sda rw\n\
                       37 22 0:40 / /t/run/merged rw - overlay overlay rw,upperdir=/t/run/u\n";

        assert!(is_rooted_in(container, Path::new("/t/run")));
        assert!(!is_rooted_in(machine, Path::new("/t/run")) && !is_rooted_in(container, Path::new("/t/ru")));
    }

    #[test]
    fn a_process_that_stays_is_ended_and_its_files_removed() {
        let scratch = Scratch::new().expect("a temporary folder");
        let folder = scratch.folder.clone();
        fs::write(folder.join("file"), "text").expect("write");
        let mut sleeper = Command::new("sleep");
        scratch.give(&mut sleeper);
        let mut sleeper = sleeper.arg("1000").spawn().expect("start a process");
        // It may take a while to become what we started, with the environment we gave it.
        let id = sleeper.id().to_string();
        while !processes(&folder).iter().any(|(found, _)| *found == id) {
            assert!(sleeper.try_wait().expect("a status").is_none(), "it ended before it was found");
            std::thread::yield_now();
        }

        scratch.clear().expect("clear");

        let status = sleeper.wait().expect("wait");
        assert!(!status.success());
        assert!(!folder.exists());
    }
}
