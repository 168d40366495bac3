//! `tepui master`: from Mesos' flags to a running master.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tepui_master::{Authentication, Config, RateLimits, RegistryStorage, Sorting, realms};
use tepui_model::basic::Door;
use tepui_model::{ResourceName, ResourceQuantities, Role};

use super::credentials;
use crate::addresses::Addresses;
use crate::daemon::{self, count, set, usable};
use crate::flags::{MASTER, Parsed};
use crate::logging;
use crate::signals::Signals;

/// What Mesos calls it: the name of its log.
const PROGRAM: &str = "mesos-master";

pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some(flags) = daemon::flags(&MASTER, PROGRAM, arguments)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut config = config(&flags)?;
    config.tls = libactor::tls::from_environment()?;
    config.require_peer_match = libactor::requires_peer_match(|name| std::env::var(name).ok())?;
    config.core.https_agents = config.tls.is_some();
    libactor::run(async {
        let mut signals = Signals::catch()?;
        let running = tepui_master::start(config).await?;
        daemon::announce(&MASTER, running.address());
        signals.end().await;
        Ok(daemon::farewell(running.shutdown()).await)
    })
}

/// The flags as the master wants them.
pub fn config(flags: &Parsed) -> Result<Config> {
    let Addresses { listen, advertise, hostname } = Addresses::of(flags)?;
    let mut config = Config::new(listen, registry(flags)?);
    config.advertise = advertise;
    config.hostname = Some(hostname);
    set(&mut config.allocation_interval, flags.duration("allocation_interval"));
    if let Some(text) = flags.text("min_allocatable_resources") {
        let quantities = ResourceQuantities::parse_alternatives(text);
        config.min_allocatable_resources = quantities.context("--min_allocatable_resources")?;
    }
    config.filter_gpu_resources = flags.switch("filter_gpu_resources");
    if let Some(text) = flags.text("fair_sharing_excluded_resource_names") {
        config.excluded_from_sharing = list(text).map(ResourceName::from).collect();
    }
    config.role_sorter = sorting(flags, "role_sorter")?;
    config.framework_sorter = sorting(flags, "framework_sorter")?;
    if let Some(text) = flags.text("weights") {
        config.core.weights = list(text).map(weight).collect::<Result<_>>()?;
    }
    if let Some(factor) = flags.real("allocator_agent_recovery_factor") {
        if !(0.0..=1.0).contains(&factor) {
            bail!("--allocator_agent_recovery_factor: {factor} is no part; write a number from 0 to 1");
        }
        config.recovery_factor = factor;
    }
    set(&mut config.recovery_timeout, flags.duration("allocator_recovery_timeout"));
    let whitelist = flags.text("whitelist").filter(|path| *path != "*");
    config.whitelist = whitelist.map(|path| path.strip_prefix("file://").unwrap_or(path).into());
    set(&mut config.registry_fetch_timeout, flags.duration("registry_fetch_timeout"));
    set(&mut config.registry_store_timeout, flags.duration("registry_store_timeout"));
    let subscribers = count(flags, "max_operator_event_stream_subscribers")?;
    set(&mut config.max_operator_event_stream_subscribers, subscribers);
    set(&mut config.flight_recorder_size, flags.size("flight_recorder_size"));
    config.log_file = logging::shown(PROGRAM, flags);
    config.authentication = authentication(flags)?;
    config.door = door(flags)?;
    set(&mut config.rate_limits, rate_limits(flags)?);
    config.per_framework_metrics = flags.switch("publish_per_framework_metrics");
    decide(flags, &mut config)?;
    config.flags = flags.texts(&MASTER);
    Ok(config)
}

/// Who must show who they are. A cluster that should be closed must not start open: there must be secrets to show.
fn authentication(flags: &Parsed) -> Result<Authentication> {
    let mut authentication = Authentication {
        frameworks: flags.switch("authenticate_frameworks"),
        agents: flags.switch("authenticate_agents"),
        credentials: credentials::of_all(flags, "credentials")?,
        ..Authentication::default()
    };
    set(&mut authentication.timeout, flags.duration("authentication_v0_timeout"));
    if authentication.credentials.is_none() && (authentication.frameworks || authentication.agents) {
        bail!(
            "--authenticate_frameworks or --authenticate_agents without --credentials: nobody could authenticate; name the \
             file of principals and secrets"
        );
    }
    if authentication.frameworks && !flags.switch("authenticate_http_frameworks") {
        tracing::warn!(
            "--authenticate_frameworks is about drivers; frameworks that come over HTTP are asked who they are with \
             --authenticate_http_frameworks"
        );
    }
    Ok(authentication)
}

/// What is closed over HTTP.
fn door(flags: &Parsed) -> Result<Door> {
    let realms = [
        ("authenticate_http_readonly", realms::READ_ONLY),
        ("authenticate_http_readwrite", realms::READ_WRITE),
        ("authenticate_http_frameworks", realms::SCHEDULER),
    ];
    credentials::door(flags, &realms, "credentials")
}

/// How often frameworks may speak: JSON, or a file of it, which Mesos takes with and without `file://`.
fn rate_limits(flags: &Parsed) -> Result<Option<RateLimits>> {
    let Some(text) = flags.text("rate_limits") else { return Ok(None) };
    let read = || std::fs::read_to_string(text).with_context(|| format!("--rate_limits: read {text}"));
    let text = if text.starts_with('/') { read()? } else { text.to_owned() };
    RateLimits::parse(&text).map(Some).context("--rate_limits")
}

