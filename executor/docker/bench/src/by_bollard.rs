//! The same container, made and started by bollard and nothing else.

use std::time::Instant;

use anyhow::Result;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
};
use tepui_bench::{Figures, percentiles};
use tepui_tests::engine::{Engine, IMAGE};

use crate::{CPUS, LINE, MEGABYTES, STARTED, WARM};

pub fn starts() -> Result<Figures> {
    let engine = Engine::start();
    // Where a sandbox would be.
    let shared = engine.socket();
    let shared = shared.parent().expect("a socket lies in a folder").join("sandbox");
    std::fs::create_dir(&shared)?;
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        entrypoint: Some(vec!["/bin/sh".to_owned()]),
        cmd: Some(vec!["-c".to_owned(), LINE.to_owned()]),
        env: Some(vec!["MESOS_SANDBOX=/mnt/mesos/sandbox".to_owned()]),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            binds: Some(vec![format!("{}:/mnt/mesos/sandbox:rw", shared.display())]),
            cpu_shares: Some((CPUS * 1024.0) as i64),
            memory: Some(i64::from(MEGABYTES) << 20),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let mut samples = Vec::with_capacity(STARTED);
    for number in 0..WARM + STARTED {
        let name = format!("t{number}");
        let create = CreateContainerOptionsBuilder::new().name(&name).build();
        let took = engine.ask(async |docker| {
            let begin = Instant::now();
            docker.create_container(Some(create), body.clone()).await?;
            docker.start_container(&name, None::<StartContainerOptions>).await?;
            Ok::<_, bollard::errors::Error>(begin.elapsed())
        });
        samples.push(took);
        let remove = RemoveContainerOptionsBuilder::new().force(true).build();
        engine.ask(async |docker| docker.remove_container(&name, Some(remove)).await);
    }
    Ok(percentiles(&mut samples[WARM..]))
}
