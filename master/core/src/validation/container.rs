//! Whether a container can be made: its volumes, and what Docker needs.

use tepui_proto::v1::container_info::Type;
use tepui_proto::v1::volume::source::Type as SourceType;
use tepui_proto::v1::{ContainerInfo, Volume};

use super::Checked;

pub fn check(container: &ContainerInfo) -> Checked {
    for volume in &container.volumes {
        check_volume(volume).map_err(|why| format!("Invalid volume: {why}"))?;
    }
    if container.r#type() != Type::Docker {
        return Ok(());
    }
    let Some(docker) = &container.docker else {
        return Err("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo".into());
    };
    if docker.parameters.iter().any(|parameter| parameter.key == "name") {
        return Err("Parameter in DockerInfo must not be 'name'".into());
    }
    Ok(())
}

fn check_volume(volume: &Volume) -> Checked {
    let given = [volume.host_path.is_some(), volume.image.is_some(), volume.source.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err("Only one of them should be set: 'host_path', 'image' and 'source'".into());
    }
    let Some(source) = &volume.source else { return Ok(()) };
    let (is_there, missing) = match source.r#type() {
        SourceType::DockerVolume => {
            (source.docker_volume.is_some(), "'source.docker_volume' is not set for DOCKER_VOLUME volume")
        }
        SourceType::HostPath => {
            (source.host_path.is_some(), "'source.host_path' is not set for HOST_PATH volume")
        }
        SourceType::SandboxPath => {
            (source.sandbox_path.is_some(), "'source.sandbox_path' is not set for SANDBOX_PATH volume")
        }
        SourceType::Secret => (source.secret.is_some(), "'source.secret' is not set for SECRET volume"),
        SourceType::CsiVolume => match &source.csi_volume {
            None => (false, "'source.csi_volume' is not set for CSI volume"),
            Some(csi) => (
                csi.static_provisioning.is_some(),
                "'source.csi_volume.static_provisioning' is not set for CSI volume",
            ),
        },
        SourceType::Unknown => (false, "'source.type' is unknown"),
    };
    if is_there { Ok(()) } else { Err(missing.into()) }
}
