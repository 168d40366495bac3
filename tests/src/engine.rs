//! A Docker engine of a test's own: its data, its socket, and one image made of Debian's busybox.
//!
//! Nothing of it is shared, so that tests may end, freeze and fill their engines as they like. Whatever it leaves is cleared when
//! it is dropped, also if the test fails.

use std::fmt::Debug;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use bollard::query_parameters::{
    CreateImageOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use futures::TryStreamExt;
use nix::mount::{MsFlags, mount};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::leftovers;
use crate::waiting::{secs, until};

/// The image that every engine has.
pub const IMAGE: &str = "tepui/busybox:1";

/// How an engine is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// In a network namespace of its own, with a bridge. Otherwise it has this machine's network and no bridge.
    pub own_network: bool,
    /// Containers go on while the engine is away.
    pub live_restore: bool,
    /// Its data lie on a disk of this size.
    pub megabytes: Option<u32>,
}

/// Ends with everything that runs in it when it is dropped.
pub struct Engine {
    directory: TempDir,
    setup: Setup,
    dockerd: Child,
    cgroup: String,
    runtime: Runtime,
    docker: Docker,
}

impl Engine {
    /// One that shares the machine's network.
    pub fn start() -> Engine {
        Engine::with(Setup::default())
    }

    /// Starts dockerd without touching the machine's packet filter, and imports the image.
    pub fn with(setup: Setup) -> Engine {
        let directory = tempfile::Builder::new().prefix("tepui-docker-").tempdir();
        let directory = directory.expect("a temporary directory can be made");
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let cgroup = format!("tepui-test-{}-engine-{number}", std::process::id());
        if let Some(megabytes) = setup.megabytes {
            small_disk(&directory.path().join("data"), megabytes);
        }
        let dockerd = launch(directory.path(), &cgroup, setup);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let socket = directory.path().join("docker.sock");
        until("the engine's socket", secs(30), || socket.exists().then_some(()));
        let docker = runtime.block_on(async {
            Docker::connect_with_unix(&socket.display().to_string(), 30, API_DEFAULT_VERSION)
        });
        let docker = docker.expect("its socket is there");
        let engine = Engine { directory, setup, dockerd, cgroup, runtime, docker };
        engine.await_answer();
        engine.import(IMAGE, |_| ());
        engine
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// The same by TCP, for as long as the test runs.
    pub fn over_tcp(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let socket = self.socket();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = UnixStream::connect(&socket) else { continue };
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
                thread::spawn(move || pass(near, far, |far| far.shutdown(Shutdown::Write)));
                thread::spawn(move || pass(far_too, near_too, |near| near.shutdown(Shutdown::Write)));
            }
        });
        format!("tcp://{address}")
    }

    /// Where its images and containers lie.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Asks it for something it does not refuse.
    #[track_caller]
    pub fn ask<T, E: Debug>(&self, question: impl AsyncFnOnce(&Docker) -> Result<T, E>) -> T {
        self.runtime
            .block_on(question(&self.docker))
            .unwrap_or_else(|why| panic!("the engine refused: {why:?}"))
    }

    /// What it knows of a container, as its API says it.
    #[track_caller]
    pub fn inspect(&self, container: &str) -> Value {
        let found = self
            .ask(async |docker| docker.inspect_container(container, None::<InspectContainerOptions>).await);
        serde_json::to_value(found).expect("an answer is JSON")
    }

    /// Names of its containers.
    pub fn containers(&self) -> Vec<String> {
        self.list(true)
    }

    /// Names of those that run.
    pub fn running(&self) -> Vec<String> {
        self.list(false)
    }

    /// The only container that runs.
    #[track_caller]
    pub fn only(&self) -> String {
        let running = self.running();
        assert_eq!(running.len(), 1, "{running:?}");
        running.into_iter().next().expect("there is one")
    }

    #[track_caller]
    fn list(&self, all: bool) -> Vec<String> {
        let options = ListContainersOptionsBuilder::new().all(all).build();
        let listed = self.ask(async |docker| docker.list_containers(Some(options)).await);
        let names = listed.into_iter().filter_map(|container| container.names?.into_iter().next());
        names.map(|name| name.trim_start_matches('/').to_owned()).collect()
    }

    /// An image with a busybox and whatever `fill` puts beside it.
    pub fn import(&self, image: &str, fill: impl FnOnce(&Path)) {
        let root = tempfile::tempdir_in(self.directory.path()).expect("a folder can be made");
        fill_root(root.path());
        fill(root.path());
        let tar = Command::new("tar")
            .arg("-C")
            .arg(root.path())
            .args(["-c", "."])
            .output()
            .expect("tar can be run");
        let (repository, tag) = image.rsplit_once(':').expect("an image has a tag");
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).build();
        self.ask(async |docker| {
            let steps = docker.create_image(Some(options), Some(body_full(tar.stdout.into())), None);
            steps.try_collect::<Vec<_>>().await
        });
    }

    /// SIGTERM; it is gone when this returns, and its containers with it unless they are to go on.
    pub fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        self.dockerd.wait().expect("a child can be waited for");
    }

    /// SIGKILL: it has no time to end its containers. The containerd that it keeps goes with it, and is gone when this returns:
    /// the next engine would take it for its own.
    pub fn kill(&mut self) {
        let file = self.directory.path().join("exec/containerd/containerd.pid");
        let containerd = fs::read_to_string(file).expect("dockerd writes its containerd's pid");
        self.signal(Signal::SIGKILL);
        self.dockerd.wait().expect("a child can be waited for");
        let containerd = Pid::from_raw(containerd.trim().parse().expect("a pid"));
        until("containerd to end", secs(20), || kill(containerd, Signal::SIGKILL).is_err().then_some(()));
    }

    /// Starts it again with the data it had.
    pub fn start_again(&mut self) {
        self.dockerd = launch(self.directory.path(), &self.cgroup, self.setup);
        self.await_answer();
    }

    /// It answers nothing until it is thawed.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It answers again.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.dockerd.id()).expect("pids are small");
        kill(Pid::from_raw(pid), signal).expect("a child can be signalled");
    }

    fn await_answer(&self) {
        until("an engine that answers", secs(30), || self.runtime.block_on(self.docker.ping()).ok());
    }
}

