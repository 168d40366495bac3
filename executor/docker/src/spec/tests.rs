//! Every rule of the translation, seen in the engine's own JSON.

use expect_test::expect;
use serde_json::Value;
use tepui_proto::v1;
use v1::container_info::DockerInfo;
use v1::container_info::docker_info::{Network, PortMapping};

use super::*;

struct Task {
    container: v1::ContainerInfo,
    command: v1::CommandInfo,
    resources: Vec<v1::Resource>,
    limits: Vec<(String, f64)>,
    settings: Settings,
    sandbox: &'static str,
}

fn task() -> Task {
    let docker = DockerInfo { image: "busybox:1".into(), ..DockerInfo::default() };
    Task {
        container: v1::ContainerInfo {
            r#type: v1::container_info::Type::Docker as i32,
            docker: Some(docker.into()),
            ..v1::ContainerInfo::default()
        },
        command: v1::CommandInfo { value: Some("echo hi".into()), ..v1::CommandInfo::default() },
        resources: vec![scalar("cpus", 0.5), scalar("mem", 64.0), ports(31000, 31010)],
        limits: Vec::new(),
        settings: Settings::default(),
        sandbox: "/agent/sandbox",
    }
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    let scalar = v1::value::Scalar { value };
    let (name, r#type) = (name.to_owned(), v1::value::Type::Scalar as i32);
    v1::Resource { name, r#type, scalar: Some(scalar), ..v1::Resource::default() }
}

fn ports(begin: u64, end: u64) -> v1::Resource {
    let ranges = v1::value::Ranges { range: vec![v1::value::Range { begin, end }] };
    let (name, r#type) = ("ports".to_owned(), v1::value::Type::Ranges as i32);
    v1::Resource { name, r#type, ranges: Some(ranges.into()), ..v1::Resource::default() }
}

impl Task {
    fn docker(mut self, change: impl FnOnce(&mut DockerInfo)) -> Task {
        change(self.container.docker.as_mut().unwrap());
        self
    }

    fn parameter(self, key: &str, value: &str) -> Task {
        self.docker(|docker| {
            docker.parameters.push(v1::Parameter { key: key.into(), value: value.into() });
        })
    }

    fn volume(mut self, volume: v1::Volume) -> Task {
        self.container.volumes.push(volume);
        self
    }

    fn plan(&self) -> Result<Plan, SpecError> {
        let wanted = Wanted {
            name: "mesos-c1",
            container: &self.container,
            command: &self.command,
            resources: &self.resources,
            limits: &self.limits,
            variables: Vec::new(),
            labels: HashMap::new(),
            sandbox: self.sandbox.into(),
            settings: &self.settings,
        };
        wanted.plan()
    }

    /// What the engine is asked for at this place of its JSON.
    fn at(&self, pointer: &str) -> Value {
        let body = serde_json::to_value(self.plan().unwrap().body).unwrap();
        body.pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    fn error(&self) -> String {
        self.plan().unwrap_err().to_string()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn volume(host: Option<&str>, path: &str, mode: v1::volume::Mode) -> v1::Volume {
    v1::Volume {
        host_path: host.map(Into::into),
        container_path: path.into(),
        mode: mode as i32,
        ..v1::Volume::default()
    }
}

#[test]
fn a_command_task_is_a_shell_in_its_image_with_its_sandbox() {
    let body = task().plan().unwrap().body;

    expect![[r#"
        {
          "Env": [
            "MESOS_CONTAINER_NAME=mesos-c1",
            "MESOS_SANDBOX=/mnt/mesos/sandbox"
          ],
          "Cmd": [
            "-c",
            "echo hi"
          ],
          "Image": "busybox:1",
          "Entrypoint": [
            "/bin/sh"
          ],
          "Labels": {},
          "HostConfig": {
            "CpuShares": 512,
            "Memory": 67108864,
            "Binds": [
              "/agent/sandbox:/mnt/mesos/sandbox:rw"
            ],
            "NetworkMode": "host"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn an_argument_vector_goes_to_the_images_entry_point() {
    let mut task = task();
    task.command.shell = Some(false);
    task.command.arguments = vec!["a".into(), "b c".into()];

    assert_eq!(task.at("/Cmd"), json(r#"["echo hi","a","b c"]"#));
    assert_eq!(task.at("/Entrypoint"), Value::Null);

    task.command = v1::CommandInfo { shell: Some(false), ..v1::CommandInfo::default() };
    assert_eq!(task.at("/Cmd"), Value::Null);

    task.command.shell = Some(true);
    assert_eq!(task.error(), "command: value is not set, though shell is true");
}

#[test]
fn resources_are_shares_and_limits_by_mesos_rules() {
    let mut task = task();
    task.resources =
        vec![scalar("cpus", 0.001), scalar("mem", 1.0), scalar("cpus", 1.0), scalar("gpus", 2.0)];
    assert_eq!(task.at("/HostConfig/CpuShares"), json("1025"));
    assert_eq!(task.at("/HostConfig/CpuQuota"), Value::Null);
    assert_eq!(task.at("/HostConfig/Memory"), json("33554432"));
    assert_eq!(task.at("/HostConfig/DeviceRequests"), json(r#"[{"Count":2,"Capabilities":[["gpu"]]}]"#));

    task.settings.hard_cpu_limit = true;
    assert_eq!(task.at("/HostConfig/CpuQuota"), json("100100"));

    task.limits = vec![("cpus".into(), f64::INFINITY), ("mem".into(), 256.0)];
    assert_eq!(task.at("/HostConfig/CpuQuota"), json("-1"));
    assert_eq!(task.at("/HostConfig/MemoryReservation"), json("33554432"));
    assert_eq!(task.at("/HostConfig/Memory"), json("268435456"));

    task.limits = vec![("mem".into(), f64::INFINITY)];
    assert_eq!(task.at("/HostConfig/Memory"), Value::Null);
}

#[test]
fn ports_are_mapped_where_there_is_a_network_to_map_them_into() {
    let mapping = |host_port, protocol: Option<&str>| PortMapping {
        host_port,
        container_port: 80,
        protocol: protocol.map(Into::into),
    };
    let bridged = |mappings: Vec<PortMapping>| {
        task().docker(|docker| {
            docker.network = Some(Network::Bridge as i32);
            docker.port_mappings = mappings;
        })
    };

    let task = bridged(vec![mapping(31000, None), mapping(31001, Some("UDP"))]);
    let ports = serde_json::to_value(task.plan().unwrap().body.host_config.unwrap().port_bindings).unwrap();
    assert_eq!(ports, json(r#"{"80/tcp":[{"HostPort":"31000"}],"80/udp":[{"HostPort":"31001"}]}"#));
    assert_eq!(task.at("/HostConfig/NetworkMode"), json(r#""bridge""#));

    expect!["container.docker.port_mappings: host port 80 is not among the task's ports"]
        .assert_eq(&bridged(vec![mapping(80, None)]).error());
    expect!["container.docker.port_mappings: 'icmp' is not tcp, udp or sctp"]
        .assert_eq(&bridged(vec![mapping(31000, Some("icmp"))]).error());
    let in_the_hosts = bridged(vec![mapping(31000, None)]).docker(|docker| docker.network = None);
    expect!["container.docker.port_mappings: network host has no ports of its own to map"]
        .assert_eq(&in_the_hosts.error());
}

#[test]
fn networks_have_names_and_hosts_theirs() {
    let mut task = task().docker(|docker| docker.network = Some(Network::User as i32));
    assert_eq!(task.error(), "container.docker.network: USER needs the name of one in network_infos");

    task.container.network_infos =
        vec![v1::NetworkInfo { name: Some("blue".into()), ..v1::NetworkInfo::default() }];
    task.container.hostname = Some("web".into());
    assert_eq!(task.at("/HostConfig/NetworkMode"), json(r#""blue""#));
    assert_eq!(task.at("/Hostname"), json(r#""web""#));

    let addressed = task.parameter("ip", "10.1.0.7").parameter("network-alias", "db");
    let expected = json(r#"{"blue":{"IPAMConfig":{"IPv4Address":"10.1.0.7"},"Aliases":["db"]}}"#);
    assert_eq!(addressed.at("/NetworkingConfig/EndpointsConfig"), expected);

    let in_the_hosts = addressed.docker(|docker| docker.network = Some(Network::Host as i32));
    let error = in_the_hosts.error();
    assert_eq!(error, "container.docker.network: a container in the host's network has the host's name");
}

#[test]
fn volumes_come_from_the_host_the_sandbox_and_drivers() {
    use v1::volume::Mode::{Ro, Rw};
    use v1::volume::source::DockerVolume;
    let named = |driver: Option<&str>| v1::Volume {
        source: Some(Box::new(v1::volume::Source {
            r#type: Some(v1::volume::source::Type::DockerVolume as i32),
            docker_volume: Some(
                DockerVolume {
                    driver: driver.map(Into::into),
                    name: "data".into(),
                    ..DockerVolume::default()
                }
                .into(),
            ),
            ..v1::volume::Source::default()
        })),
        ..volume(None, "/data", Rw)
    };

    let task = task()
        .volume(volume(Some("/etc"), "/host/etc", Ro))
        .volume(volume(Some("logs"), "/var/log", Rw))
        .volume(volume(None, "/scratch", Rw))
        .volume(named(Some("rexray")));

    let binds = json(
        r#"["/agent/sandbox:/mnt/mesos/sandbox:rw","/etc:/host/etc:ro","/agent/sandbox/logs:/var/log:rw","data:/data:rw"]"#,
    );
    assert_eq!(task.at("/HostConfig/Binds"), binds);
    assert_eq!(task.at("/HostConfig/VolumeDriver"), json(r#""rexray""#));
    assert_eq!(task.at("/Volumes"), json(r#"{"/scratch":{}}"#));

    let error = |volume| super::tests::task().volume(volume).error();
    expect!["container.volumes: '/x': its path in the sandbox leads out of it"].assert_eq(&error(volume(
        Some("../../etc"),
        "/x",
        Rw,
    )));
    expect!["container.volumes: container_path 'a:b' is empty or contains a colon"]
        .assert_eq(&error(volume(Some("/etc"), "a:b", Rw)));
    expect!["container.volumes: the volumes of one container have one volume driver"]
        .assert_eq(&task.volume(named(Some("other"))).error());
}

#[test]
fn variables_of_the_container_win_over_the_commands() {
    let variable = |name: &str, value: &str| v1::environment::Variable {
        name: name.into(),
        value: Some(value.into()),
        ..v1::environment::Variable::default()
    };
    let mut task = task();
    task.command.environment = Some(v1::Environment {
        variables: vec![variable("A", "1"), variable("MESOS_SANDBOX", "/elsewhere")],
    });

    assert_eq!(
        task.at("/Env"),
        json(r#"["A=1","MESOS_CONTAINER_NAME=mesos-c1","MESOS_SANDBOX=/mnt/mesos/sandbox"]"#)
    );

    task.command.environment = Some(v1::Environment { variables: vec![variable("A=B", "1")] });
    assert_eq!(task.error(), "command.environment: 'A=B' cannot name a variable");
}

#[test]
fn a_sandbox_with_a_colon_in_its_path_is_mounted_all_the_same() {
    let odd = Task { sandbox: "/agent/ct:1:0", ..task() };

    assert_eq!(odd.at("/HostConfig/Binds"), json("[]"));
    let mount =
        r#"[{"Source":"/agent/ct:1:0","Target":"/mnt/mesos/sandbox","Type":"bind","ReadOnly":false}]"#;
    assert_eq!(odd.at("/HostConfig/Mounts"), json(mount));
}

#[test]
fn parameters_say_what_docker_runs_options_say() {
    let cases = [
        ("memory", "128m", "/HostConfig/Memory", "134217728"),
        ("cpus", "1.5", "/HostConfig/NanoCpus", "1500000000"),
        ("cap-add", "NET_ADMIN", "/HostConfig/CapAdd", r#"["NET_ADMIN"]"#),
        ("ulimit", "nofile=10:20", "/HostConfig/Ulimits", r#"[{"Name":"nofile","Soft":10,"Hard":20}]"#),
        ("volume", "/a:/b:ro", "/HostConfig/Binds/1", r#""/a:/b:ro""#),
        ("volume", "/fresh", "/Volumes", r#"{"/fresh":{}}"#),
        ("net", "none", "/HostConfig/NetworkMode", r#""none""#),
        ("entrypoint", "/init", "/Entrypoint", r#"["/init"]"#),
        ("restart", "no", "/HostConfig/RestartPolicy/Name", r#""no""#),
        ("log-driver", "none", "/HostConfig/LogConfig", r#"{"Type":"none"}"#),
        ("tmpfs", "/run:size=1m", "/HostConfig/Tmpfs", r#"{"/run":"size=1m"}"#),
        ("device", "/dev/fuse", "/HostConfig/Devices/0/PathInContainer", r#""/dev/fuse""#),
        ("gpus", "device=0,1", "/HostConfig/DeviceRequests/0/DeviceIDs", r#"["0","1"]"#),
        ("health-interval", "1m", "/Healthcheck/Interval", "60000000000"),
        ("publish", "127.0.0.1:8080:80", "/HostConfig/PortBindings/80~1tcp/0/HostIp", r#""127.0.0.1""#),
        ("publish", "80", "/ExposedPorts", r#"{"80/tcp":{}}"#),
        ("mount", "type=tmpfs,dst=/x,tmpfs-mode=1777", "/HostConfig/Mounts/0/TmpfsOptions/Mode", "1023"),
        ("privileged", "true", "/HostConfig/Privileged", "true"),
        ("label", "a=b=c", "/Labels/a", r#""b=c""#),
    ];
    for (key, value, pointer, expected) in cases {
        assert_eq!(task().parameter(key, value).at(pointer), json(expected), "--{key}={value}");
    }
    assert!(task().parameter("pull", "always").plan().unwrap().force_pull);
}

#[test]
fn a_parameter_that_is_not_known_or_not_well_written_is_named() {
    let error = |key: &str, value: &str| task().parameter(key, value).error();

    expect!["container.docker.parameters: `rootless` is no option of docker run that is known here"]
        .assert_eq(&error("rootless", "true"));
    expect!["container.docker.parameters: `name` is not supported: the container's name is how its task is found again"]
        .assert_eq(&error("name", "x"));
    expect!["container.docker.parameters: `memory` 'much' is not a size such as 64m"]
        .assert_eq(&error("memory", "much"));
    expect!["container.docker.parameters: `restart` 'always' is not no: a container that ends ends its task, which the framework starts again"]
        .assert_eq(&error("restart", "always"));
    expect!["container.docker.parameters: `label` 'tepui.container' is one of the agent's own: names that begin with tepui. are taken"]
        .assert_eq(&error("label", "tepui.container=x"));
    expect!["container.docker.parameters: `ulimit` 'nofile' is not name=soft:hard"]
        .assert_eq(&error("ulimit", "nofile"));
    expect!["container.docker.network: addresses and aliases need a network of one's own, not host"]
        .assert_eq(&error("ip", "10.0.0.1"));
}
