//! Containers outlive the agent that launched them, and the next agent learns how they fared.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Stdio},
};

use tempfile::TempDir;
use tepui_agent::containerizer::{
    ContainerConfig, ContainerResources, KnownContainer, LauncherKind, LimitationReason, Native, Settings,
};

use crate::bed::{Bed, eventually, is_root, kill_in, remove_cgroup_root, settings, shell};

/// Set for the process that plays the agent to be killed: its directory.
const DIRECTORY: &str = "TEPUI_TEST_AGENT_DIRECTORY";
const LAUNCHER: &str = "TEPUI_TEST_AGENT_LAUNCHER";
const LINES: [(&str, &str); 4] = [
    ("lives", "echo up; sleep 1234"),
    ("ends", "while [ ! -e go ]; do sleep 0.01; done; exit 9"),
    ("greedy", "while [ ! -e go ]; do sleep 0.01; done; exec dd if=/dev/zero of=/dev/null bs=200M count=1"),
    ("forgotten", "sleep 1234"),
];

/// Not a test of its own: run by the tests below in a process of its own, which they kill.
#[tokio::test]
async fn agent_to_be_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = PathBuf::from(directory);
    let native = Native::open(agent_settings(&directory)).await.unwrap();
    for (id, line) in LINES {
        native.launch(config(&directory, id, line)).await.unwrap();
    }
    fs::write(directory.join("launched"), "").unwrap();
    std::future::pending().await
}

fn agent_settings(directory: &Path) -> Settings {
    let launcher = std::env::var(LAUNCHER).unwrap_or("posix".into()).parse().unwrap();
    Settings { cgroups_root: cgroups_root(directory), ..settings(directory, launcher) }
}

fn cgroups_root(directory: &Path) -> String {
    format!("tepui-containers{}", directory.file_name().unwrap().to_str().unwrap())
}

fn config(directory: &Path, id: &str, line: &str) -> ContainerConfig {
    let sandbox = directory.join(id);
    fs::create_dir_all(&sandbox).unwrap();
    let resources = ContainerResources { cpus: 0.5, mem: 32 << 20, ..Default::default() };
    ContainerConfig { resources, ..shell(id, line, sandbox) }
}

fn known(directory: &Path, id: &str) -> KnownContainer {
    KnownContainer { id: id.into(), sandbox: directory.join(id), resources: Default::default() }
}

struct Remains {
    directory: TempDir,
    settings: Settings,
}

impl Drop for Remains {
    fn drop(&mut self) {
        for (id, _) in LINES {
            kill_in(&self.directory.path().join(id));
        }
        remove_cgroup_root(&self.settings.cgroups_root);
    }
}

/// Launches the containers from an agent of its own process, then kills that agent.
async fn killed_agent(launcher: LauncherKind) -> Remains {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut agent = process::Command::new(std::env::current_exe().unwrap())
        .args(["recovery::agent_to_be_killed", "--exact"])
        .env(DIRECTORY, path)
        .env(LAUNCHER, format!("{launcher:?}").to_lowercase())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    eventually("the agent launched its containers", || path.join("launched").exists()).await;

    // The whole process group, as a terminal or a supervisor would.
    let group = nix::unistd::Pid::from_raw(agent.id().cast_signed());
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).unwrap();
    agent.wait().unwrap();
    let settings = Settings { cgroups_root: cgroups_root(path), ..settings(path, launcher) };
    Remains { settings, directory }
}

/// Looks at the helper, as nobody else is there to tell.
async fn has_ended(directory: &Path, id: &str) {
    let record = fs::read_to_string(directory.join("runtime/containers").join(id).join("pid")).unwrap();
    let helper = Path::new("/proc").join(record.split(' ').next().unwrap());
    eventually("the helper ended", || !helper.exists()).await;
}

