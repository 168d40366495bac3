//! Watching actors of processes that are killed or stopped, and of machines behind a network that is cut: one `Exited` each.
//!
//! The other process is this test's program, started once more for the test that plays it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

mod cast;

use cast::{Saw, Seen, listener, note, perform, served};
use libactor::{ActorRef, Exit, Node, Pid};
use nix::sys::signal::{Signal, kill};

const ROLE: &str = "LIBACTOR_TEST_ROLE";
const LISTEN: &str = "LIBACTOR_TEST_LISTEN";
const WATCH: &str = "LIBACTOR_TEST_WATCH";

/// Long enough for a busy machine, and short enough to wait for.
const SILENCE: Duration = Duration::from_secs(1);

async fn node(listen: &str) -> Node {
    let beat = Duration::from_millis(100);
    served(Node::builder().listen(listen.parse().unwrap()).heartbeat(beat, SILENCE)).await
}

/// A process that ends with its test.
struct Process {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this program for the test `plays_another_process`, in the network namespace if there is one.
    fn start(namespace: Option<&str>, settings: &[(&str, &str)]) -> Process {
        let program = std::env::current_exe().unwrap();
        let mut command = match namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut ip = Command::new("ip");
                ip.args(["netns", "exec", namespace]).arg(program);
                ip
            }
        };
        command.args(["--exact", "plays_another_process", "--nocapture", "--test-threads=1"]);
        command.envs(settings.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, said }
    }

    fn watched(namespace: Option<&str>, listen: &str) -> (Process, Pid) {
        let mut process = Process::start(namespace, &[(ROLE, "watched"), (LISTEN, listen)]);
        let pid = process.says("watched ");
        (process, pid.parse().unwrap())
    }

    /// What follows `word` on the next line that has it.
    fn says(&mut self, word: &str) -> String {
        let mut lines = self.said.by_ref().map_while(Result::ok);
        let line = lines.find_map(|line| line.split_once(word).map(|(_, rest)| rest.to_owned()));
        line.unwrap_or_else(|| panic!("the process ended before it said {word:?}"))
    }

    fn signal(&self, signal: Signal) {
        kill(nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own: what the other processes do.
#[test]
fn plays_another_process() {
    match std::env::var(ROLE).as_deref() {
        Ok("watched") => libactor::run(watched()),
        Ok("watcher") => libactor::run(watcher()),
        _ => {}
    }
}

/// Until its input ends, which is when its test has.
async fn watched() {
    let node = node(&std::env::var(LISTEN).unwrap()).await;
    let (actor, _seen) = listener();
    let watched = node.spawn("watched", actor);
    say(&format!("watched {}", watched.pid()));
    let end = tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop));
    end.await.unwrap();
}

