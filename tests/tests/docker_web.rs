//! The web servers in Docker containers: as a framework of their own, and in the demo.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use bollard::query_parameters::{KillContainerOptions, ListImagesOptions};
use tepui_tests::binary;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::engine::{Engine, IMAGE};
use tepui_tests::http::{Request, ask};
use tepui_tests::ports::Ports;

/// Ends with the test, whatever becomes of it.
struct Web {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// All that was read so far.
    said: Vec<String>,
}

impl Web {
    /// Serves this text on the cluster.
    fn of(cluster: &Cluster, text: &str) -> Web {
        let master = cluster.master.address();
        let options = ["--master", master, "--image", IMAGE, "--address", "127.0.0.1", text];
        Web::start(binary::example("docker_web").args(options))
    }

    fn start(command: &mut Command) -> Web {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the binary can be started");
        let stdout = child.stdout.take().expect("stdout is piped");
        Web { child, lines: BufReader::new(stdout).lines(), said: Vec::new() }
    }

    /// Reads on until a line has this in it.
    #[track_caller]
    fn await_line(&mut self, text: &str) -> String {
        loop {
            let Some(Ok(line)) = self.lines.next() else { panic!("no line with {text}: {:#?}", self.said) };
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn serve(&mut self, page: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{page}").expect("it reads");
    }

    /// Where the servers of a generation are.
    fn addresses(&self, generation: u64) -> Vec<String> {
        let of = format!(" of generation {generation} at http://");
        let port = |line: &String| {
            line.split(&of).nth(1)?.trim_end_matches('/').rsplit(':').next().map(str::to_owned)
        };
        self.said.iter().filter_map(port).map(|port| format!("127.0.0.1:{port}")).collect()
    }

    fn healthy(&self) -> Vec<usize> {
        let count = |line: &String| line.split(" serving.").next()?.rsplit(' ').next()?.parse().ok();
        self.said.iter().filter(|line| line.contains(" serving.")).filter_map(count).collect()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn page(address: &str) -> String {
    ask(address, &Request::get("/")).unwrap_or_else(|error| panic!("ask {address}: {error:#}")).text()
}

#[test]
fn a_new_generation_takes_over_one_by_one_while_the_service_serves_and_what_dies_is_replaced() {
    let engine = Engine::start();
    let ports = Ports::free(6);
    let cluster = Plan::agents(1)
        .agent("--containerizers=docker,mesos")
        .agent(&format!("--docker_socket={}", engine.socket().display()))
        .resources(&format!("cpus:4;mem:4096;ports:[{}]", ports.ranges()))
        .start();
    let mut web = Web::of(&cluster, "first");

    web.await_line("all servers are of generation 1, and healthy");
    let first = web.addresses(1);
    assert_eq!(first.iter().map(|address| page(address)).collect::<Vec<_>>(), ["first\n", "first\n"]);

    let before = web.said.len();
    web.serve("second");
    web.await_line("all servers are of generation 2, and healthy");
    let second = web.addresses(2);
    assert_eq!(second.iter().map(|address| page(address)).collect::<Vec<_>>(), ["second\n", "second\n"]);
    assert_eq!(engine.running().len(), 2);
    let meanwhile = web.said.split_off(before);
    let order: Vec<&str> = meanwhile
        .iter()
        .filter_map(|line| {
            let launched = line.contains(" of generation 2 at ").then_some("start");
            launched.or(line.starts_with("stopping ").then_some("stop"))
        })
        .collect();
    assert_eq!(order, ["start", "stop", "start", "stop"], "{meanwhile:#?}");
    web.said = meanwhile;
    assert!(web.healthy().iter().all(|serving| *serving >= 2), "{:#?}", web.said);

    let victim = engine.running().remove(0);
    engine.ask(async |docker| docker.kill_container(&victim, None::<KillContainerOptions>).await);
    web.await_line("TASK_FAILED");
    web.await_line("2 serving.");
    assert_eq!(engine.running().len(), 2);
}

#[test]
fn a_generation_that_does_not_get_healthy_replaces_nobody() {
    let engine = Engine::start();
    let ports = Ports::free(3);
    let cluster = Plan::agents(1)
        .agent("--containerizers=docker,mesos")
        .agent(&format!("--docker_socket={}", engine.socket().display()))
        .resources(&format!("cpus:4;mem:4096;ports:[{}]", ports.ranges()))
        .start();
    let mut web = Web::of(&cluster, "good");
    web.await_line("all servers are of generation 1, and healthy");
    let good = web.addresses(1);
    // Whoever is there already answers nothing that a new server could be taken for.
    let left = ports.numbers().iter().map(|port| format!("127.0.0.1:{port}"));
    let left = left.filter(|address| !good.contains(address)).collect::<Vec<_>>();
    let taken = TcpListener::bind(&left[0]).expect("it is free");

    web.serve("better");
    web.await_line(" of generation 2 at ");
    web.await_line("starting another server in 1 s");

    assert_eq!(good.iter().map(|address| page(address)).collect::<Vec<_>>(), ["good\n", "good\n"]);
    drop(taken);
    web.await_line("all servers are of generation 2, and healthy");
}

fn demo(docker_host: &str) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let mut demo = binary::command(&["demo", "--exit"]);
    demo.env("TMPDIR", directory.path()).env("DOCKER_HOST", docker_host).stdin(Stdio::null());
    demo.output().expect("the binary can be run")
}

#[test]
fn the_demo_replaces_web_servers_where_there_is_an_engine_and_leaves_it_as_it_was() {
    let engine = Engine::start();
    let images = || engine.ask(async |docker| docker.list_images(None::<ListImagesOptions>).await).len();
    let before = images();

    let demo = demo(&format!("unix://{}", engine.socket().display()));

    let said = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{said}\n{}", String::from_utf8_lossy(&demo.stderr));
    assert!(
        said.contains("2 web servers in Docker containers, replaced one by one while they served"),
        "{said}"
    );
    assert!(said.lines().last().is_some_and(|last| last.starts_with("20 of 20 tasks finished")), "{said}");
    let errors = String::from_utf8_lossy(&demo.stderr);
    assert!(!errors.contains("ERROR"), "{errors}");
    assert_eq!((engine.containers(), images()), (Vec::new(), before));
}

#[test]
fn the_demo_says_why_it_goes_without_web_servers() {
    for (host, why) in [
        ("unix:///no/such/docker.sock", "there is no Docker engine at /no/such/docker.sock"),
        ("tcp://127.0.0.1:9", "the Docker engine at tcp://127.0.0.1:9 is not on this machine"),
    ] {
        let demo = demo(host);

        let said = String::from_utf8_lossy(&demo.stdout);
        assert!(demo.status.success(), "{said}\n{}", String::from_utf8_lossy(&demo.stderr));
        assert!(said.contains(&format!("No web servers in Docker containers: {why}.\n")), "{said}");
    }
}
