//! What a task must be like to be launched: every refusal, in the words of Mesos.

use expect_test::{Expect, expect};
use tepui_proto::v1::environment::variable::Type as VariableType;
use tepui_proto::v1::{
    self, CheckInfo, CommandInfo, ContainerInfo, DurationInfo, Environment, HealthCheck, KillPolicy,
    TaskInfo, Volume, check_info, container_info, environment, executor_info, health_check, value,
};

use crate::cluster::{cluster, executor_task, task};

/// What comes of a task that is changed like this, on an agent with 4 cpus and 4096 MB.
fn check(change: impl FnOnce(&mut TaskInfo), expected: Expect) {
    launched(task("t1", "cpus:0.1; mem:32"), change, expected);
}

fn check_executor(change: impl FnOnce(&mut v1::ExecutorInfo), expected: Expect) {
    let info = executor_task("t1", "cpus:0.1; mem:32", "e1", "cpus:0.1; mem:32");
    launched(info, |task| change(task.executor.as_mut().unwrap()), expected);
}

fn launched(mut info: TaskInfo, change: impl FnOnce(&mut TaskInfo), expected: Expect) {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:4096; disk:10000").framework("web");
    cluster.allocate();
    cluster.forget();
    change(&mut info);
    cluster.launch("web", "m-O0", vec![info]);
    let heard = cluster.heard();
    let (first, _) = heard.split_once('\n').expect("something is heard");
    let first =
        first.trim_start_matches("stream 1 <- UPDATE ").trim_start_matches("slave(1)@10.0.0.1:5051 <- ");
    expected.assert_eq(first);
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.into(),
        r#type: value::Type::Scalar as i32,
        scalar: Some(value::Scalar { value }),
        ..v1::Resource::default()
    }
}

fn command_with(variable: environment::Variable) -> Option<Box<CommandInfo>> {
    let environment = Some(Environment { variables: vec![variable] });
    Some(Box::new(CommandInfo { environment, ..CommandInfo::default() }))
}

#[test]
fn a_valid_task_is_launched() {
    check(|_| {}, expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32)"]);
    check(
        |task| task.resources[0].scalar = Some(value::Scalar { value: 0.0 }),
        expect!["RunTask t1 (mem(allocated: *):32)"],
    );
    check(
        |task| task.command.as_mut().unwrap().value = None,
        expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32)"],
    );
    check_executor(|_| {}, expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32) in new e1"]);
    check_executor(
        |executor| executor.resources.clear(),
        expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32) in new e1"],
    );
}

#[test]
fn ids_must_be_names_of_directories() {
    check(
        |task| task.task_id.value = "a/b".into(),
        expect!["a/b TASK_ERROR on m-S0 REASON_TASK_INVALID ''a/b' contains invalid characters'"],
    );
    check(
        |task| task.task_id.value = "".into(),
        expect![" TASK_ERROR on m-S0 REASON_TASK_INVALID 'ID must not be empty'"],
    );
    check(
        |task| task.task_id.value = "..".into(),
        expect![".. TASK_ERROR on m-S0 REASON_TASK_INVALID ''..' is disallowed'"],
    );
    check(
        |task| task.task_id.value = "x".repeat(256),
        expect![
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx TASK_ERROR on m-S0 REASON_TASK_INVALID 'ID must not be greater than 255 characters'"
        ],
    );
    check(
        |task| task.agent_id.value = "other".into(),
        expect![
            "t1 TASK_ERROR on other REASON_TASK_INVALID 'Task uses invalid agent other while agent m-S0 is expected'"
        ],
    );
    check_executor(
        |executor| executor.executor_id.value = "".into(),
        expect!["t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'ID must not be empty'"],
    );
    check_executor(
        |executor| executor.executor_id.value = "a/b".into(),
        expect!["t1 TASK_ERROR on m-S0 REASON_TASK_INVALID ''a/b' contains invalid characters'"],
    );
}

#[test]
fn resources_must_be_there() {
    check(
        |task| task.resources[0] = scalar("cpus", 1000.0),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Total resources cpus(allocated: *):1000; mem(allocated: *):32 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000'"
        ],
    );
    check(
        |task| task.resources.push(scalar("rockets", 1.0)),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Total resources cpus(allocated: *):0.1; mem(allocated: *):32; rockets(allocated: *):1 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000'"
        ],
    );
    check(
        |task| task.resources.clear(),
        expect!["t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses no resources'"],
    );
    check_executor(
        |executor| executor.resources[0] = scalar("cpus", 1000.0),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Total resources cpus(allocated: *):1000.1; mem(allocated: *):64 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000'"
        ],
    );
}

#[test]
fn resources_must_be_well_formed() {
    check(
        |task| task.resources[0] = scalar("cpus", -1.0),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0'"
        ],
    );
    check(
        |task| task.resources[0].scalar = None,
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Resource 'cpus:0' is invalid: Invalid scalar resource'"
        ],
    );
    check(
        |task| task.resources[0] = scalar("", 1.0),
        expect!["t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Resource ':1' is invalid: Empty resource name'"],
    );
    check(
        |task| task.resources.push(scalar("gpus", 0.5)),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer'"
        ],
    );
    check(
        |task| task.resources[0].r#type = value::Type::Text as i32,
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Resource 'cpus:<text>' is invalid: Unsupported resource type'"
        ],
    );
}