/// Watches, and says what it sees.
async fn watcher() {
    let node = node(&std::env::var(LISTEN).unwrap()).await;
    let pid = std::env::var(WATCH).unwrap().parse().unwrap();
    let (_watcher, mut seen) = watching(&node, &pid).await;
    say("watching it");
    let Saw::Exited(_, why) = seen.next().await else { panic!("a note") };
    say(&format!("exited: {why}"));
    tokio::time::sleep(SILENCE * 2).await;
    say(&format!("more: {}", !seen.nothing_more()));
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

/// A listener that watches `pid` on a connection that is up: a watch of an actor that is not there came back on it.
async fn watching(node: &Node, pid: &Pid) -> (ActorRef<cast::Listener>, Seen) {
    let (actor, mut seen) = listener();
    let watcher = node.spawn("watcher", actor);
    let (watched, nobody) = (pid.clone(), Pid::new("nobody", pid.address()).unwrap());
    let missing = nobody.clone();
    watcher.tell(perform(move |_, cx| {
        cx.watch(&watched);
        cx.watch(&missing);
    }));
    assert_eq!(seen.next().await, Saw::Exited(nobody, Exit::Missing));
    (watcher, seen)
}

/// The watch ends once, and a later message finds that nothing else came.
async fn is_lost_once(watcher: &ActorRef<cast::Listener>, seen: &mut Seen, pid: &Pid) {
    assert_eq!(seen.next().await, Saw::Exited(pid.clone(), Exit::ConnectionLost));
    watcher.tell(perform(|_, cx| {
        let me = cx.me().clone();
        cx.tell(&me, note(7));
    }));
    assert_eq!(seen.next().await, Saw::Note(watcher.pid().clone(), 7));
}

#[test]
fn an_actor_of_a_killed_process_exits_once() {
    libactor::run(async {
        let here = node("127.0.0.1:0").await;
        let (process, pid) = Process::watched(None, "127.0.0.1:0");
        let (watcher, mut seen) = watching(&here, &pid).await;

        process.signal(Signal::SIGKILL);

        is_lost_once(&watcher, &mut seen, &pid).await;
        // Whoever watches again hears again.
        let again = pid.clone();
        watcher.tell(perform(move |_, cx| cx.watch(&again)));
        assert!(matches!(seen.next().await, Saw::Exited(_, Exit::Unreachable | Exit::ConnectionLost)));
        here.shutdown().await;
    });
}

#[test]
fn an_actor_of_a_stopped_process_exits_once_though_the_process_goes_on() {
    libactor::run(async {
        let here = node("127.0.0.1:0").await;
        let (process, pid) = Process::watched(None, "127.0.0.1:0");
        let (watcher, mut seen) = watching(&here, &pid).await;

        process.signal(Signal::SIGSTOP);

        is_lost_once(&watcher, &mut seen, &pid).await;
        process.signal(Signal::SIGCONT);
        // It is still there, and can be watched again.
        let (again, nobody) = (pid.clone(), Pid::new("nobody", pid.address()).unwrap());
        let missing = nobody.clone();
        watcher.tell(perform(move |_, cx| {
            cx.watch(&again);
            cx.watch(&missing);
        }));
        assert_eq!(seen.next().await, Saw::Exited(nobody, Exit::Missing));
        drop(process);
        is_lost_once(&watcher, &mut seen, &pid).await;
        here.shutdown().await;
    });
}

/// Two network namespaces with a cable between them.
struct Cable {
    ends: [String; 2],
}

/// Addresses inside namespaces of this test's own: nobody else can have them.
const ENDS: [&str; 2] = ["10.0.0.1", "10.0.0.2"];

impl Cable {
    fn new() -> Cable {
        let ends = ["a", "b"].map(|end| format!("libactor{}{end}", std::process::id()));
        let cable = Cable { ends };
        let [a, b] = &cable.ends;
        for end in [a, b] {
            ip(&["netns", "add", end]);
        }
        ip(&["-n", a, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", b]);
        for (end, address) in cable.ends.iter().zip(ENDS) {
            ip(&["-n", end, "address", "add", &format!("{address}/24"), "dev", "cable"]);
            ip(&["-n", end, "link", "set", "cable", "up"]);
        }
        cable
    }

    fn cut(&self) {
        ip(&["-n", &self.ends[0], "link", "set", "cable", "down"]);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in &self.ends {
            let _ = Command::new("ip").args(["netns", "delete", end]).status();
        }
    }
}

fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {}: {error}; this test needs root and iproute2", arguments.join(" "));
}

#[test]
fn an_actor_behind_a_cut_network_exits_once() {
    let cable = Cable::new();
    let [here, there] = ENDS.map(|address| SocketAddr::new(address.parse().unwrap(), 0).to_string());
    let (watched, pid) = Process::watched(Some(&cable.ends[1]), &there);
    let settings = [(ROLE, "watcher"), (LISTEN, &here), (WATCH, &pid.to_string())];
    let mut watcher = Process::start(Some(&cable.ends[0]), &settings);
    watcher.says("watching it");

    cable.cut();

    assert_eq!(watcher.says("exited: "), "connection lost");
    assert_eq!(watcher.says("more: "), "false");
    drop((watcher, watched));
}
