//! What every test here needs: a containerizer with directories and a cgroup root of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;
use tepui_agent::containerizer::{
    Command, ContainerConfig, ContainerResources, ContainerTermination, Isolation, LauncherKind, Native,
    Program, Settings,
};

pub struct Bed {
    pub directory: TempDir,
    pub native: Native,
    cgroups_root: String,
}

/// The linux launcher is tested only by root.
pub fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: needs root");
    }
    is_root
}

pub fn settings(directory: &Path, launcher: LauncherKind) -> Settings {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Settings {
        launcher,
        isolation: Isolation::strongest(launcher),
        cgroups_root: format!("tepui-containers-{}-{count}", std::process::id()),
        program: Program::Path(env!("CARGO_BIN_EXE_tepui-container-init").into()),
        ..Settings::new(directory.join("runtime"))
    }
}

impl Bed {
    pub async fn posix() -> Bed {
        Bed::new(LauncherKind::Posix, |_| {}).await
    }

    pub async fn linux() -> Bed {
        Bed::new(LauncherKind::Linux, |_| {}).await
    }

    pub async fn new(launcher: LauncherKind, adjust: impl FnOnce(&mut Settings)) -> Bed {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(directory.path(), launcher);
        adjust(&mut settings);
        let cgroups_root = settings.cgroups_root.clone();
        Bed { native: Native::open(settings).await.unwrap(), directory, cgroups_root }
    }

    pub fn sandbox(&self, id: &str) -> PathBuf {
        let path = self.directory.path().join("sandboxes").join(id);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub fn shell(&self, id: &str, line: &str) -> ContainerConfig {
        shell(id, line, self.sandbox(id))
    }

    /// Launches and waits for the end.
    pub async fn run(&self, config: ContainerConfig) -> ContainerTermination {
        let id = config.id.clone();
        self.native.launch(config).await.unwrap();
        self.native.wait(&id).await.unwrap()
    }

    pub fn output(&self, id: &str) -> String {
        fs::read_to_string(self.sandbox(id).join("stdout")).unwrap()
    }

    /// The text of a file of one container's cgroup.
    pub fn cgroup_file(&self, controller: &str, id: &str, file: &str) -> String {
        let path = format!("/sys/fs/cgroup/{controller}/{}/{id}/{file}", self.cgroups_root);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_string()
    }

    pub fn has_cgroup(&self, id: &str) -> bool {
        ["cpu", "cpuacct", "memory", "pids", "freezer"].iter().any(|controller| {
            Path::new(&format!("/sys/fs/cgroup/{controller}/{}/{id}", self.cgroups_root)).exists()
        })
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for sandbox in fs::read_dir(self.directory.path().join("sandboxes")).into_iter().flatten().flatten() {
            kill_in(&sandbox.path());
        }
        remove_cgroup_root(&self.cgroups_root);
    }
}

/// Processes whose working directory this is.
pub fn processes_in(sandbox: &Path) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let inside = processes.filter(|it| fs::read_link(it.path().join("cwd")).is_ok_and(|cwd| cwd == sandbox));
    inside.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
}

/// Kills what a failed test has left.
pub fn kill_in(sandbox: &Path) {
    for pid in processes_in(sandbox) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    }
}

/// Kills what a failed test has left, and takes its cgroups away.
pub fn remove_cgroup_root(root: &str) {
    for controller in ["freezer", "cpu", "cpuacct", "memory", "pids"] {
        let root = PathBuf::from(format!("/sys/fs/cgroup/{controller}/{root}"));
        for container in fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let processes = fs::read_to_string(container.join("cgroup.procs")).unwrap_or_default();
            for pid in processes.lines().filter_map(|pid| pid.parse().ok()) {
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(pid),
                    nix::sys::signal::Signal::SIGKILL,
                );
            }
            let _ = fs::remove_dir(container);
        }
        let _ = fs::remove_dir(root);
    }
}

pub fn shell(id: &str, line: &str, sandbox: PathBuf) -> ContainerConfig {
    ContainerConfig {
        id: id.into(),
        command: Command::Shell(line.into()),
        environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        user: None,
        sandbox,
        resources: ContainerResources { cpus: 0.5, mem: 64 << 20, ..Default::default() },
        sees_host: false,
    }
}

/// Waits until a condition outside our control holds; fails after 20 s.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed().as_secs() < 20, "still not: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
