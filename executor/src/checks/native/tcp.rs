//! Whether somebody listens at an address.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::checks::Finding;

pub(super) async fn look(address: SocketAddr) -> Finding {
    match TcpStream::connect(address).await {
        Ok(_) => Finding::Connected,
        Err(error) => Finding::Unconnected(format!("connect to {address}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_is_found_and_a_closed_port_says_why() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();

        let open = look(address).await;
        drop(listener);
        let closed = look(address).await;

        assert_eq!(open, Finding::Connected);
        let why = format!("connect to {address}: Connection refused (os error 111)");
        assert_eq!(closed, Finding::Unconnected(why));
    }
}
