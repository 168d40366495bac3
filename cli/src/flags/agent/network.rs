//! Networks of containers. All containers share the machine's network, so these matter only with isolators that
//! `--isolation` refuses.

use crate::flags::flag::{DURATION, Group, INTEGER, PATH, SWITCH, TEXT, accepted, refused};

pub static CONTAINER_NETWORK: Group = Group {
    title: "Networks",
    flags: &[
        refused("network_cni_plugins_dir", PATH, "", "containers share the machine's network; leave it out"),
        refused("network_cni_config_dir", PATH, "", "containers share the machine's network; leave it out"),
        accepted("network_cni_root_dir_persist", SWITCH, "false", NO_CNI),
        accepted("network_cni_metrics", SWITCH, "true", NO_CNI),
        accepted("container_ports_watch_interval", DURATION, "30secs", NO_PORTS),
        accepted("check_agent_port_range_only", SWITCH, "false", NO_PORTS),
        refused(
            "enforce_container_ports",
            SWITCH,
            "false",
            "ports of containers are not watched; leave it out",
        ),
        refused(
            "container_ports_isolated_range",
            TEXT,
            "",
            "ports of containers are not watched; leave it out",
        ),
    ],
};

pub static PORT_MAPPING: Group = Group {
    title: "Port mapping",
    flags: &[
        accepted("ephemeral_ports_per_container", INTEGER, "1024", NO_MAPPING),
        accepted("eth0_name", TEXT, "", NO_MAPPING),
        accepted("lo_name", TEXT, "", NO_MAPPING),
        refused("egress_rate_limit_per_container", TEXT, "", NO_LIMIT),
        refused("egress_rate_per_cpu", TEXT, "", NO_LIMIT),
        accepted("minimum_egress_rate_limit", TEXT, "", NO_MAPPING),
        accepted("maximum_egress_rate_limit", TEXT, "", NO_MAPPING),
        accepted("egress_ceil_limit", TEXT, "", NO_MAPPING),
        accepted("egress_burst", TEXT, "", NO_MAPPING),
        accepted("egress_unique_flow_per_container", SWITCH, "false", NO_MAPPING),
        accepted("egress_flow_classifier_parent", TEXT, "root", NO_MAPPING),
        refused("ingress_rate_limit_per_container", TEXT, "", NO_LIMIT),
        refused("ingress_rate_per_cpu", TEXT, "", NO_LIMIT),
        accepted("minimum_ingress_rate_limit", TEXT, "", NO_MAPPING),
        accepted("maximum_ingress_rate_limit", TEXT, "", NO_MAPPING),
        accepted("ingress_ceil_limit", TEXT, "", NO_MAPPING),
        accepted("ingress_burst", TEXT, "", NO_MAPPING),
        accepted("ingress_isolate_existing_containers", SWITCH, "true", NO_MAPPING),
        accepted("network_link_speed", TEXT, "", NO_MAPPING),
        accepted("network_enable_socket_statistics_summary", SWITCH, "false", NO_MAPPING),
        accepted("network_enable_socket_statistics_details", SWITCH, "false", NO_MAPPING),
        accepted("network_enable_snmp_statistics", SWITCH, "false", NO_MAPPING),
        accepted("network_enable_rate_statistics", SWITCH, "false", NO_MAPPING),
        accepted("network_rate_statistics_window", DURATION, "", NO_MAPPING),
        accepted("network_rate_statistics_interval", DURATION, "", NO_MAPPING),
    ],
};

const NO_CNI: &str = "the isolator network/cni, which --isolation refuses, would use it";
const NO_PORTS: &str = "the isolator network/ports, which --isolation refuses, would use it";
const NO_MAPPING: &str = "the isolator network/port_mapping, which --isolation refuses, would use it";
const NO_LIMIT: &str = "the traffic of containers is not limited; leave it out";
