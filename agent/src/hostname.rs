//! The name of a machine by its address.

use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr};

use nix::sys::socket::{SockaddrLike, SockaddrStorage};

/// What the system's resolver says; the address itself if it says nothing. Blocks: it may ask a server.
pub(crate) fn of_address(ip: IpAddr) -> String {
    resolve(ip).unwrap_or_else(|| ip.to_string())
}

fn resolve(ip: IpAddr) -> Option<String> {
    let address = SockaddrStorage::from(SocketAddr::new(ip, 0));
    let mut name = [0_u8; libc::NI_MAXHOST as usize];
    let length = libc::socklen_t::try_from(name.len()).expect("a small constant");
    // SAFETY: `address` is a socket address of `len()` bytes and `name` has room for `length` bytes.
    let failed = unsafe {
        libc::getnameinfo(
            address.as_ptr(),
            address.len(),
            name.as_mut_ptr().cast(),
            length,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if failed != 0 {
        return None;
    }
    CStr::from_bytes_until_nul(&name).ok()?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_a_name_and_a_documentation_address_is_its_own() {
        assert!(!of_address("127.0.0.1".parse().unwrap()).is_empty());
        assert_eq!(of_address("203.0.113.9".parse().unwrap()), "203.0.113.9");
    }
}
