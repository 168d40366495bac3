//! How tasks run: executors, containers, cgroups, what is fetched, and the disk.

use crate::flags::flag::{DURATION, Group, PATH, REAL, SIZE, SWITCH, TEXT, accepted, done, refused};

pub static EXECUTORS: Group = Group {
    title: "Executors",
    flags: &[
        done("executor_registration_timeout", DURATION, "1mins", "an executor must register within this"),
        done(
            "executor_shutdown_grace_period",
            DURATION,
            "5secs",
            "an executor that was told to end has this long",
        ),
        done(
            "executor_environment_variables",
            TEXT,
            "",
            "JSON: the environment of executors, besides Mesos' own",
        ),
        done("switch_user", SWITCH, "true", "run a task as the user that its framework names"),
        accepted("launcher_dir", PATH, "", "this program holds the helpers that Mesos keeps in a folder"),
        done("frameworks_home", PATH, "", "the folder below which relative URIs are looked for"),
        accepted("http_command_executor", SWITCH, "false", "the built-in executor always speaks HTTP"),
        accepted("http_heartbeat_interval", DURATION, "30secs", "containers cannot be attached to yet"),
        refused(
            "http_executor_domain_sockets",
            SWITCH,
            "false",
            "executors reach the agent over TCP; leave it out",
        ),
        accepted("domain_socket_location", PATH, "", "executors reach the agent over TCP"),
    ],
};

pub static CONTAINERS: Group = Group {
    title: "Containers",
    flags: &[
        done(
            "containerizers",
            TEXT,
            "mesos",
            "what runs tasks: mesos (or native), docker, or both with a comma",
        ),
        done(
            "isolation",
            TEXT,
            "posix/cpu,posix/mem",
            "what containers are kept apart in; as root all that is there",
        ),
        done("launcher", TEXT, "", "linux or posix; as root linux, where it can"),
        refused("default_container_info", TEXT, "", "tasks without a container get none; leave it out"),
        refused("default_container_shm_size", SIZE, "", "containers share /dev/shm; leave it out"),
        refused("default_container_dns", TEXT, "", "containers use the machine's resolver; leave it out"),
        done("sandbox_directory", PATH, "/mnt/mesos/sandbox", "where a Docker container finds its sandbox"),
        refused("host_path_volume_force_creation", TEXT, "", "host paths are not mounted yet; leave it out"),
        refused("volume_gid_range", TEXT, "", "volumes are not shared between users yet; leave it out"),
        accepted(
            "perf_events",
            TEXT,
            "",
            "the isolator cgroups/perf_event, which --isolation refuses, would sample them",
        ),
        accepted("perf_interval", DURATION, "1mins", "the isolator cgroups/perf_event is not there"),
        accepted("perf_duration", DURATION, "10secs", "the isolator cgroups/perf_event is not there"),
    ],
};

pub static CGROUPS: Group = Group {
    title: "Cgroups",
    flags: &[
        refused(
            "cgroups_hierarchy",
            PATH,
            "/sys/fs/cgroup",
            "cgroups are used where the machine mounts them",
        ),
        done("cgroups_root", TEXT, "mesos", "the cgroup below which containers have theirs"),
        done("cgroups_enable_cfs", SWITCH, "false", "hold containers to their CPUs even where more are idle"),
        done("cgroups_limit_swap", SWITCH, "false", "limit memory and swap together"),
        done("cgroups_destroy_timeout", DURATION, "1mins", "a container must be gone within this"),
        refused(
            "cgroups_cpu_enable_pids_and_tids_count",
            SWITCH,
            "false",
            "threads are not counted; leave it out",
        ),
        accepted(
            "cgroups_net_cls_primary_handle",
            TEXT,
            "",
            "the isolator cgroups/net_cls, which --isolation refuses, would use it",
        ),
        accepted("cgroups_net_cls_secondary_handles", TEXT, "", "the isolator cgroups/net_cls is not there"),
        accepted(
            "allowed_devices",
            TEXT,
            "",
            "the isolator cgroups/devices, which --isolation refuses, would use it",
        ),
        refused(
            "agent_subsystems",
            TEXT,
            "",
            "the agent stays in the cgroup it was started in; use its unit file",
        )
        .alias(&["slave_subsystems"]),
        accepted("revocable_cpu_low_priority", SWITCH, "true", "nothing is oversubscribed"),
    ],
};

pub static FETCHER: Group = Group {
    title: "Fetching",
    flags: &[
        accepted("fetcher_cache_size", SIZE, "2GB", "nothing is cached: each task downloads its own"),
        accepted("fetcher_cache_dir", PATH, "", "nothing is cached: each task downloads its own"),
        done(
            "fetcher_stall_timeout",
            DURATION,
            "1mins",
            "give a download up that brings nothing for so long",
        ),
        refused("hadoop_home", PATH, "", "hdfs:// URIs are not fetched; use http(s):// or files"),
    ],
};

pub static DISK: Group = Group {
    title: "Disk",
    flags: &[
        done(
            "gc_delay",
            DURATION,
            "1weeks",
            "remove sandboxes of ended executors after this, sooner on a full disk",
        ),
        done("gc_disk_headroom", REAL, "0.1", "the share of the disk that collection tries to keep free"),
        done("disk_watch_interval", DURATION, "1mins", "look at the disk this often"),
        accepted(
            "gc_non_executor_container_sandboxes",
            SWITCH,
            "false",
            "there are no nested containers yet",
        ),
        done("container_disk_watch_interval", DURATION, "15secs", "measure sandboxes this often"),
        done("enforce_container_disk_quota", SWITCH, "false", "kill what fills more disk than it asked for"),
        accepted(
            "xfs_project_range",
            TEXT,
            "[5000-10000]",
            "the isolator disk/xfs, which --isolation refuses, would use it",
        ),
        accepted("xfs_quota_headroom", SIZE, "10MB", "the isolator disk/xfs is not there"),
        refused(
            "xfs_kill_containers",
            SWITCH,
            "false",
            "use --isolation=disk/du --enforce_container_disk_quota",
        ),
    ],
};