#[test]
fn resources_are_of_one_kind_and_one_role() {
    let to = |role: &str| Some(v1::resource::AllocationInfo { role: Some(role.into()) });
    check(
        |task| task.resources[0].allocation_info = to("other"),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Invalid task resources: The resources have multiple allocation roles ('*' and 'other') but only one allocation role is allowed'"
        ],
    );
    check(
        |task| task.resources.iter_mut().for_each(|resource| resource.allocation_info = to("other")),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Total resources cpus(allocated: other):0.1; mem(allocated: other):32 required by task and its executor is more than available cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000'"
        ],
    );
    check(
        |task| {
            let revocable =
                v1::Resource { revocable: Some(v1::resource::RevocableInfo {}), ..scalar("cpus", 0.1) };
            task.resources.push(revocable);
        },
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time'"
        ],
    );
}

#[test]
fn times_are_not_negative() {
    let negative = Some(DurationInfo { nanoseconds: -1 });
    check(
        |task| task.kill_policy = Some(KillPolicy { grace_period: negative }),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's 'kill_policy.grace_period' must be non-negative'"
        ],
    );
    check(
        |task| task.max_completion_time = negative,
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `max_completion_time` must be non-negative'"
        ],
    );
    check_executor(
        |executor| executor.shutdown_grace_period = negative,
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'ExecutorInfo's 'shutdown_grace_period' must be non-negative'"
        ],
    );
}

#[test]
fn a_task_has_a_command_or_an_executor() {
    check(
        |task| task.command = None,
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present'"
        ],
    );
    check(
        |task| {
            let with_executor = executor_task("t1", "cpus:0.1", "e1", "cpus:0.1");
            task.executor = with_executor.executor;
        },
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present'"
        ],
    );
}

#[test]
fn an_executor_is_custom_and_its_frameworks() {
    check_executor(
        |executor| executor.command = None,
        expect!["t1 TASK_ERROR on m-S0 REASON_TASK_INVALID ''ExecutorInfo.command' must be set'"],
    );
    check_executor(
        |executor| executor.r#type = Some(executor_info::Type::Default as i32),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID ''ExecutorInfo.command' must not be set for 'DEFAULT' executor'"
        ],
    );
    check_executor(
        |executor| executor.r#type = Some(executor_info::Type::Unknown as i32),
        expect!["t1 TASK_ERROR on m-S0 REASON_TASK_INVALID ''ExecutorInfo.type' must be 'CUSTOM''"],
    );
    let other = v1::FrameworkId { value: "other".into() };
    check_executor(
        |executor| executor.framework_id = Some(other),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: m-0000)'"
        ],
    );
}

#[test]
fn environments_are_complete() {
    let variable = |r#type: VariableType, value: Option<&str>| environment::Variable {
        name: "A".into(),
        r#type: Some(r#type as i32),
        value: value.map(Into::into),
        secret: None,
    };
    check(
        |task| task.command = command_with(variable(VariableType::Value, None)),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set'"
        ],
    );
    check(
        |task| task.command = command_with(variable(VariableType::Secret, None)),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `CommandInfo` is invalid: Environment variable 'A' of type 'SECRET' must have a secret set'"
        ],
    );
    check(
        |task| task.command = command_with(variable(VariableType::Unknown, None)),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `CommandInfo` is invalid: Environment variable of type 'UNKNOWN' is not allowed'"
        ],
    );
    check(
        |task| task.command = command_with(variable(VariableType::Value, Some("b"))),
        expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32)"],
    );
}

#[test]
fn health_checks_say_what_to_look_at() {
    let of =
        |r#type: health_check::Type| HealthCheck { r#type: Some(r#type as i32), ..HealthCheck::default() };
    let http = |path: Option<&str>, scheme: Option<&str>| HealthCheck {
        http: Some(Box::new(health_check::HttpCheckInfo {
            port: 80,
            path: path.map(Into::into),
            scheme: scheme.map(Into::into),
            ..Default::default()
        })),
        ..of(health_check::Type::Http)
    };
    let cases = [
        HealthCheck::default(),
        of(health_check::Type::Command),
        of(health_check::Type::Http),
        of(health_check::Type::Tcp),
        of(health_check::Type::Unknown),
        HealthCheck { command: Some(Box::default()), ..of(health_check::Type::Command) },
        HealthCheck { delay_seconds: Some(-1.0), ..http(None, None) },
        HealthCheck { interval_seconds: Some(-1.0), ..http(None, None) },
        http(Some("x"), None),
        http(None, Some("ftp")),
    ];
    let expected = [
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: HealthCheck must specify 'type''"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Expecting 'command' to be set for COMMAND health check'"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Expecting 'http' to be set for HTTP health check'"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Expecting 'tcp' to be set for TCP health check'"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: 'UNKNOWN' is not a valid health check type'"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Command health check must contain 'shell command''"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Expecting 'delay_seconds' to be non-negative'"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Expecting 'interval_seconds' to be non-negative'"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: The path 'x' of HTTP health check must start with '/''"
        ],
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp''"
        ],
    ];
    for (case, expected) in cases.into_iter().zip(expected) {
        check(|task| task.health_check = Some(Box::new(case)), expected);
    }
}

