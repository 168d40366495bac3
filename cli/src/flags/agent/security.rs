//! Security. None of these is ever ignored: an agent that should be closed must not start open.

use crate::flags::flag::{DURATION, Group, PATH, SWITCH, TEXT, done, refused};

pub static SECURITY: Group = Group {
    title: "Security",
    flags: &[
        refused("authenticatee", TEXT, "crammd5", "agents authenticate with CRAM-MD5; leave it out"),
        done(
            "credential",
            PATH,
            "",
            "the file of the principal and secret to show the master, JSON or one line",
        ),
        done(
            "authentication_backoff_factor",
            DURATION,
            "1secs",
            "pause between attempts to authenticate; doubles",
        ),
        done(
            "authentication_timeout_min",
            DURATION,
            "5secs",
            "an attempt to authenticate may take this long",
        ),
        done("authentication_timeout_max", DURATION, "1mins", "and, after many, no longer than this"),
        refused("authorizer", TEXT, "local", OPEN),
        refused("acls", TEXT, "", OPEN),
        refused("http_authenticators", TEXT, "basic", "HTTP has basic authentication; leave it out"),
        done(
            "http_credentials",
            PATH,
            "",
            "the file of principals and secrets for HTTP, JSON or a line for each",
        ),
        done(
            "authenticate_http_readwrite",
            SWITCH,
            "false",
            "whoever changes something over HTTP must show who they are",
        ),
        done("authenticate_http_readonly", SWITCH, "false", "whoever reads over HTTP must show who they are"),
        refused("authenticate_http_executors", SWITCH, "false", EXECUTORS),
        refused("jwt_secret_key", PATH, "", EXECUTORS).alias(&["executor_secret_key"]),
        refused("firewall_rules", TEXT, "", "endpoints cannot be switched off; put a proxy before the agent"),
        refused("effective_capabilities", TEXT, "", "capabilities are not limited yet; use --switch_user")
            .alias(&["allowed_capabilities"]),
        refused("bounding_capabilities", TEXT, "", "capabilities are not limited yet; use --switch_user"),
        refused("seccomp_config_dir", PATH, "", "system calls are not filtered yet; leave it out"),
        refused("seccomp_profile_name", TEXT, "", "system calls are not filtered yet; leave it out"),
        refused(
            "disallow_sharing_agent_ipc_namespace",
            SWITCH,
            "false",
            "containers share the IPC namespace",
        ),
        refused(
            "disallow_sharing_agent_pid_namespace",
            SWITCH,
            "false",
            "add namespaces/pid to --isolation instead",
        ),
    ],
};

const OPEN: &str = "whoever is let in may do everything yet; leave it out, and let in only whom you trust";

const EXECUTORS: &str =
    "executors are not asked who they are yet; leave it out only where the network is trusted";
