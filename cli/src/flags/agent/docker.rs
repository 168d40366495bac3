//! Images, and containers run by Docker. Neither is there yet.

use crate::flags::flag::{DURATION, Group, PATH, SWITCH, TEXT, accepted, refused};

pub static IMAGES: Group = Group {
    title: "Images",
    flags: &[
        refused("image_providers", TEXT, "", "containers have no images yet; leave it out"),
        accepted("image_provisioner_backend", TEXT, "", NO_IMAGES),
        accepted("image_gc_config", TEXT, "", NO_IMAGES),
        accepted("appc_simple_discovery_uri_prefix", TEXT, "http://", NO_IMAGES),
        accepted("appc_store_dir", PATH, "", NO_IMAGES),
        accepted("docker_registry", TEXT, "https://registry-1.docker.io", NO_IMAGES),
        accepted("docker_store_dir", PATH, "", NO_IMAGES),
        accepted("docker_volume_checkpoint_dir", PATH, "/var/run/mesos/isolators/docker/volume", NO_VOLUMES),
        accepted("docker_volume_chown", SWITCH, "false", NO_VOLUMES),
        accepted("docker_ignore_runtime", SWITCH, "false", NO_IMAGES),
    ],
};

pub static DOCKER: Group = Group {
    title: "Docker",
    flags: &[
        accepted("docker", PATH, "docker", NO_DOCKER),
        accepted("docker_remove_delay", DURATION, "6hrs", NO_DOCKER),
        accepted("docker_kill_orphans", SWITCH, "true", NO_DOCKER),
        refused("docker_mesos_image", TEXT, "", "tasks cannot be run by Docker yet; leave it out"),
        accepted("docker_socket", PATH, "/var/run/docker.sock", NO_DOCKER),
        accepted("docker_config", TEXT, "", NO_DOCKER),
        accepted("docker_stop_timeout", DURATION, "0ns", NO_DOCKER),
    ],
};

const NO_IMAGES: &str = "containers have no images yet, and --image_providers is refused";
const NO_VOLUMES: &str = "the isolator docker/volume, which --isolation refuses, would use it";
const NO_DOCKER: &str = "tasks are not run by Docker yet, and --containerizers=docker is refused";
