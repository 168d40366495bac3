//! Security. None of these is ever ignored: an agent that should be closed must not start open.

use crate::flags::flag::{DURATION, Group, PATH, SWITCH, TEXT, refused};

pub static SECURITY: Group = Group {
    title: "Security",
    flags: &[
        refused("authenticatee", TEXT, "crammd5", OPEN),
        refused("credential", PATH, "", OPEN),
        refused("authentication_backoff_factor", DURATION, "1secs", OPEN),
        refused("authentication_timeout_min", DURATION, "5secs", OPEN),
        refused("authentication_timeout_max", DURATION, "1mins", OPEN),
        refused("authorizer", TEXT, "local", OPEN),
        refused("acls", TEXT, "", OPEN),
        refused("http_authenticators", TEXT, "basic", OPEN),
        refused("http_credentials", PATH, "", OPEN),
        refused("authenticate_http_readwrite", SWITCH, "false", OPEN),
        refused("authenticate_http_readonly", SWITCH, "false", OPEN),
        refused("authenticate_http_executors", SWITCH, "false", OPEN),
        refused("jwt_secret_key", PATH, "", OPEN).alias(&["executor_secret_key"]),
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

const OPEN: &str =
    "there is no authentication and no authorization yet; leave it out only where the network is trusted";