#[test]
fn a_health_check_without_a_type_gets_the_one_it_shows() {
    let shown = HealthCheck { http: Some(Box::default()), ..HealthCheck::default() };
    check(
        |task| task.health_check = Some(Box::new(shown)),
        expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32)"],
    );
}

#[test]
fn checks_say_what_to_look_at() {
    let of = |r#type: check_info::Type| CheckInfo { r#type: Some(r#type as i32), ..CheckInfo::default() };
    check(
        |task| task.check = Some(Box::default()),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid check: CheckInfo must specify 'type''"
        ],
    );
    check(
        |task| task.check = Some(Box::new(of(check_info::Type::Command))),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid check: Expecting 'command' to be set for COMMAND check'"
        ],
    );
    check(
        |task| task.check = Some(Box::new(of(check_info::Type::Tcp))),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task uses invalid check: Expecting 'tcp' to be set for TCP check'"
        ],
    );
}

#[test]
fn containers_can_be_made() {
    let container = |r#type: container_info::Type, volumes: Vec<Volume>| {
        Some(Box::new(ContainerInfo { r#type: r#type as i32, volumes, ..ContainerInfo::default() }))
    };
    check(
        |task| task.container = container(container_info::Type::Docker, vec![]),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo'"
        ],
    );
    check(
        |task| task.container = container(container_info::Type::Mesos, vec![Volume::default()]),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source''"
        ],
    );
    let source = v1::volume::Source {
        r#type: Some(v1::volume::source::Type::SandboxPath as i32),
        ..v1::volume::Source::default()
    };
    let volume = Volume { source: Some(Box::new(source)), ..Volume::default() };
    check(
        |task| task.container = container(container_info::Type::Mesos, vec![volume]),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task's `ContainerInfo` is invalid: Invalid volume: 'source.sandbox_path' is not set for SANDBOX_PATH volume'"
        ],
    );
}

#[test]
fn only_groups_have_cgroups_of_their_own() {
    let apart = v1::LinuxInfo { share_cgroups: Some(false), ..v1::LinuxInfo::default() };
    let container = ContainerInfo {
        r#type: container_info::Type::Mesos as i32,
        linux_info: Some(Box::new(apart)),
        ..ContainerInfo::default()
    };
    check(
        |task| task.container = Some(Box::new(container)),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Only tasks in a task group may have 'share_cgroups' set to 'false''"
        ],
    );
}

#[test]
fn limits_are_of_cpus_and_memory_and_above_what_is_asked_for() {
    let limit = |name: &str, value: f64| {
        let name = name.to_owned();
        move |task: &mut TaskInfo| task.limits.extend([(name, value::Scalar { value })])
    };
    check(limit("cpus", f64::INFINITY), expect!["RunTask t1 (cpus(allocated: *):0.1; mem(allocated: *):32)"]);
    check(
        limit("cpus", -1.0),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'The cpu limit must be greater than or equal to the cpu request'"
        ],
    );
    check(
        limit("mem", 31.0),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'The memory limit must be greater than or equal to the memory request'"
        ],
    );
    check(
        limit("disk", 1.0),
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Only cpus and mem may be included in a task's resource limits'"
        ],
    );
    check(
        |task| {
            task.resources.truncate(1);
            limit("mem", 64.0)(task);
        },
        expect![
            "t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'When a memory limit is specified, a memory request must also be specified'"
        ],
    );
}

#[test]
fn a_task_id_is_free_again_when_its_task_is_done_with() {
    let mut cluster = cluster().agent("a1", "cpus:4; mem:1024").framework("web").running(
        "web",
        "a1",
        task("t1", "cpus:1; mem:128"),
    );
    let again = |cluster: &mut crate::cluster::Cluster, offer| {
        cluster.wait(7);
        cluster.forget();
        cluster.launch("web", offer, vec![task("t1", "cpus:1; mem:128")]);
    };

    again(&mut cluster, "m-O1");
    expect![[r#"
        stream 1 <- UPDATE t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task has duplicate ID: t1'
        request 4 <- 202
    "#]]
    .assert_eq(&cluster.heard());

    cluster.update("a1", "web", "t1", v1::TaskState::TaskFinished, 2);
    again(&mut cluster, "m-O2");
    expect![[r#"
        stream 1 <- UPDATE t1 TASK_ERROR on m-S0 REASON_TASK_INVALID 'Task has duplicate ID: t1'
        request 5 <- 202
    "#]]
    .assert_eq(&cluster.heard());

    cluster.acknowledge("web", "a1", "t1", 2);
    again(&mut cluster, "m-O3");
    expect![[r#"
        slave(1)@10.0.0.1:5051 <- RunTask t1 (cpus(allocated: *):1; mem(allocated: *):128)
        request 7 <- 202
    "#]]
    .assert_eq(&cluster.heard());
}
