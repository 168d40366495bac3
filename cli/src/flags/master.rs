//! Every flag of `mesos-master`.

use super::flag::{
    ADDRESS, DURATION, Group, INTEGER, PATH, PERCENTAGE, REAL, SIZE, SWITCH, TEXT, Table, accepted, between,
    done, refused,
};
use super::logging::LOGGING;
use super::tracing::TRACING;

pub static MASTER: Table = Table {
    program: "tepui master",
    groups: &[&ADDRESSES, &REGISTRY, &AGENTS, &OFFERS, &HISTORY, &SECURITY, &REST, &TRACING, &LOGGING],
};

static ADDRESSES: Group = Group {
    title: "Where the master listens, and what it is called",
    flags: &[
        done("ip", ADDRESS, "", "listen on this address"),
        done("port", INTEGER, "5050", "listen on this port; 0 takes a free one, which is printed"),
        done("advertise_ip", ADDRESS, "", "tell others this address instead"),
        done("advertise_port", INTEGER, "", "tell others this port instead"),
        done("ip_discovery_command", TEXT, "", "run this; it prints the address to listen on"),
        done("hostname", TEXT, "", "the host name told to others; else the address is looked up"),
        done(
            "hostname_lookup",
            SWITCH,
            "true",
            "look the host name up; --no-hostname_lookup tells the address",
        ),
        done("cluster", TEXT, "", "a name of the cluster for people"),
        done("version", SWITCH, "false", "print the version"),
    ],
};

static REGISTRY: Group = Group {
    title: "What must survive a restart",
    flags: &[
        done("work_dir", PATH, "", "keep the registry here; required unless --registry=in_memory"),
        done(
            "registry",
            TEXT,
            "replicated_log",
            "replicated_log keeps it in a file, in_memory forgets it at the end",
        ),
        refused("quorum", INTEGER, "", "one master keeps its own registry; run one, and leave the flag out")
            .unless(&["1"]),
        refused(
            "zk",
            TEXT,
            "",
            "there is no election yet; run one master, and give agents and frameworks HOST:PORT",
        ),
        accepted("zk_session_timeout", DURATION, "10secs", "there is no ZooKeeper session"),
        refused("registry_strict", SWITCH, "false", "Mesos forbids it as well; leave it out"),
        done("registry_fetch_timeout", DURATION, "1mins", "end when reading the registry takes longer"),
        done("registry_store_timeout", DURATION, "20secs", "end when writing the registry takes longer"),
        refused(
            "log_auto_initialize",
            SWITCH,
            "true",
            "a missing registry is always started anew; check that work_dir is mounted before the master starts",
        ),
        done("registry_gc_interval", DURATION, "15mins", "drop old unreachable and gone agents this often"),
        done(
            "registry_max_agent_age",
            DURATION,
            "2weeks",
            "drop unreachable and gone agents older than this",
        ),
        done(
            "registry_max_agent_count",
            INTEGER,
            "102400",
            "keep at most so many unreachable and gone agents",
        ),
        refused("master_contender", TEXT, "", "modules are not loaded; run one master"),
        refused("master_detector", TEXT, "", "modules are not loaded; run one master"),
    ],
};

static AGENTS: Group = Group {
    title: "Agents",
    flags: &[
        done("agent_ping_timeout", between(1, 15 * 60), "15secs", "an agent has this long to answer a ping")
            .alias(&["slave_ping_timeout"]),
        done("max_agent_ping_timeouts", INTEGER, "5", "unanswered pings that make an agent unreachable")
            .alias(&["max_slave_ping_timeouts"]),
        done(
            "agent_reregister_timeout",
            between(10 * 60, u64::MAX),
            "10mins",
            "an agent may stay away this long after the master's start",
        )
        .alias(&["slave_reregister_timeout"]),
        done(
            "recovery_agent_removal_limit",
            PERCENTAGE,
            "100%",
            "end, instead of giving up more of the agents than this after a start",
        )
        .alias(&["recovery_slave_removal_limit"]),
        refused(
            "agent_removal_rate_limit",
            TEXT,
            "",
            "agents are marked unreachable as soon as they are; raise max_agent_ping_timeouts instead",
        )
        .alias(&["slave_removal_rate_limit"]),
        done("whitelist", TEXT, "", "offer only agents on the hosts that this file names, one a line"),
        refused("require_agent_domain", SWITCH, "false", "fault domains are not checked; leave it out"),
        refused("domain", TEXT, "", "fault domains are not known yet; use agent attributes"),
        refused(
            "max_executors_per_agent",
            INTEGER,
            "",
            "executors of an agent are not limited in number; leave it out",
        )
        .alias(&["max_executors_per_slave"]),
    ],
};

