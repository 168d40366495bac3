//! Launch, wait, signal and destroy, with both launchers.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use tepui_agent::containerizer::{
    Command, ContainerConfig, LaunchError, LauncherKind, Native, OpenError, Program,
};

use crate::bed::{Bed, eventually, is_root, processes_in, settings};

async fn both() -> Vec<Bed> {
    let mut beds = vec![Bed::posix().await];
    if is_root() {
        beds.push(Bed::linux().await);
    }
    beds
}

#[tokio::test]
async fn output_goes_to_the_sandbox_and_only_the_given_environment_is_seen() {
    for bed in both().await {
        let mut config = bed.shell("c1", "pwd; echo $0 $GREETING $HOME; ls; echo oops >&2");
        config.environment.insert("GREETING".into(), "hello world".into());

        let termination = bed.run(config).await;

        let sandbox = bed.sandbox("c1");
        assert_eq!(termination.exit_code(), Some(0), "{termination:?}");
        let listed = "stderr\nstdout\n";
        assert_eq!(bed.output("c1"), format!("{}\nsh hello world\n{listed}", sandbox.display()));
        assert_eq!(fs::read_to_string(sandbox.join("stderr")).unwrap(), "oops\n");
        assert!(!bed.has_cgroup("c1"));
    }
}

#[tokio::test]
async fn exit_codes_and_deadly_signals_are_told_apart() {
    for bed in both().await {
        assert_eq!(bed.run(bed.shell("code", "exit 7")).await.exit_code(), Some(7));
        assert_eq!(bed.run(bed.shell("signal", "kill -TERM $$")).await.signal(), Some(libc::SIGTERM));
    }
}

#[tokio::test]
async fn a_program_runs_with_the_arguments_given() {
    for bed in both().await {
        let arguments = ["printf".into(), "%s|".into(), "a b".into(), "$HOME".into()].to_vec();
        let config = bed.shell("c1", "unused");

        bed.run(ContainerConfig { command: Command::Argv { path: "printf".into(), arguments }, ..config })
            .await;

        assert_eq!(bed.output("c1"), "a b|$HOME|");
    }
}

#[tokio::test]
async fn a_missing_program_is_named_and_leaves_nothing() {
    for bed in both().await {
        let command = Command::Argv { path: "/no/such/program".into(), arguments: vec![] };

        let error =
            bed.native.launch(ContainerConfig { command, ..bed.shell("c1", "unused") }).await.unwrap_err();

        assert_eq!(error.to_string(), "execute /no/such/program: ENOENT: No such file or directory");
        assert!(bed.native.containers().is_empty());
        assert!(!bed.has_cgroup("c1"));
        // The id is free again.
        assert_eq!(bed.run(bed.shell("c1", "exit 0")).await.exit_code(), Some(0));
    }
}

#[tokio::test]
async fn a_program_without_a_slash_is_looked_up_in_the_path_then_in_the_sandbox() {
    let bed = Bed::posix().await;
    let mine = bed.sandbox("c1").join("mine");
    fs::write(&mine, "#!/bin/sh\necho from the sandbox\n").unwrap();
    fs::set_permissions(&mine, PermissionsExt::from_mode(0o755)).unwrap();
    let command = |path: &str| Command::Argv { path: path.into(), arguments: vec![] };

    bed.run(ContainerConfig { command: command("mine"), ..bed.shell("c1", "unused") }).await;
    let missing = ContainerConfig { command: command("no-such-program"), ..bed.shell("c2", "unused") };
    let error = bed.native.launch(missing).await.unwrap_err();

    assert_eq!(bed.output("c1"), "from the sandbox\n");
    assert_eq!(error.to_string(), "execute no-such-program: there is no such program in /usr/bin:/bin");
}

#[tokio::test]
async fn a_signal_reaches_the_command() {
    for bed in both().await {
        let line = "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.01; done";
        bed.native.launch(bed.shell("c1", line)).await.unwrap();
        eventually("ready", || bed.output("c1").contains("ready")).await;

        bed.native.signal("c1", libc::SIGUSR1).await.unwrap();

        assert_eq!(bed.native.wait("c1").await.unwrap().exit_code(), Some(3));
        assert!(bed.output("c1").ends_with("got it\n"));
    }
}

#[tokio::test]
async fn destroy_kills_grandchildren_and_those_that_left_the_session() {
    for bed in both().await {
        let line =
            "(setsid sleep 1234 &) ; sleep 1234 & (trap '' TERM HUP; sh -c 'echo up; sleep 1234') & wait";
        bed.native.launch(bed.shell("c1", line)).await.unwrap();
        let mark = bed.sandbox("c1");
        eventually("the tree", || processes_in(&mark).len() >= 5).await;

        let termination = bed.native.destroy("c1").await.unwrap().unwrap();

        assert_eq!(termination.signal(), Some(libc::SIGKILL), "{termination:?}");
        eventually("no process left", || processes_in(&mark).is_empty()).await;
        assert!(!bed.has_cgroup("c1"));
    }
}

#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_it() {
    for bed in both().await {
        let termination = bed.run(bed.shell("c1", "(setsid sleep 1234 &); exit 5")).await;

        assert_eq!(termination.exit_code(), Some(5));
        assert!(processes_in(&bed.sandbox("c1")).is_empty());
    }
}