fn registry(flags: &Parsed) -> Result<RegistryStorage> {
    match (flags.text("registry").unwrap_or_default(), flags.path("work_dir")) {
        ("in_memory", _) => Ok(RegistryStorage::InMemory),
        ("replicated_log", Some(work_dir)) => {
            usable(&work_dir)?;
            Ok(RegistryStorage::File { work_dir })
        }
        ("replicated_log", None) => bail!("--work_dir is missing: name a folder for the registry"),
        (other, _) => bail!("--registry: '{other}' is not known; write replicated_log or in_memory"),
    }
}

/// What decisions depend on.
fn decide(flags: &Parsed, config: &mut Config) -> Result<()> {
    let core = &mut config.core;
    set(&mut core.agent_ping_timeout, flags.duration("agent_ping_timeout"));
    set(&mut core.max_agent_ping_timeouts, count(flags, "max_agent_ping_timeouts")?);
    set(&mut core.agent_reregister_timeout, flags.duration("agent_reregister_timeout"));
    set(&mut core.recovery_agent_removal_limit, flags.real("recovery_agent_removal_limit"));
    core.offer_timeout = flags.duration("offer_timeout");
    set(&mut core.max_completed_frameworks, count(flags, "max_completed_frameworks")?);
    set(&mut core.max_completed_tasks_per_framework, count(flags, "max_completed_tasks_per_framework")?);
    set(&mut core.max_unreachable_tasks_per_framework, count(flags, "max_unreachable_tasks_per_framework")?);
    core.root_submissions = flags.switch("root_submissions");
    core.roles = flags.text("roles").map(roles);
    set(&mut core.registry_gc_interval, flags.duration("registry_gc_interval"));
    set(&mut core.registry_max_agent_age, flags.duration("registry_max_agent_age"));
    set(&mut core.registry_max_agent_count, count(flags, "registry_max_agent_count")?);
    Ok(())
}

fn roles(text: &str) -> BTreeSet<String> {
    list(text).map(str::to_owned).collect()
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn sorting(flags: &Parsed, name: &str) -> Result<Sorting> {
    match flags.text(name) {
        None | Some("drf") => Ok(Sorting::DominantShare),
        Some("random") => Ok(Sorting::Random),
        Some(other) => bail!("--{name}: '{other}' is not known; write drf or random"),
    }
}

fn weight(pair: &str) -> Result<(Role, f64)> {
    let weight = pair.split_once('=').and_then(|(role, weight)| Some((role, weight.parse::<f64>().ok()?)));
    match weight.filter(|(_, weight)| weight.is_finite() && *weight > 0.0) {
        Some((role, weight)) => Ok((Role::parse(role).context("--weights")?, weight)),
        None => bail!(
            "--weights: '{pair}' is not a weight; write role=number, such as web=2, with a number above 0"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::parse;

    fn configured(line: &str) -> Result<Config> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        config(&parse(&MASTER, &arguments, &[], &read)?)
    }

    #[test]
    fn without_flags_the_decisions_are_mesos_defaults() {
        let config = configured("--registry=in_memory").expect("a configuration");

        let mesos = Config::new(config.listen, RegistryStorage::InMemory);
        assert_eq!(config.core, mesos.core);
        assert_eq!(config.allocation_interval, mesos.allocation_interval);
        assert_eq!(config.min_allocatable_resources, mesos.min_allocatable_resources);
    }

    #[test]
    fn the_allocator_gets_its_flags() {
        let flags = "--registry=in_memory --role_sorter=random --weights=web=2,ads/eu=0.5";
        let config = configured(&format!("{flags} --fair_sharing_excluded_resource_names=gpus,license"));

        let config = config.expect("a configuration");
        assert_eq!((config.role_sorter, config.framework_sorter), (Sorting::Random, Sorting::DominantShare));
        let role = |name| Role::parse(name).expect("a role");
        assert_eq!(config.core.weights, [(role("web"), 2.0), (role("ads/eu"), 0.5)]);
        assert_eq!(config.excluded_from_sharing, ["gpus", "license"].map(ResourceName::from).into());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error = |line: &str| format!("{:#}", configured(line).expect_err("no configuration"));

        assert_eq!(error("--quiet"), "--work_dir is missing: name a folder for the registry");
        assert_eq!(
            error("--work_dir=/proc/none"),
            "--work_dir: /proc/none cannot be used; name a folder to write to: No such file or directory (os error 2)"
        );
        assert_eq!(
            error("--registry=in_memory --authenticate_frameworks"),
            "--authenticate_frameworks or --authenticate_agents without --credentials: nobody could authenticate; name the \
             file of principals and secrets"
        );
        assert!(
            error("--registry=in_memory --credentials=/proc/none")
                .starts_with("--credentials: read /proc/none")
        );
        assert_eq!(
            error(r#"--registry=in_memory --rate_limits={"limits":[{"principal":"a","qps":0}]}"#),
            "--rate_limits: limits of 'a': qps 0 is no rate; write a number above 0, or leave it out for no limit"
        );
        assert!(
            error("--registry=in_memory --rate_limits=/proc/none")
                .starts_with("--rate_limits: read /proc/none")
        );
        let sorter = "--registry=in_memory --role_sorter=fair";
        assert_eq!(error(sorter), "--role_sorter: 'fair' is not known; write drf or random");
        for wrong in ["web", "web=0", "web=NaN", "web=x"] {
            let why = "is not a weight; write role=number, such as web=2, with a number above 0";
            assert_eq!(
                error(&format!("--registry=in_memory --weights=a=1,{wrong}")),
                format!("--weights: '{wrong}' {why}")
            );
        }
        assert_eq!(
            error("--registry=disk"),
            "--registry: 'disk' is not known; write replicated_log or in_memory"
        );
    }
}
