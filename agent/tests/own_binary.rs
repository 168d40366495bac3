//! A process that is its own launch helper, as `tepui` is: a sealed copy of this test's executable. Has a `main` of
//! its own because that is what the helper is dispatched from.

use std::{collections::BTreeMap, fs};

use tepui_agent::containerizer::{
    Command, ContainerConfig, ContainerResources, LauncherKind, Native, Program, Settings, init,
};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if init::asked_for(&arguments) {
        init::main();
    }
    if arguments.iter().any(|argument| argument == "--list") {
        // Spoken by test runners that list first.
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("a_process_launches_containers_from_a_sealed_copy_of_itself: test");
        }
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(launches_from_a_sealed_copy());
    println!("test a_process_launches_containers_from_a_sealed_copy_of_itself ... ok");
}

async fn launches_from_a_sealed_copy() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        launcher: LauncherKind::Posix,
        isolation: Default::default(),
        ..Settings::new(directory.path().join("runtime"))
    };
    assert_eq!(settings.program, Program::ThisBinary);
    let native = Native::open(settings).await.unwrap();
    let config = |id: &str| ContainerConfig {
        id: id.into(),
        command: Command::Shell("readlink /proc/$PPID/exe".into()),
        environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        user: None,
        sandbox: directory.path().into(),
        resources: ContainerResources::default(),
        sees_host: false,
    };

    for id in ["c1", "c2"] {
        native.launch(config(id)).await.unwrap();
        assert_eq!(native.wait(id).await.unwrap().exit_code(), Some(0));
    }

    let output = fs::read_to_string(directory.path().join("stdout")).unwrap();
    assert_eq!(output, "/memfd:tepui (deleted)\n".repeat(2));
}