/// Until one of them ends, which the other is told.
fn pass<R: Read, W: Write>(mut from: R, mut to: W, end: impl FnOnce(&W) -> io::Result<()>) {
    // Whoever has gone needs nothing more.
    let _ = io::copy(&mut from, &mut to);
    let _ = end(&to);
}

fn fill_root(root: &Path) {
    for folder in ["bin", "tmp", "etc", "proc", "sys", "dev"] {
        fs::create_dir_all(root.join(folder)).expect("a folder can be made");
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n")
        .expect("a file can be written");
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
    let list = Command::new("/bin/busybox").arg("--list").output().expect("busybox-static is installed");
    for applet in String::from_utf8_lossy(&list.stdout).lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).expect("a link can be made");
    }
}

fn small_disk(at: &Path, megabytes: u32) {
    fs::create_dir(at).expect("a folder can be made");
    let size = format!("size={megabytes}m");
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(size.as_str()))
        .expect("tests run as root");
}

fn launch(directory: &Path, cgroup: &str, setup: Setup) -> Child {
    let at = |name: &str| directory.join(name).display().to_string();
    let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("dockerd.log"));
    let log = log.expect("a log can be made");
    // An engine that was killed leaves it behind, and the next one would find its pid taken.
    let _ = fs::remove_file(directory.join("docker.pid"));
    let mut dockerd = Command::new(if setup.own_network { "unshare" } else { "dockerd" });
    if setup.own_network {
        dockerd.args(["--net", "sh", "-c", "ip link set lo up && exec dockerd \"$@\"", "dockerd"]);
    } else {
        dockerd.arg("--bridge=none");
    }
    dockerd
        .args(["--iptables=false", "--ip6tables=false"])
        .arg(format!("--cgroup-parent=/{cgroup}"))
        .arg(format!("--data-root={}", at("data")))
        .arg(format!("--exec-root={}", at("exec")))
        .arg(format!("--pidfile={}", at("docker.pid")))
        .arg(format!("--host=unix://{}", at("docker.sock")))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log);
    if setup.live_restore {
        dockerd.arg("--live-restore");
    }
    dockerd.spawn().expect("docker.io is installed")
}

impl Drop for Engine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.directory.path().join("dockerd.log")).unwrap_or_default();
            let from = log.lines().count().saturating_sub(40);
            eprintln!("---- log of dockerd\n{}", log.lines().skip(from).collect::<Vec<_>>().join("\n"));
        }
        // It may have ended already. Its containers, their keepers and its mounts are found one by one.
        let _ = self.dockerd.kill();
        let _ = self.dockerd.wait();
        leftovers::clear(self.directory.path(), &self.cgroup);
        leftovers::unmount(self.directory.path());
    }
}
