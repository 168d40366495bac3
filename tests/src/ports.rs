//! Ports for servers that are started later, by somebody else.
//!
//! One that the kernel gave away and took back goes to the next who asks for any: in the same second, in another test. These are
//! none that it gives away, and no two tests hold the same one.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Below those that the kernel gives to whoever asks for any (`ip_local_port_range`), and below what our agents offer by default.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// Ports nobody listens on, which are this test's until it is dropped.
#[derive(Debug)]
pub struct Ports {
    numbers: Vec<u16>,
    /// The kernel gives these names back whatever becomes of the test.
    _claims: Vec<UnixListener>,
}

impl Ports {
    /// Claims that many.
    ///
    /// # Panics
    /// There are not that many.
    pub fn free(count: usize) -> Ports {
        // Not the same ones for every process, so that it seldom looks twice.
        let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or_default();
        let candidates = (0..COUNT).map(|step| FIRST + (start + step) % COUNT);
        let claimed: Vec<_> = candidates.filter_map(|port| Some((port, claim(port)?))).take(count).collect();
        assert_eq!(claimed.len(), count, "too few free ports");
        let (numbers, claims) = claimed.into_iter().unzip();
        Ports { numbers, _claims: claims }
    }

    /// Their numbers.
    pub fn numbers(&self) -> &[u16] {
        &self.numbers
    }

    /// As an agent's resources name them: each a range of its own.
    pub fn ranges(&self) -> String {
        let ranges = self.numbers.iter().map(|port| format!("{port}-{port}"));
        ranges.collect::<Vec<_>>().join(",")
    }
}

fn claim(port: u16) -> Option<UnixListener> {
    let name = SocketAddr::from_abstract_name(format!("tepui-test-port-{port}")).ok()?;
    let claim = UnixListener::bind_addr(&name).ok()?;
    TcpListener::bind(("0.0.0.0", port)).ok()?;
    Some(claim)
}
