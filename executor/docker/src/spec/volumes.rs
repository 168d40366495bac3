//! Volumes: of the host, of the sandbox, and of volume drivers.

use bollard::models::{ContainerCreateBody, Mount, MountType};
use tepui_proto::v1;
use v1::container_info::DockerInfo;
use v1::volume::source::Type;
use v1::volume::{Mode, source};

use super::{SpecError, Wanted};

#[expect(deprecated, reason = "frameworks of before docker volumes name the driver here")]
pub(super) fn mount(
    body: &mut ContainerCreateBody,
    wanted: &Wanted<'_>,
    docker: &DockerInfo,
) -> Result<(), SpecError> {
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    let mut bind = |host: String, path: &str, mode: &str| {
        // Ids of tasks and volumes, and so their paths, may hold colons, which separate the parts of a bind.
        if host.contains(':') || path.contains(':') {
            mounts.push(Mount {
                source: Some(host),
                target: Some(path.to_owned()),
                typ: Some(MountType::BIND),
                read_only: Some(mode == "ro"),
                ..Mount::default()
            });
        } else {
            binds.push(format!("{host}:{path}:{mode}"));
        }
    };
    bind(wanted.sandbox.display().to_string(), &wanted.settings.sandbox_directory, "rw");
    for volume in &wanted.settings.binds {
        bind(volume.host.clone(), &volume.container, if volume.read_only { "ro" } else { "rw" });
    }
    let mut driver = docker.volume_driver.clone();
    for volume in &wanted.container.volumes {
        let path = &volume.container_path;
        if path.is_empty() || path.contains(':') {
            return Err(SpecError::Volume(format!("container_path '{path}' is empty or contains a colon")));
        }
        let mode = if volume.mode() == Mode::Ro { "ro" } else { "rw" };
        match what(volume, wanted, driver.is_some())? {
            What::Fresh => body.volumes.get_or_insert_default().push(path.clone()),
            What::Host(host) => bind(host, path, mode),
            What::OfDriver { name, of } => {
                if driver.is_some() && of.is_some() && driver != of {
                    return Err(SpecError::Volume(
                        "the volumes of one container have one volume driver".into(),
                    ));
                }
                driver = of.or(driver);
                bind(name, path, mode);
            }
        }
    }
    let host = body.host_config.get_or_insert_default();
    (host.binds, host.volume_driver) = (Some(binds), driver);
    host.mounts = (!mounts.is_empty()).then_some(mounts);
    Ok(())
}

enum What {
    /// A new one, which goes with the container.
    Fresh,
    /// A path of the host.
    Host(String),
    /// One that a volume driver knows by name.
    OfDriver { name: String, of: Option<String> },
}

fn what(volume: &v1::Volume, wanted: &Wanted<'_>, has_driver: bool) -> Result<What, SpecError> {
    let path = &volume.container_path;
    let refuse = |why: &str| Err(SpecError::Volume(format!("'{path}': {why}")));
    if volume.image.is_some() {
        return refuse("an image cannot be a volume of a Docker container");
    }
    match (&volume.host_path, &volume.source) {
        (Some(_), Some(_)) => refuse("host_path and source are both set"),
        (None, None) => Ok(What::Fresh),
        (Some(host), None) if host.contains(':') => refuse("host_path contains a colon"),
        (Some(host), None) if host.starts_with('/') => Ok(What::Host(host.clone())),
        // With a driver, it is the name of one of its volumes.
        (Some(name), None) if has_driver => Ok(What::OfDriver { name: name.clone(), of: None }),
        (Some(relative), None) => in_sandbox(wanted, relative).map_or_else(|| refuse(OUTSIDE), Ok),
        (None, Some(source)) => of_source(source, wanted).or_else(refuse),
    }
}

const OUTSIDE: &str = "its path in the sandbox leads out of it";

fn of_source(source: &v1::volume::Source, wanted: &Wanted<'_>) -> Result<What, &'static str> {
    Ok(match source.r#type() {
        Type::DockerVolume => {
            let volume = source.docker_volume.as_ref().ok_or("source.docker_volume is not set")?;
            if volume.driver_options.as_ref().is_some_and(|options| !options.parameter.is_empty()) {
                return Err("options of a volume driver are given when the volume is made, not here");
            }
            What::OfDriver { name: volume.name.clone(), of: volume.driver.clone() }
        }
        Type::HostPath => {
            let host = source.host_path.as_ref().ok_or("source.host_path is not set")?;
            if !host.path.starts_with('/') || host.path.contains(':') {
                return Err("source.host_path.path is not an absolute path without a colon");
            }
            What::Host(host.path.clone())
        }
        Type::SandboxPath => {
            let path = source.sandbox_path.as_ref().ok_or("source.sandbox_path is not set")?;
            if path.r#type() == source::sandbox_path::Type::Parent {
                return Err("a Docker container has no parent whose sandbox could be shared");
            }
            in_sandbox(wanted, &path.path).ok_or(OUTSIDE)?
        }
        Type::Secret => return Err("secret volumes are the mesos containerizer's"),
        Type::CsiVolume => return Err("CSI volumes are the mesos containerizer's"),
        Type::Unknown => return Err("source.type is not one that is known here"),
    })
}

fn in_sandbox(wanted: &Wanted<'_>, relative: &str) -> Option<What> {
    let inside = !relative.split('/').any(|part| part == "..") && !relative.contains(':');
    inside.then(|| What::Host(wanted.sandbox.join(relative.trim_start_matches('/')).display().to_string()))
}
