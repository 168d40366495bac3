//! The agent as a daemon: addresses, its master, its resources, its state, and what could be loaded into it.

use crate::flags::flag::{
    ADDRESS, DURATION, Group, INTEGER, PATH, SWITCH, TEXT, accepted, between, done, refused,
};

pub static ADDRESSES: Group = Group {
    title: "Where the agent listens, and what it is called",
    flags: &[
        done("ip", ADDRESS, "", "listen on this address"),
        done("port", INTEGER, "5051", "listen on this port; 0 takes a free one, which is printed"),
        done("advertise_ip", ADDRESS, "", "tell others this address instead"),
        done("advertise_port", INTEGER, "", "tell others this port instead"),
        done("ip_discovery_command", TEXT, "", "run this; it prints the address to listen on"),
        accepted("ip6", ADDRESS, "", "only containers with a network of their own would be told"),
        accepted(
            "ip6_discovery_command",
            TEXT,
            "",
            "only containers with a network of their own would be told",
        ),
        done("hostname", TEXT, "", "the host name told to others; else the address is looked up"),
        done(
            "hostname_lookup",
            SWITCH,
            "true",
            "look the host name up; --no-hostname_lookup tells the address",
        ),
        done("version", SWITCH, "false", "print the version"),
    ],
};

pub static MASTER: Group = Group {
    title: "The master",
    flags: &[
        done("master", TEXT, "", "the master's HOST:PORT, or file:// and a file that holds it; required"),
        accepted("zk_session_timeout", DURATION, "10secs", "there is no ZooKeeper session"),
        refused("master_detector", TEXT, "", "modules are not loaded; give --master=HOST:PORT"),
        done(
            "registration_backoff_factor",
            DURATION,
            "1secs",
            "wait about this long, then longer, between registrations",
        ),
    ],
};

pub static RESOURCES: Group = Group {
    title: "What the agent offers",
    flags: &[
        done(
            "resources",
            TEXT,
            "",
            "such as cpus:4;mem:2048;ports:[31000-32000], or JSON; else what the machine has",
        ),
        done("default_role", TEXT, "*", "the role of resources that name none"),
        done("attributes", TEXT, "", "such as rack:abc;zone:west"),
        refused("domain", TEXT, "", "fault domains are not known yet; use --attributes"),
        refused("agent_features", TEXT, "", "the agent cannot hide what it is able to do; leave it out"),
        refused("nvidia_gpu_devices", TEXT, "", "GPUs are not isolated yet; leave it out"),
        refused(
            "resource_provider_config_dir",
            PATH,
            "",
            "there are no resource providers yet; leave it out",
        ),
        refused("csi_plugin_config_dir", PATH, "", "there are no storage plugins yet; leave it out"),
        refused("disk_profile_adaptor", TEXT, "", "modules are not loaded; leave it out"),
        refused("resource_estimator", TEXT, "noop", "modules are not loaded; leave it out")
            .unless(&["org_apache_mesos_NoopResourceEstimator"]),
        refused("qos_controller", TEXT, "noop", "modules are not loaded; leave it out")
            .unless(&["org_apache_mesos_NoopQoSController"]),
        accepted("qos_correction_interval_min", DURATION, "0ns", "nothing is oversubscribed"),
        accepted("oversubscribed_resources_interval", DURATION, "15secs", "nothing is oversubscribed"),
    ],
};

pub static STATE: Group = Group {
    title: "What must survive a restart",
    flags: &[
        done("work_dir", PATH, "", "keep sandboxes and checkpoints here; required"),
        done("runtime_dir", PATH, "", "keep what a reboot may clear here; else in work_dir"),
        done(
            "recover",
            TEXT,
            "reconnect",
            "reconnect takes live executors back; cleanup ends them and then the agent",
        ),
        done(
            "recovery_timeout",
            DURATION,
            "15mins",
            "executors end by themselves when the agent stays away longer",
        ),
        done(
            "executor_reregistration_timeout",
            between(0, 15),
            "2secs",
            "after a restart, executors have this long to come back",
        ),
        accepted(
            "executor_reregistration_retry_interval",
            DURATION,
            "",
            "only executors older than Mesos 1.2 need it",
        ),
        done(
            "reconfiguration_policy",
            TEXT,
            "equal",
            "additive: resources and attributes may grow between two starts",
        ),
        done("strict", SWITCH, "true", "end when a checkpoint cannot be read; else go on without it"),
        done(
            "max_completed_executors_per_framework",
            INTEGER,
            "150",
            "show so many ended executors of each framework",
        ),
    ],
};

pub static MODULES: Group = Group {
    title: "Modules and the rest",
    flags: &[
        refused("modules", TEXT, "", "modules are not loaded; leave it out"),
        refused("modules_dir", PATH, "", "modules are not loaded; leave it out"),
        refused("hooks", TEXT, "", "modules are not loaded; leave it out"),
        refused("secret_resolver", TEXT, "default", "modules are not loaded; leave it out"),
        refused("container_logger", TEXT, "", "modules are not loaded; output goes to files in the sandbox")
            .unless(&["org_apache_mesos_SandboxContainerLogger"]),
        accepted("memory_profiling", SWITCH, "false", "the allocator that it profiles is not used"),
        done(
            "systemd_enable_support",
            SWITCH,
            "true",
            "warn in a systemd unit: tasks outlive it only with KillMode=process",
        ),
        accepted(
            "systemd_runtime_directory",
            PATH,
            "/run/systemd/system",
            "systemd is not asked for anything",
        ),
    ],
};
