//! Tickets: one short string that introduces a device to a relay.
//!
//! `CAIRN1` and the Base32 form (RFC 4648, no padding) of the bincode of a
//! [`Ticket`] followed by the first four bytes of its blake3 hash. Upper-case
//! letters and digits only, so that a QR code of it is small and it can be
//! read aloud.

use cairn_model::codec;
use cairn_model::{Hash, OrganizationId, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "CAIRN1";
const CHECK_BYTES: usize = 4;

/// What a device needs to enrol.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Where the relay listens, as `host:port`.
    pub address: String,
    /// The relay's key; the device talks to no other.
    pub relay: PublicKey,
    /// The organization.
    pub organization: OrganizationId,
    /// The one-time secret.
    pub secret: [u8; 16],
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// Why a text is not a ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// It does not start as tickets do.
    #[error("this is not a ticket: tickets start with {PREFIX}")]
    Prefix,
    /// It was mistyped or cut.
    #[error("the ticket is damaged: copy it again, whole")]
    Damaged,
}

impl Ticket {
    /// What the relay keeps of the secret.
    pub fn secret_hash(secret: &[u8; 16]) -> Hash {
        Hash::of(secret)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = codec::encode(self);
        let check = Hash::of(&bytes);
        bytes.extend_from_slice(&check.0[..CHECK_BYTES]);
        write!(f, "{PREFIX}{}", data_encoding::BASE32_NOPAD.encode(&bytes))
    }
}

/// Prints everything but the secret.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("address", &self.address)
            .field("relay", &self.relay)
            .field("organization", &self.organization)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let joined: String = text
            .split_whitespace()
            .collect::<String>()
            .to_ascii_uppercase();
        let body = joined.strip_prefix(PREFIX).ok_or(TicketError::Prefix)?;
        let bytes = data_encoding::BASE32_NOPAD
            .decode(body.as_bytes())
            .map_err(|_| TicketError::Damaged)?;
        let (ticket, check) = bytes
            .split_at_checked(bytes.len().saturating_sub(CHECK_BYTES))
            .ok_or(TicketError::Damaged)?;
        if check != &Hash::of(ticket).0[..CHECK_BYTES] {
            return Err(TicketError::Damaged);
        }
        codec::decode("ticket", ticket).map_err(|_| TicketError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            address: "relay.example:4433".into(),
            relay: PublicKey([1; 32]),
            organization: OrganizationId([2; 16]),
            secret: [3; 16],
            expires: Timestamp(4),
        }
    }

    #[test]
    fn a_ticket_survives_being_typed_in_lower_case_with_breaks() {
        let text = ticket().to_string();
        let typed = format!("{} \n{}", &text[..20].to_lowercase(), &text[20..]);
        assert_eq!(typed.parse(), Ok(ticket()));
    }

    #[test]
    fn a_damaged_ticket_is_noticed() {
        let text = ticket().to_string();
        assert_eq!("hello".parse::<Ticket>(), Err(TicketError::Prefix));
        assert_eq!("CAIRN1".parse::<Ticket>(), Err(TicketError::Damaged));
        assert_eq!(
            text[..text.len() - 8].parse::<Ticket>(),
            Err(TicketError::Damaged)
        );
        let other = text.replacen('A', "B", 3).replacen("CBIRN1", "CAIRN1", 1);
        assert_eq!(other.parse::<Ticket>(), Err(TicketError::Damaged));
    }

    #[test]
    fn a_ticket_never_prints_its_secret() {
        assert!(!format!("{:?}", ticket()).contains("[3,"));
    }
}
