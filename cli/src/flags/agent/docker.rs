//! Images, which are not there yet, and containers run by Docker.

use crate::flags::flag::{DURATION, Group, PATH, SWITCH, TEXT, accepted, done, refused};

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
        accepted(
            "docker",
            PATH,
            "docker",
            "the engine is asked through its API, not by the command line tool",
        ),
        done(
            "docker_remove_delay",
            DURATION,
            "6hrs",
            "remove a Docker container this long after its task ended",
        ),
        done(
            "docker_kill_orphans",
            SWITCH,
            "true",
            "after a restart, end Docker containers that belong to no known task",
        ),
        refused(
            "docker_mesos_image",
            TEXT,
            "",
            "an agent in a container keeps its executors there; leave it out",
        ),
        done(
            "docker_socket",
            PATH,
            "/var/run/docker.sock",
            "where the Docker engine listens; else DOCKER_HOST",
        ),
        done(
            "docker_config",
            TEXT,
            "",
            "docker's config.json, or file:// and its path: credentials for registries",
        ),
        accepted("docker_stop_timeout", DURATION, "0ns", "the kill policy of a task says how long it has"),
    ],
};

const NO_IMAGES: &str = "containers have no images yet, and --image_providers is refused";
const NO_VOLUMES: &str = "the isolator docker/volume, which --isolation refuses, would use it";
