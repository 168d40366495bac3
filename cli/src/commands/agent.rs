//! `tepui agent`: from Mesos' flags to a running agent.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tepui_agent::{Config, Credentials, DockerFlags, Policy, Recover, realms};

use super::credentials;
use crate::addresses::Addresses;
use crate::daemon::{self, count, set, usable};
use crate::flags::{AGENT, Parsed};
use crate::logging;
use crate::signals::Signals;

/// The old spellings that executors may need. `SSL_CERT_FILE` is OpenSSL's as well.
const OLD_TLS: [&str; 7] = [
    "SSL_ENABLED",
    "SSL_CERT_FILE",
    "SSL_KEY_FILE",
    "SSL_CA_FILE",
    "SSL_CA_DIR",
    "SSL_VERIFY_CERT",
    "SSL_REQUIRE_CERT",
];

/// What Mesos calls it: the name of its log.
const PROGRAM: &str = "mesos-agent";

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some(flags) = daemon::flags(&AGENT, PROGRAM, arguments)? else { return Ok(ExitCode::SUCCESS) };
    let mut config = config(&flags)?;
    config.tls = libactor::tls::from_environment()?;
    config.require_peer_match = libactor::requires_peer_match(|name| std::env::var(name).ok())?;
    inherit(&mut config, std::env::vars_os());
    if let Some(warning) = unit_warning(&flags, std::env::var_os("INVOCATION_ID").is_some()) {
        tracing::warn!("{warning}");
    }
    let cleanup = config.recover == Recover::Cleanup;
    libactor::run(async {
        let mut signals = Signals::catch()?;
        let running = tepui_agent::start(config).await?;
        daemon::announce(&AGENT, running.address());
        tokio::select! {
            () = signals.end() => Ok(daemon::farewell(running.shutdown()).await),
            why = running.ended() => ended(cleanup, &why),
        }
    })
}

/// Mesos moves executors out of the unit, into a slice of their own; here they stay in it, and systemd kills with a unit
/// whatever is in it, unless the unit says otherwise. `in_unit`: systemd started this process.
fn unit_warning(flags: &Parsed, in_unit: bool) -> Option<&'static str> {
    (in_unit && flags.switch("systemd_enable_support")).then_some(
        "tasks survive a restart of this systemd unit only with the line KillMode=process below [Service] in its unit \
         file; --no-systemd_enable_support ends this warning",
    )
}

/// The agent ended by itself, which is right only for one that was started to clean up.
fn ended(cleanup: bool, why: &str) -> Result<ExitCode> {
    if !cleanup {
        bail!("the agent ended: {why}");
    }
    tracing::info!("{why}");
    Ok(ExitCode::SUCCESS)
}

/// The flags as the agent wants them.
pub fn config(flags: &Parsed) -> Result<Config> {
    let work_dir = flags
        .path("work_dir")
        .context("--work_dir is missing: name a folder for sandboxes and checkpoints")?;
    usable(&work_dir)?;
    let mut config = Config::new(master(flags)?, work_dir);
    address(flags, &mut config)?;
    config.log_file = logging::shown(PROGRAM, flags);
    set(&mut config.runtime_dir, flags.path("runtime_dir"));
    config.resources = flags.text("resources").map(str::to_owned);
    config.attributes = flags.text("attributes").map(str::to_owned);
    set(&mut config.default_role, flags.text("default_role").map(str::to_owned));
    set(&mut config.frameworks_home, flags.text("frameworks_home").map(str::to_owned));
    containers(flags, &mut config)?;
    containerizers(flags, &mut config)?;
    executors(flags, &mut config)?;
    recovery(flags, &mut config)?;
    set(&mut config.gc_delay, flags.duration("gc_delay"));
    set(&mut config.gc_disk_headroom, flags.real("gc_disk_headroom"));
    set(&mut config.disk_watch_interval, flags.duration("disk_watch_interval"));
    set(&mut config.fetcher_stall_timeout, flags.duration("fetcher_stall_timeout"));
    set(&mut config.registration_backoff_factor, flags.duration("registration_backoff_factor"));
    authentication(flags, &mut config)?;
    let closed = [
        ("authenticate_http_readonly", realms::READ_ONLY),
        ("authenticate_http_readwrite", realms::READ_WRITE),
    ];
    config.door = credentials::door(flags, &closed, "http_credentials")?;
    set(&mut config.flight_recorder_size, flags.size("flight_recorder_size"));
    config.flags = flags.texts(&AGENT);
    // Where nobody says, it depends on the user, and the agent knows what it became.
    if !flags.is_given("isolation") {
        config.flags.remove("isolation");
    }
    // It may hold passwords, and whoever may ask for the flags may not know those.
    config.flags.remove("docker_config");
    Ok(config)
}

