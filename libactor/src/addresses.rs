//! The node of a program that is configured as libprocess is: addresses and TLS from `LIBPROCESS_…` variables.

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::builder::Builder;
use crate::node::Node;
use crate::tls::{self, EnvironmentError};

/// What libprocess takes from the environment and this crate does not, and why that is no loss.
const WITHOUT_EFFECT: [(&str, &str); 5] = [
    ("LIBPROCESS_NUM_WORKER_THREADS", "each actor has its thread, and the transport one of its own"),
    ("LIBPROCESS_ENABLE_PROFILER", "there is no profiler inside; perf works"),
    ("LIBPROCESS_MEMORY_PROFILING", "there is no profiler inside; heaptrack works"),
    ("LIBPROCESS_METRICS_SNAPSHOT_ENDPOINT_RATE_LIMIT", "a snapshot is cheap and not limited"),
    ("LIBPROCESS_IP6", "one address is listened on; LIBPROCESS_IP may be an IPv6 one"),
];

/// See [`Builder::require_peer_match`].
const PEER_MATCH: &str = "LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH";

impl Builder {
    /// A builder that listens on `LIBPROCESS_IP` (else on `ip`) and `LIBPROCESS_PORT` (else on any port), tells others
    /// `LIBPROCESS_ADVERTISE_IP` and `LIBPROCESS_ADVERTISE_PORT`, and speaks TLS as `LIBPROCESS_SSL_…` say. What has no effect
    /// here is warned about.
    ///
    /// # Errors
    /// A variable has a value that cannot be.
    pub fn from_environment(ip: IpAddr) -> Result<Builder, EnvironmentError> {
        let lookup = |name: &str| env::var(name).ok();
        for warning in without_effect(lookup) {
            tracing::warn!("{warning}");
        }
        let (listen, advertise) = addresses(ip, lookup)?;
        let builder = Node::builder().listen(listen).advertise(advertise).tls(tls::from_environment()?);
        Ok(builder.require_peer_match(requires_peer_match(lookup)?))
    }
}

/// Whether `LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH` is set: what a daemon gives to [`Builder::require_peer_match`].
///
/// # Errors
/// It is neither true nor false.
pub fn requires_peer_match(lookup: impl Fn(&str) -> Option<String>) -> Result<bool, EnvironmentError> {
    match lookup(PEER_MATCH).unwrap_or_default().as_str() {
        "true" | "1" => Ok(true),
        value if is_off(value) => Ok(false),
        other => Err(EnvironmentError::new(PEER_MATCH, other, "neither true nor false")),
    }
}

/// One line for each variable that is set and changes nothing.
pub fn without_effect(lookup: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let set = WITHOUT_EFFECT.iter().filter(|(name, _)| lookup(name).is_some_and(|value| !is_off(&value)));
    set.map(|(name, why)| format!("{name} changes nothing: {why}")).collect()
}

fn is_off(value: &str) -> bool {
    ["", "0", "false"].contains(&value)
}

fn addresses(
    ip: IpAddr,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<(SocketAddr, Option<SocketAddr>), EnvironmentError> {
    let address = |name| parsed::<IpAddr>(name, &lookup, "no IP address");
    let port = |name| parsed::<u16>(name, &lookup, "no port: a number below 65536");
    let listen = SocketAddr::new(
        address("LIBPROCESS_IP")?.unwrap_or(ip),
        port("LIBPROCESS_PORT")?.unwrap_or_default(),
    );
    let told = (address("LIBPROCESS_ADVERTISE_IP")?, port("LIBPROCESS_ADVERTISE_PORT")?);
    let advertise = match told {
        (None, None) => None,
        // Port 0 stands for the one that is taken.
        (ip, port) => Some(SocketAddr::new(ip.unwrap_or(listen.ip()), port.unwrap_or(listen.port()))),
    };
    Ok((listen, advertise))
}

fn parsed<T: FromStr>(
    name: &str,
    lookup: impl Fn(&str) -> Option<String>,
    problem: &'static str,
) -> Result<Option<T>, EnvironmentError> {
    let Some(value) = lookup(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| EnvironmentError::new(name, &value, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn read(variables: &[(&str, &str)]) -> Result<String, String> {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let (listen, advertise) = addresses(LOOPBACK, lookup).map_err(|error| error.to_string())?;
        Ok(format!("{listen} {}", advertise.map_or("-".into(), |address| address.to_string())))
    }

    #[test]
    fn the_environment_says_where_a_node_listens_and_what_others_are_told() {
        assert_eq!(read(&[]).unwrap(), "127.0.0.1:0 -");
        assert_eq!(
            read(&[("LIBPROCESS_IP", "10.0.0.1"), ("LIBPROCESS_PORT", "99")]).unwrap(),
            "10.0.0.1:99 -"
        );
        assert_eq!(read(&[("LIBPROCESS_ADVERTISE_IP", "::1")]).unwrap(), "127.0.0.1:0 [::1]:0");
        let both = [("LIBPROCESS_PORT", "7"), ("LIBPROCESS_ADVERTISE_PORT", "8")];
        assert_eq!(read(&both).unwrap(), "127.0.0.1:7 127.0.0.1:8");
        assert_eq!(read(&[("LIBPROCESS_IP", "here")]).unwrap_err(), "LIBPROCESS_IP=here: no IP address");
        assert_eq!(
            read(&[("LIBPROCESS_PORT", "65536")]).unwrap_err(),
            "LIBPROCESS_PORT=65536: no port: a number below 65536"
        );
    }

    #[test]
    fn peers_must_match_where_the_environment_says_so() {
        let read =
            |value: &'static str| requires_peer_match(|name| (name == PEER_MATCH).then(|| value.to_owned()));

        assert_eq!(
            ["true", "1", "", "0", "false"].map(|value| read(value).unwrap()),
            [true, true, false, false, false]
        );
        assert_eq!(
            read("yes").unwrap_err().to_string(),
            "LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH=yes: neither true nor false"
        );
        assert!(!requires_peer_match(|_| None).unwrap());
    }

    #[test]
    fn what_changes_nothing_is_told_once_each() {
        let lookup = |name: &str| match name {
            "LIBPROCESS_NUM_WORKER_THREADS" => Some("8".to_owned()),
            "LIBPROCESS_ENABLE_PROFILER" => Some("false".to_owned()),
            _ => None,
        };

        let warnings = without_effect(lookup);

        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("LIBPROCESS_NUM_WORKER_THREADS changes nothing: "));
    }
}