async fn recovers(launcher: LauncherKind) {
    let remains = killed_agent(launcher).await;
    let path = remains.directory.path();
    fs::write(path.join("ends/go"), "").unwrap();
    has_ended(path, "ends").await;

    let native = Native::open(remains.settings.clone()).await.unwrap();
    let known = ["lives", "ends", "never"].map(|id| known(path, id)).to_vec();
    let recovered = native.recover(known).await.unwrap();

    assert_eq!(recovered.live.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["lives"]);
    let ended: Vec<_> = recovered.ended.iter().map(|(id, end)| (id.as_str(), end.exit_code())).collect();
    assert_eq!(ended, [("ends", Some(9)), ("never", None)]);
    assert_eq!(recovered.orphans, ["forgotten", "greedy"]);
    assert_eq!(native.wait("ends").await.unwrap().exit_code(), Some(9));
    // The orphans are gone already; the survivor is watched and can be ended.
    assert!(!path.join("runtime/containers/forgotten").exists());
    assert!(native.usage("lives").await.unwrap().processes > Some(0));
    let end = native.destroy("lives").await.unwrap().unwrap();
    assert_eq!(end.signal(), Some(libc::SIGKILL));
}

#[tokio::test]
async fn the_next_agent_finds_what_lives_what_ended_and_what_nobody_knows() {
    recovers(LauncherKind::Posix).await;
}

#[tokio::test]
async fn the_next_agent_recovers_containers_of_the_linux_launcher() {
    if is_root() {
        recovers(LauncherKind::Linux).await;
    }
}

#[tokio::test]
async fn a_recovered_container_is_watched_for_its_end_and_its_memory() {
    if !is_root() {
        return;
    }
    let remains = killed_agent(LauncherKind::Linux).await;
    let path = remains.directory.path();
    let native = Native::open(remains.settings.clone()).await.unwrap();
    let recovered = native.recover(["ends", "greedy"].map(|id| known(path, id)).to_vec()).await.unwrap();
    assert_eq!(recovered.live.len(), 2);

    fs::write(path.join("ends/go"), "").unwrap();
    fs::write(path.join("greedy/go"), "").unwrap();

    assert_eq!(native.wait("ends").await.unwrap().exit_code(), Some(9));
    let greedy = native.wait("greedy").await.unwrap();
    assert_eq!(greedy.limitation.map(|it| it.reason), Some(LimitationReason::Memory));
}

#[tokio::test]
async fn memory_exceeded_while_no_agent_ran_is_known_afterwards() {
    if !is_root() {
        return;
    }
    let remains = killed_agent(LauncherKind::Linux).await;
    let path = remains.directory.path();
    fs::write(path.join("greedy/go"), "").unwrap();
    has_ended(path, "greedy").await;

    let native = Native::open(remains.settings.clone()).await.unwrap();
    let recovered = native.recover(vec![known(path, "greedy")]).await.unwrap();

    let (_, end) = &recovered.ended[0];
    assert_eq!(end.signal(), Some(libc::SIGKILL));
    assert_eq!(end.limitation.as_ref().unwrap().reason, LimitationReason::Memory);
}

#[tokio::test]
async fn a_pid_that_passed_to_another_process_is_not_the_container() {
    let bed = Bed::posix().await;
    let mut stranger = process::Command::new("sleep").arg("1234").spawn().unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let container = bed.directory.path().join("runtime/containers/c1");
    fs::create_dir_all(&container).unwrap();
    fs::write(container.join("pid"), format!("{} 1 {boot}", stranger.id())).unwrap();

    let recovered = bed.native.recover(vec![known(bed.directory.path(), "c1")]).await.unwrap();

    assert_eq!(recovered.live, []);
    assert_eq!(recovered.ended[0].1.wait_status, None);
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn an_agent_can_restart_inside_its_process() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path(), LauncherKind::Posix);
    let first = Native::open(settings.clone()).await.unwrap();
    first.launch(config(directory.path(), "c1", "sleep 1234")).await.unwrap();
    drop(first);

    let second = Native::open(settings).await.unwrap();
    let recovered = second.recover(vec![known(directory.path(), "c1")]).await.unwrap();

    assert_eq!(recovered.live.len(), 1);
    let end = second.destroy("c1").await.unwrap().unwrap();
    assert_eq!(end.signal(), Some(libc::SIGKILL));
}