/// `HOST:PORT` of the master.
fn master(flags: &Parsed) -> Result<String> {
    let Some(text) = flags.text("master") else { bail!("--master is missing: write --master=HOST:PORT") };
    if text.starts_with("zk://") {
        bail!("--master: there is no election through ZooKeeper yet; write --master=HOST:PORT");
    }
    let plain = text.strip_prefix("http://").or(text.strip_prefix("https://")).unwrap_or(text);
    let plain = plain.trim_end_matches('/');
    let plain = plain.split_once('@').map_or(plain, |(_, address)| address);
    let port = plain.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then_some(port));
    if port.is_none_or(|port| port.parse::<u16>().is_err()) {
        bail!("--master: '{text}' is no address; write --master=HOST:PORT");
    }
    Ok(plain.to_owned())
}

fn address(flags: &Parsed, config: &mut Config) -> Result<()> {
    let Addresses { listen, advertise, hostname } = Addresses::of(flags)?;
    config.ip = listen.ip();
    config.port = listen.port();
    config.advertise_ip = advertise.map(|address| address.ip());
    config.advertise_port = advertise.map(|address| address.port()).filter(|port| *port != 0);
    config.hostname = Some(hostname);
    config.hostname_lookup = flags.switch("hostname_lookup");
    Ok(())
}

fn containers(flags: &Parsed, config: &mut Config) -> Result<()> {
    if let Some(text) = flags.text("launcher") {
        config.launcher = Some(text.parse().map_err(|why| anyhow::anyhow!("--launcher: {why}"))?);
    }
    if flags.is_given("isolation") {
        config.isolation = Some(flags.text("isolation").unwrap_or_default().parse().context("--isolation")?);
    }
    set(&mut config.cgroups_root, flags.text("cgroups_root").map(str::to_owned));
    config.cgroups_enable_cfs = flags.switch("cgroups_enable_cfs");
    config.cgroups_limit_swap = flags.switch("cgroups_limit_swap");
    set(&mut config.cgroups_destroy_timeout, flags.duration("cgroups_destroy_timeout"));
    set(&mut config.container_disk_watch_interval, flags.duration("container_disk_watch_interval"));
    config.enforce_container_disk_quota = flags.switch("enforce_container_disk_quota");
    config.switch_user = flags.switch("switch_user");
    Ok(())
}

/// What the master is shown.
fn authentication(flags: &Parsed, config: &mut Config) -> Result<()> {
    config.credential = credentials::of_one(flags)?;
    let patience = &mut config.authentication;
    set(&mut patience.backoff_factor, flags.duration("authentication_backoff_factor"));
    set(&mut patience.timeout_min, flags.duration("authentication_timeout_min"));
    set(&mut patience.timeout_max, flags.duration("authentication_timeout_max"));
    if patience.timeout_min > patience.timeout_max {
        bail!("--authentication_timeout_min is longer than --authentication_timeout_max; raise the latter");
    }
    Ok(())
}

/// Which are there. Their order means nothing: a task says which one it wants by the type of its container.
fn containerizers(flags: &Parsed, config: &mut Config) -> Result<()> {
    let named: Vec<&str> =
        flags.text("containerizers").unwrap_or("mesos").split(',').map(str::trim).collect();
    if let Some(unknown) = named.iter().find(|name| !["mesos", "native", "docker"].contains(name)) {
        bail!("--containerizers: '{unknown}' is none; write mesos, docker, or docker,mesos");
    }
    config.native = named.iter().any(|name| *name != "docker");
    if named.contains(&"docker") {
        config.docker = Some(docker(flags)?);
    }
    Ok(())
}

fn docker(flags: &Parsed) -> Result<DockerFlags> {
    let given = flags.is_given("docker_socket").then(|| flags.text("docker_socket")).flatten();
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let socket = given.map(str::to_owned).or(host).unwrap_or_else(|| "/var/run/docker.sock".into());
    let config = flags.text("docker_config").filter(|text| !text.is_empty());
    let config =
        config.map(|text| match text.strip_prefix("file://").or(text.strip_prefix('/').map(|_| text)) {
            Some(path) => {
                std::fs::read_to_string(path).with_context(|| format!("--docker_config: read {path}"))
            }
            None => Ok(text.to_owned()),
        });
    let config = config.transpose()?.map(Credentials::parse).transpose().context("--docker_config")?;
    Ok(DockerFlags {
        socket,
        config,
        remove_delay: flags.duration("docker_remove_delay").unwrap_or(Duration::from_secs(6 * 3600)),
        kill_orphans: flags.switch("docker_kill_orphans"),
        sandbox_directory: flags.text("sandbox_directory").unwrap_or("/mnt/mesos/sandbox").to_owned(),
    })
}

fn executors(flags: &Parsed, config: &mut Config) -> Result<()> {
    set(&mut config.executor_registration_timeout, flags.duration("executor_registration_timeout"));
    set(&mut config.executor_shutdown_grace_period, flags.duration("executor_shutdown_grace_period"));
    set(
        &mut config.max_completed_executors_per_framework,
        count(flags, "max_completed_executors_per_framework")?,
    );
    if let Some(text) = flags.text("executor_environment_variables") {
        config.executor_environment_variables = variables(text)?;
    }
    Ok(())
}

