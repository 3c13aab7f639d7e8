//! Addresses as people write them, `host:port`, made into sockets' addresses.

use std::io;
use std::net::SocketAddr;

use crate::limit::ADDRESSES_MAX;

/// Why a text leads nowhere. The caller's mistake, or the name service's.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not of the form `host:port`.
    #[error(
        "`{text}` is not an address: write host:port, such as relay.example.org:4433 or 127.0.0.1:4433"
    )]
    Malformed {
        /// What was given.
        text: String,
    },
    /// The name could not be looked up.
    #[error(
        "no address was found for `{text}`; check the name, and whether this machine is online"
    )]
    NotFound {
        /// What was given.
        text: String,
        /// What the name service said.
        #[source]
        source: Option<io::Error>,
    },
}

/// The first [`ADDRESSES_MAX`] addresses of `text`, at least one.
pub(crate) async fn resolve(text: &str) -> Result<Vec<SocketAddr>, AddressError> {
    let well_formed = text
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !well_formed {
        return Err(AddressError::Malformed {
            text: text.to_owned(),
        });
    }
    let not_found = |source| AddressError::NotFound {
        text: text.to_owned(),
        source,
    };
    let found = tokio::net::lookup_host(text)
        .await
        .map_err(|error| not_found(Some(error)))?;
    let addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
    if addresses.is_empty() {
        return Err(not_found(None));
    }
    Ok(addresses)
}
