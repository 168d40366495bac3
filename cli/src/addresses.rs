//! Where a daemon listens and what others call it, from its flags and the machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::flags::Parsed;

/// A daemon's addresses.
#[derive(Debug, PartialEq, Eq)]
pub struct Addresses {
    pub listen: SocketAddr,
    /// Port 0 stands for the port that is listened on.
    pub advertise: Option<SocketAddr>,
    /// The name others are told; they should be able to look it up.
    pub hostname: String,
}

impl Addresses {
    /// As in Mesos: without `--ip` on every interface, and others are told the address of this machine's name.
    pub fn of(flags: &Parsed) -> Result<Self> {
        let port = port(flags, "port")?.unwrap_or_default();
        let ip = match flags.address("ip") {
            Some(ip) => Some(ip),
            None => flags.text("ip_discovery_command").map(discover).transpose()?,
        };
        let listen = SocketAddr::new(ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port);
        let reached = match flags.address("advertise_ip") {
            Some(ip) => ip,
            None if listen.ip().is_unspecified() => own_address(),
            None => listen.ip(),
        };
        let advertise = SocketAddr::new(reached, port_or(flags, "advertise_port", port)?);
        let hostname = match flags.text("hostname") {
            Some(name) => name.to_owned(),
            None if flags.switch("hostname_lookup") => name_of(reached),
            None => reached.to_string(),
        };
        Ok(Self { listen, advertise: (advertise != listen).then_some(advertise), hostname })
    }
}

fn port(flags: &Parsed, name: &str) -> Result<Option<u16>> {
    let Some(number) = flags.integer(name) else { return Ok(None) };
    let port = u16::try_from(number).ok();
    Ok(Some(port.with_context(|| format!("--{name}: {number} is no port; the greatest is 65535"))?))
}

fn port_or(flags: &Parsed, name: &str, otherwise: u16) -> Result<u16> {
    Ok(port(flags, name)?.unwrap_or(otherwise))
}

/// What the operator's command prints.
fn discover(command: &str) -> Result<IpAddr> {
    let output = Command::new("/bin/sh").args(["-c", command]).output();
    let output = output.with_context(|| format!("--ip_discovery_command: run '{command}'"))?;
    ensure!(output.status.success(), "--ip_discovery_command: '{command}' failed: {}", output.status);
    let printed = String::from_utf8_lossy(&output.stdout);
    match printed.trim().parse() {
        Ok(ip) => Ok(ip),
        Err(_) => {
            bail!("--ip_discovery_command: '{command}' printed '{}', which is no address", printed.trim())
        }
    }
}

/// The address that this machine's name stands for; loopback where it stands for none, or nothing but the daemon
/// itself could reach it.
fn own_address() -> IpAddr {
    let found = host().and_then(|name| lookup(&name).into_iter().find(IpAddr::is_ipv4));
    found.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// A name that stands for the address; else the address itself, so that whoever looks it up finds us.
fn name_of(ip: IpAddr) -> String {
    // The machine's own name may stand for loopback here and for another address on every other machine.
    let names = if ip.is_loopback() { Some("localhost".to_owned()) } else { host() };
    names.into_iter().find(|name| lookup(name).contains(&ip)).unwrap_or_else(|| ip.to_string())
}

fn host() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

fn lookup(name: &str) -> Vec<IpAddr> {
    (name, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{MASTER, parse};

    fn addresses(line: &str) -> Result<Addresses> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        Addresses::of(&parse(&MASTER, &arguments, &[], &read)?)
    }

    #[test]
    fn one_address_serves_both_ends() {
        let found = addresses("--ip=127.0.0.1 --port=0 --hostname=m").expect("addresses");

        let listen = "127.0.0.1:0".parse().expect("an address");
        assert_eq!(found, Addresses { listen, advertise: None, hostname: "m".to_owned() });
    }

    #[test]
    fn others_may_be_told_another_address() {
        let line = "--ip=127.0.0.1 --advertise_ip=10.0.0.9 --advertise_port=80 --no-hostname_lookup";

        let found = addresses(line).expect("addresses");

        assert_eq!(found.listen.to_string(), "127.0.0.1:5050");
        assert_eq!(found.advertise, Some("10.0.0.9:80".parse().expect("an address")));
        assert_eq!(found.hostname, "10.0.0.9");
    }

    #[test]
    fn without_an_address_every_interface_listens_and_one_is_told() {
        let found = addresses("--port=0").expect("addresses");

        assert!(found.listen.ip().is_unspecified());
        assert!(found.advertise.is_some_and(|told| !told.ip().is_unspecified()));
    }

    #[test]
    fn a_command_may_find_the_address() {
        let run = |command: &str| discover(command).map_err(|error| error.to_string());

        assert_eq!(run("echo 10.1.2.3"), Ok(IpAddr::from([10, 1, 2, 3])));
        let printed = "--ip_discovery_command: 'echo here' printed 'here', which is no address";
        assert_eq!(run("echo here"), Err(printed.to_owned()));
        assert!(run("exit 3").is_err());
    }

    #[test]
    fn a_port_has_sixteen_bits() {
        let error = addresses("--port=65536").expect_err("too great");

        assert_eq!(error.to_string(), "--port: 65536 is no port; the greatest is 65535");
    }
}
