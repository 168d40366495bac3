//! Who a framework is and which master it talks to.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use tepui_model::Credential;
use tepui_proto::v1;
use v1::framework_info::capability::Type as Capability;

/// How long the master keeps a framework that went away, unless it says otherwise. Long enough for a restart of either.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Memory for the last messages of a framework in a process of its own: some sixty thousand.
const FLIGHT_RECORDER: usize = 4 << 20;

/// A framework's registration. Built once, before it runs.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) master: MasterAddress,
    pub(crate) framework: v1::FrameworkInfo,
    pub(crate) explicit_acknowledgements: bool,
    pub(crate) flight_recorder: usize,
    pub(crate) credential: Option<Credential>,
}

/// Where a master is, and by which way to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterAddress {
    /// `host:port` or `http://host:port`: the HTTP scheduler API, with TLS if `LIBPROCESS_SSL_ENABLED` says so.
    Http(String),
    /// `https://host:port`: the same, with TLS in any case.
    Https(String),
    /// `master@ip:port`: actor messages.
    Actor(libactor::Pid),
}

/// Text that is no master's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a master's address: write host:port (HTTP) or master@ip:port (actor messages)")]
pub struct InvalidMasterAddress(String);

impl FromStr for MasterAddress {
    type Err = InvalidMasterAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidMasterAddress(text.to_string());
        if text.contains('@') {
            return text.parse().map(MasterAddress::Actor).map_err(|_| invalid());
        }
        let secure = text.strip_prefix("https://");
        let host = secure.or(text.strip_prefix("http://")).unwrap_or(text).trim_end_matches('/');
        let port = host
            .rsplit_once(':')
            .filter(|(name, _)| !name.is_empty())
            .and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() || host.contains('/') {
            return Err(invalid());
        }
        let host = host.to_string();
        Ok(if secure.is_some() { MasterAddress::Https(host) } else { MasterAddress::Http(host) })
    }
}

impl From<SocketAddr> for MasterAddress {
    fn from(address: SocketAddr) -> Self {
        MasterAddress::Http(address.to_string())
    }
}

impl fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterAddress::Http(host) => f.write_str(host),
            MasterAddress::Https(host) => write!(f, "https://{host}"),
            MasterAddress::Actor(pid) => write!(f, "{pid}"),
        }
    }
}

impl Settings {
    /// A framework of this name, running as the current user in role `*`, checkpointing, understanding partitions.
    #[must_use]
    pub fn new(name: impl Into<String>, master: MasterAddress) -> Self {
        let capabilities = [
            Capability::MultiRole,
            Capability::PartitionAware,
            Capability::ReservationRefinement,
            Capability::TaskKillingState,
        ];
        let capability = |kind| v1::framework_info::Capability { r#type: Some(kind as i32) };
        let framework = v1::FrameworkInfo {
            user: current_user(),
            name: name.into(),
            roles: vec!["*".into()],
            checkpoint: Some(true),
            failover_timeout: Some(FAILOVER_TIMEOUT.as_secs_f64()),
            capabilities: capabilities.map(capability).into(),
            ..v1::FrameworkInfo::default()
        };
        Settings {
            master,
            framework,
            explicit_acknowledgements: false,
            flight_recorder: FLIGHT_RECORDER,
            credential: None,
        }
    }

    /// Resumes the framework of this id: its tasks live on.
    #[must_use]
    pub fn resume(mut self, id: impl Into<String>) -> Self {
        self.framework.id = Some(v1::FrameworkId { value: id.into() });
        self
    }

    /// Subscribes to these roles instead of `*`.
    #[must_use]
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.framework.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Runs tasks as this user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.framework.user = user.into();
        self
    }

    /// Shows a master that asks for it who this is, and subscribes as that principal. Over HTTP: masters that authenticate actors take
    /// frameworks of this kind over HTTP only.
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Self {
        self.framework.principal = Some(credential.principal.clone());
        self.credential = Some(credential);
        self
    }

    /// Memory for the last messages, which `tepui trace` shows, in bytes; 4 MiB unless set. For [`run`](crate::run), where the
    /// framework has a process of its own.
    #[must_use]
    pub fn flight_recorder(mut self, bytes: usize) -> Self {
        self.flight_recorder = bytes;
        self
    }

    /// How long the master keeps the framework and its tasks while it is away; 10 minutes unless set.
    #[must_use]
    pub fn failover_timeout(mut self, timeout: Duration) -> Self {
        self.framework.failover_timeout = Some(timeout.as_secs_f64());
        self
    }

    /// Whether agents checkpoint this framework's tasks so that they outlive a restart of the agent; on unless turned off.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: bool) -> Self {
        self.framework.checkpoint = Some(checkpoint);
        self
    }

    /// Leaves acknowledging to the framework ([`crate::Context::acknowledge`]).
    #[must_use]
    pub fn explicit_acknowledgements(mut self) -> Self {
        self.explicit_acknowledgements = true;
        self
    }

    /// Anything else of the registration.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut v1::FrameworkInfo)) -> Self {
        change(&mut self.framework);
        self
    }
}

fn current_user() -> String {
    let known = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    known.map_or_else(|| "root".into(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masters_address_tells_the_way_to_talk_to_it() {
        let text =
            |input: &str| input.parse::<MasterAddress>().map(|a| format!("{a:?}")).map_err(|e| e.to_string());

        assert_eq!(text("localhost:5050").unwrap(), "Http(\"localhost:5050\")");
        assert_eq!(text("http://10.0.0.1:5050/").unwrap(), "Http(\"10.0.0.1:5050\")");
        assert_eq!(text("https://10.0.0.1:5050").unwrap(), "Https(\"10.0.0.1:5050\")");
        assert!(text("master@127.0.0.1:5050").unwrap().starts_with("Actor("));
        assert_eq!(
            text("zk://a:2181/mesos").unwrap_err(),
            "'zk://a:2181/mesos' is not a master's address: write host:port (HTTP) or master@ip:port (actor messages)"
        );
        assert!(text("localhost").is_err());
    }
}