static OFFERS: Group = Group {
    title: "Who is offered what",
    flags: &[
        done("allocation_interval", DURATION, "1secs", "hand out what is free this often"),
        done("offer_timeout", DURATION, "", "take an unanswered offer back after this"),
        done("role_sorter", TEXT, "drf", "which role is next: drf by dominant share, random by lot")
            .alias(&["user_sorter"]),
        done("framework_sorter", TEXT, "drf", "which framework of a role is next: drf or random"),
        done(
            "min_allocatable_resources",
            TEXT,
            "cpus:0.01|mem:32",
            "offer nothing smaller than one of these",
        ),
        done(
            "fair_sharing_excluded_resource_names",
            TEXT,
            "",
            "resources that do not count for a fair share",
        ),
        done("filter_gpu_resources", SWITCH, "true", "keep agents with GPUs for frameworks that know GPUs"),
        done("roles", TEXT, "", "the only roles there are; deprecated in Mesos"),
        done(
            "weights",
            TEXT,
            "",
            "role=weight,…: a role with weight 2 gets twice the share; deprecated in Mesos",
        ),
        refused("allocator", TEXT, "hierarchical", "modules are not loaded; the allocator is hierarchical")
            .unless(&["HierarchicalDRF"]),
        done(
            "allocator_agent_recovery_factor",
            REAL,
            "0.8",
            "where there is quota, offers wait for this part of the agents after a start",
        ),
        done("allocator_recovery_timeout", DURATION, "10mins", "but no longer than this"),
        accepted(
            "offer_constraints_re2_max_mem",
            SIZE,
            "4KB",
            "patterns of constraints have a bound of their own",
        ),
        accepted(
            "offer_constraints_re2_max_program_size",
            INTEGER,
            "100",
            "patterns of constraints have a bound of their own",
        ),
        done("root_submissions", SWITCH, "true", "let frameworks run tasks as root"),
    ],
};

static HISTORY: Group = Group {
    title: "What is remembered",
    flags: &[
        done("max_completed_frameworks", INTEGER, "50", "keep so many ended frameworks"),
        done(
            "max_completed_tasks_per_framework",
            INTEGER,
            "1000",
            "keep so many ended tasks of each framework",
        ),
        done(
            "max_unreachable_tasks_per_framework",
            INTEGER,
            "1000",
            "keep so many unreachable tasks of each framework",
        ),
        done(
            "max_operator_event_stream_subscribers",
            INTEGER,
            "1000",
            "serve so many subscribers of the operator API at a time; of one more, the oldest goes",
        ),
        done(
            "publish_per_framework_metrics",
            SWITCH,
            "true",
            "count what each framework says and is told, under master/frameworks/",
        ),
    ],
};

/// None of these is ever ignored: a cluster that should be closed must not start open.
static SECURITY: Group = Group {
    title: "Security",
    flags: &[
        done(
            "authenticate_frameworks",
            SWITCH,
            "false",
            "frameworks that are actors or drivers must show who they are",
        )
        .alias(&["authenticate"]),
        done("authenticate_agents", SWITCH, "false", "agents must show who they are")
            .alias(&["authenticate_slaves"]),
        done(
            "authenticate_http_readwrite",
            SWITCH,
            "false",
            "whoever changes something over HTTP must show who they are",
        )
        .alias(&["authenticate_http"]),
        done("authenticate_http_readonly", SWITCH, "false", "whoever reads over HTTP must show who they are"),
        done("authenticate_http_frameworks", SWITCH, "false", "frameworks over HTTP must show who they are"),
        done("credentials", PATH, "", "the file of principals and their secrets, JSON or a line for each"),
        refused("acls", TEXT, "", OPEN),
        refused("authenticators", TEXT, "crammd5", "frameworks and agents use CRAM-MD5; leave it out")
            .unless(&["crammd5"]),
        refused("authorizers", TEXT, "local", OPEN),
        refused("http_authenticators", TEXT, "basic", "HTTP has basic authentication; leave it out"),
        refused("http_framework_authenticators", TEXT, "", "HTTP has basic authentication; leave it out")
            .unless(&["basic"]),
        done(
            "authentication_v0_timeout",
            DURATION,
            "15secs",
            "one attempt to authenticate may take this long",
        ),
        refused(
            "firewall_rules",
            TEXT,
            "",
            "endpoints cannot be switched off; put a proxy before the master",
        ),
        done(
            "rate_limits",
            TEXT,
            "",
            "how many messages frameworks may send by principal, JSON or a file of it",
        ),
    ],
};

const OPEN: &str = "whoever is let in may do everything yet; leave it out, and let in only whom you trust";

static REST: Group = Group {
    title: "Modules and the rest",
    flags: &[
        refused("modules", TEXT, "", "modules are not loaded; leave it out"),
        refused("modules_dir", PATH, "", "modules are not loaded; leave it out"),
        refused("hooks", TEXT, "", "modules are not loaded; leave it out"),
        accepted("webui_dir", PATH, "", "there is no web interface yet"),
        accepted("memory_profiling", SWITCH, "false", "the allocator that it profiles is not used"),
    ],
};