#[tokio::test]
async fn an_id_is_taken_until_it_is_forgotten() {
    let bed = Bed::posix().await;
    bed.run(bed.shell("c1", "exit 0")).await;

    let error = bed.native.launch(bed.shell("c1", "exit 0")).await.unwrap_err();
    bed.native.forget("c1").await;

    assert!(matches!(error, LaunchError::AlreadyLaunched(id) if id == "c1"));
    assert!(bed.native.wait("c1").await.is_err());
    assert!(!bed.directory.path().join("runtime/containers/c1").exists());
    bed.run(bed.shell("c1", "exit 0")).await;
}

#[tokio::test]
async fn bad_configurations_are_refused_with_the_reason() {
    let bed = Bed::posix().await;
    let fine = || bed.shell("c1", "exit 0");
    let empty = ContainerConfig { command: Command::Shell(String::new()), ..fine() };
    let homeless = ContainerConfig { sandbox: "/no/such/sandbox".into(), ..fine() };
    let escaping = ContainerConfig { id: "../c1".into(), ..fine() };
    let mut nul = fine();
    nul.environment.insert("A\0B".into(), "value".into());

    let mut errors = Vec::new();
    for config in [empty, homeless, escaping, nul] {
        errors.push(bed.native.launch(config).await.unwrap_err().to_string());
    }

    expect_test::expect![[r#"
        the command is empty: set `value`
        the sandbox /no/such/sandbox is not a directory
        container id `../c1` is not usable as a file name
        environment variable `A\0B` cannot be passed: names hold no `=`, and neither holds NUL"#]]
    .assert_eq(&errors.join("\n"));
}

#[tokio::test]
async fn a_link_in_place_of_the_output_is_refused() {
    let bed = Bed::posix().await;
    let target = bed.directory.path().join("target");
    std::os::unix::fs::symlink(&target, bed.sandbox("c1").join("stdout")).unwrap();

    let error = bed.native.launch(bed.shell("c1", "echo escaped")).await.unwrap_err();

    assert!(error.to_string().contains("stdout: Too many levels of symbolic links"), "{error}");
    assert!(!target.exists());
}

#[tokio::test]
async fn one_runtime_directory_serves_one_agent() {
    let bed = Bed::posix().await;

    let error = Native::open(settings(bed.directory.path(), LauncherKind::Posix)).await.unwrap_err();

    assert!(matches!(error, OpenError::InUse(_)), "{error}");
}

#[tokio::test]
async fn isolators_of_the_linux_launcher_are_refused_by_the_posix_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(directory.path(), LauncherKind::Posix);
    settings.isolation = "cgroups/mem,namespaces/pid".parse().unwrap();

    let error = Native::open(settings).await.unwrap_err();

    assert_eq!(
        error.to_string(),
        "isolators [\"cgroups/mem\", \"namespaces/pid\"] need the linux launcher: use --launcher=linux, or leave \
         them out of --isolation"
    );
}

#[tokio::test]
async fn the_helper_s_own_failure_to_start_is_reported() {
    let bed =
        Bed::new(LauncherKind::Posix, |settings| settings.program = Program::Path("/no/such/tepui".into()))
            .await;

    let error = bed.native.launch(bed.shell("c1", "exit 0")).await.unwrap_err();

    assert_eq!(
        error.to_string(),
        "start the launch helper for container c1: No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn usage_counts_the_containers_processes() {
    for bed in both().await {
        bed.native.launch(bed.shell("c1", "echo up; sleep 1234 & while :; do :; done")).await.unwrap();
        let started = std::time::Instant::now();
        let usage = loop {
            let usage = bed.native.usage("c1").await.unwrap();
            if usage.cpus_user_time_secs > Some(0.05) && usage.processes >= Some(2) {
                break usage;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{usage:?}");
        };

        assert!(usage.mem_rss_bytes > Some(0), "{usage:?}");
        assert_eq!(usage.mem_limit_bytes, Some(64 << 20));
        assert_eq!(usage.cpus_limit, Some(0.5));
        bed.native.destroy("c1").await.unwrap();
        assert!(bed.native.usage("c1").await.is_err());
    }
}

#[tokio::test]
async fn a_command_does_not_outlive_its_helper() {
    for bed in both().await {
        let launched = bed.native.launch(bed.shell("c1", "echo up; exec sleep 1234")).await.unwrap();

        let helper = nix::unistd::Pid::from_raw(launched.pid);
        nix::sys::signal::kill(helper, nix::sys::signal::Signal::SIGKILL).unwrap();

        assert_eq!(bed.native.wait("c1").await.unwrap().signal(), Some(libc::SIGKILL));
        let sandbox = bed.sandbox("c1");
        eventually("no process left", || processes_in(&sandbox).is_empty()).await;
    }
}

#[tokio::test]
async fn many_containers_start_and_end_at_once() {
    for bed in both().await {
        let run = async |number: i32| {
            let id = format!("c{number}");
            let termination = bed.run(bed.shell(&id, &format!("exit {number}"))).await;
            bed.native.forget(&id).await;
            termination.exit_code()
        };

        let codes = futures::future::join_all((0..60).map(run)).await;

        assert_eq!(codes, (0..60).map(Some).collect::<Vec<_>>());
        assert!(bed.native.containers().is_empty());
    }
}
