//! Images that must be pulled, from a registry on this machine, and what can go wrong with that.

use std::fs;
use std::path::Path;

use bollard::auth::DockerCredentials;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, PushImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder,
};
use futures::TryStreamExt;
use serde_json::Value;
use tepui_tests::docker::{cluster, task, verdict};
use tepui_tests::engine::{Engine, IMAGE};
use tepui_tests::framework::{Framework, info};
use tepui_tests::registry::{Gate, PASSWORD, Registry, USER};
use tepui_tests::waiting::{secs, until};

/// A file that does not get smaller by compression.
fn noise(root: &Path) {
    let mut state = 1_u64;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    fs::write(root.join("noise"), bytes.take(2 << 20).collect::<Vec<_>>()).expect("a file can be written");
}

fn push(engine: &Engine, name: &str) {
    let who = DockerCredentials {
        username: Some(USER.into()),
        password: Some(PASSWORD.into()),
        ..DockerCredentials::default()
    };
    let options = PushImageOptionsBuilder::new().tag("1").build();
    engine
        .ask(async |docker| docker.push_image(name, Some(options), Some(who)).try_collect::<Vec<_>>().await);
}

/// The registry has it afterwards, and the engine does not.
fn publish(engine: &Engine, registry: &Registry) {
    let name = format!("{}/team/app", registry.address());
    engine.import(&format!("{name}:1"), noise);
    push(engine, &name);
    let image = format!("{name}:1");
    engine.ask(async |docker| docker.remove_image(&image, None::<RemoveImageOptions>, None).await);
}

fn of_image(id: &str, image: &str) -> Value {
    let mut task = task(id, "true");
    task["container"]["docker"]["image"] = image.into();
    task
}

fn messages(framework: &Framework, id: &str) -> Vec<String> {
    let all = framework.statuses(id);
    all.iter().filter_map(|status| Some(status["message"].as_str()?.to_owned())).collect()
}

#[test]
fn an_image_is_pulled_with_the_operators_credentials_and_what_goes_wrong_is_said() {
    let (engine, registry) = (Engine::start(), Registry::start());
    publish(&engine, &registry);
    let gate = Gate::before(registry.address(), 600_000);
    let config = Registry::credentials(gate.address());
    let cluster = cluster(&engine, &[&format!("--docker_config={config}")]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let (at, known) = (registry.address(), gate.address());
    let missing = of_image("missing", &format!("{known}/no/such:1"));
    let refused = of_image("refused", &format!("{at}/team/app:1"));
    let unreachable = of_image("unreachable", "127.0.0.1:9/team/app:1");

    framework.launch(&framework.offer(), &[missing, refused, unreachable]);

    let failed = |id: &str, image: &str, why: &str| {
        let verdict = verdict(&framework, id);
        let begin = format!("TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED pull image {image}: ");
        assert!(verdict.starts_with(&begin) && verdict.contains(why), "{verdict}");
        assert!(!verdict.contains(PASSWORD), "{verdict}");
    };
    failed("missing", &format!("{known}/no/such:1"), "manifest unknown");
    failed("refused", &format!("{at}/team/app:1"), "no basic auth credentials");
    failed("unreachable", "127.0.0.1:9/team/app:1", "connection refused");

    let image = format!("{known}/team/app:1");
    framework.launch(&framework.revived_offer(), &[of_image("pulled", &image)]);
    assert_eq!(verdict(&framework, "pulled"), "TASK_FINISHED - Container exited with status 0");
    let said = messages(&framework, "pulled");
    assert_eq!(said[0], format!("Pulling image {image}"));
    let begin = format!("Pulling image {image}: 0 of 1 layers, ");
    assert!(said[1].starts_with(&begin) && said[1].ends_with(" MiB"), "{said:?}");

    let mut again = of_image("again", &image);
    again["container"]["docker"]["force_pull_image"] = true.into();
    framework.launch(&framework.revived_offer(), &[of_image("there", &image), again]);
    assert_eq!(verdict(&framework, "there"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(verdict(&framework, "again"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(messages(&framework, "there").len(), 1);
    assert_eq!(messages(&framework, "again")[0], format!("Pulling image {image}"));
}

#[test]
fn a_container_whose_name_is_taken_fails_and_a_pull_that_is_killed_ends() {
    let (engine, registry) = (Engine::start(), Registry::start());
    let name = format!("{}/copy", registry.address());
    let gate = Gate::before(registry.address(), usize::MAX);
    gate.shut();
    let config = Registry::credentials(gate.address());
    let cluster = cluster(&engine, &[&format!("--docker_config={config}"), "--docker_remove_delay=0secs"]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let image = format!("{}/copy:1", gate.address());
    framework.launch(&framework.offer(), &[of_image("late", &image), of_image("killed", &image)]);
    let starting = framework.await_state("late", "TASK_STARTING");
    let container = starting["container_status"]["container_id"]["value"].as_str().expect("an id").to_owned();
    framework.await_state("killed", "TASK_STARTING");

    framework.kill("killed");
    assert_eq!(verdict(&framework, "killed"), "TASK_KILLED - Ended before its container was started");

    // A stranger takes the name while the image is on its way.
    let taken = format!("mesos-{container}");
    let options = CreateContainerOptionsBuilder::new().name(&taken).build();
    let command = Some(vec!["true".to_owned()]);
    let stranger =
        ContainerCreateBody { image: Some(IMAGE.into()), cmd: command, ..ContainerCreateBody::default() };
    engine.ask(async |docker| docker.create_container(Some(options), stranger).await);
    let options = TagImageOptionsBuilder::new().repo(&name).tag("1").build();
    engine.ask(async |docker| docker.tag_image(IMAGE, Some(options)).await);
    push(&engine, &name);
    gate.open();

    let late = verdict(&framework, "late");
    let begin = format!("TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED create container {taken}: Conflict.");
    assert!(late.starts_with(&begin), "{late}");
    until("the executor to be gone", secs(20), || {
        cluster.agent().get("/containers").json().as_array()?.is_empty().then_some(())
    });
    assert_eq!(engine.containers(), [taken]);
}