/// What executors need to talk to this agent, where the operator does not say otherwise: its TLS, as they would find it here, and
/// its address, as Mesos' agents pass it on.
pub fn inherit(config: &mut Config, environment: impl Iterator<Item = (OsString, OsString)>) {
    for (name, value) in environment {
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
        if name.starts_with("LIBPROCESS_SSL_") || OLD_TLS.contains(&name.as_str()) || name == "LIBPROCESS_IP"
        {
            config.executor_environment_variables.entry(name).or_insert(value);
        }
    }
}

/// An object of texts.
fn variables(text: &str) -> Result<BTreeMap<String, String>> {
    let wrong = "--executor_environment_variables: write a JSON object of texts, such as {\"PATH\":\"/bin\"}";
    let object: BTreeMap<String, Value> = serde_json::from_str(text).context(wrong)?;
    let pair = |(name, value): (String, Value)| match value {
        Value::String(value) => Ok((name, value)),
        other => bail!("{wrong}; {name} is {other}"),
    };
    object.into_iter().map(pair).collect()
}

fn recovery(flags: &Parsed, config: &mut Config) -> Result<()> {
    config.recover = match flags.text("recover").unwrap_or_default() {
        "reconnect" => Recover::Reconnect,
        "cleanup" => Recover::Cleanup,
        other => bail!("--recover: '{other}' is not known; write reconnect or cleanup"),
    };
    config.reconfiguration_policy = match flags.text("reconfiguration_policy").unwrap_or_default() {
        "equal" => Policy::Equal,
        "additive" => Policy::Additive,
        other => bail!("--reconfiguration_policy: '{other}' is not known; write equal or additive"),
    };
    config.strict = flags.switch("strict");
    set(&mut config.recovery_timeout, flags.duration("recovery_timeout"));
    set(&mut config.executor_reregistration_timeout, flags.duration("executor_reregistration_timeout"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::parse;

    fn parsed(line: &str) -> Result<Parsed> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        Ok(parse(&AGENT, &arguments, &[], &read)?)
    }

    fn configured(line: &str) -> Result<Config> {
        config(&parsed(line)?)
    }

    #[test]
    fn an_agent_in_a_systemd_unit_says_what_the_unit_needs() {
        let plain = parsed("--quiet").expect("flags");
        let silenced = parsed("--no-systemd_enable_support").expect("flags");

        let said = unit_warning(&plain, true).expect("a warning");
        assert!(said.contains("KillMode=process below [Service]"), "{said}");
        assert_eq!(unit_warning(&plain, false), None);
        assert_eq!(unit_warning(&silenced, true), None);
    }

    #[test]
    fn executors_inherit_tls_and_nothing_else_of_the_agent() {
        let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let mut config = Config::new("m:5050", "/w");
        config
            .executor_environment_variables
            .insert("LIBPROCESS_SSL_KEY_FILE".to_owned(), "/given".to_owned());

        let environment = [
            ("LIBPROCESS_SSL_ENABLED", "1"),
            ("LIBPROCESS_SSL_KEY_FILE", "/agent"),
            ("LIBPROCESS_PORT", "7"),
            ("HOME", "/"),
        ];
        inherit(&mut config, environment.into_iter().map(|(name, value)| pair(name, value)));

        let texts: Vec<_> = config
            .executor_environment_variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(texts, ["LIBPROCESS_SSL_ENABLED=1", "LIBPROCESS_SSL_KEY_FILE=/given"]);
    }

    #[test]
    fn without_flags_the_settings_are_mesos_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let line =
            format!("--ip=127.0.0.1 --hostname=h --master=m:5050 --work_dir={}", folder.path().display());

        let ours = configured(&line).expect("a configuration");

        let mut mesos = Config::new("m:5050", folder.path());
        mesos.hostname = Some("h".to_owned());
        mesos.flags = ours.flags.clone();
        assert_eq!(format!("{ours:#?}"), format!("{mesos:#?}"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = |line: &str| {
            let line = line.replace("DIR", &folder.path().display().to_string());
            format!("{:#}", configured(&line).expect_err("no configuration"))
        };

        assert_eq!(error("--quiet"), "--work_dir is missing: name a folder for sandboxes and checkpoints");
        assert_eq!(error("--work_dir=DIR"), "--master is missing: write --master=HOST:PORT");
        assert_eq!(
            error("--work_dir=DIR --master=zk://a:2181/mesos"),
            "--master: there is no election through ZooKeeper yet; write --master=HOST:PORT"
        );
        assert_eq!(
            error("--work_dir=DIR --master=here"),
            "--master: 'here' is no address; write --master=HOST:PORT"
        );
        assert_eq!(
            error("--work_dir=DIR --master=m:1 --recover=never"),
            "--recover: 'never' is not known; write reconnect or cleanup"
        );
        assert!(
            error("--work_dir=DIR --master=m:1 --isolation=gpu/nvidia")
                .starts_with("--isolation: unknown isolator")
        );
        assert!(
            error(r#"--work_dir=DIR --master=m:1 --executor_environment_variables={"A":1}"#)
                .ends_with("A is 1")
        );
    }
}
