//! QUIC endpoints and every setting of theirs that differs from the default.
//!
//! Three things are weighed against each other: a relay holds thousands of
//! idle devices in little memory, a first download fills the link, and one
//! live edit costs few bytes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{
    AckFrequencyConfig, AsyncUdpSocket, ClientConfig, ConnectionId, ConnectionIdGenerator,
    EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TokioRuntime, TransportConfig,
    VarInt,
};

use ring::hkdf;

use crate::identity::{Identity, PinnedRelay, device_tls, relay_tls};
use crate::limit::{EARLY_BYTES_MAX, HANDSHAKES_MAX, KEEP_ALIVE_TIME, SILENCE_TIME_MAX};
use crate::platform::{Clock, Platform};

/// Bytes in the connection ids that devices put on their packets to the relay.
/// Four random bytes tell 65,536 ids apart with one chance in 65,536 that a
/// stray packet hits one (it then fails authentication and is dropped); quinn
/// redraws on a collision, and ids are no secret. The default of eight costs
/// four more bytes in every packet.
const RELAY_CONNECTION_ID_BYTES: usize = 4;
/// A device has one connection per socket, so the packets to it need no id:
/// the address is enough. Saves eight bytes per packet from the relay, and the
/// relay need not keep spare ids for each device.
const DEVICE_CONNECTION_ID_BYTES: usize = 0;
/// Bytes of the id on a device's very first packet, which the relay replaces:
/// the most QUIC knows, as it is by default, because the keys of that packet
/// are made from it.
const FIRST_CONNECTION_ID_BYTES: usize = 20;

/// Ack-eliciting packets a receiver may leave unacknowledged before it answers
/// at once. Live edits are answered by data anyway, and bulk spends one packet
/// in five on acknowledgements instead of every other. Half of the first
/// congestion window (ten packets), so that a transfer never starts by waiting
/// for a delayed acknowledgement.
const ACK_THRESHOLD_PACKETS: u32 = 4;
/// How long an acknowledgement may wait for data to travel with. 25 ms is the
/// most the extension grants on short paths: well above a commit (1 to 2 ms),
/// so the answer to an upload always carries its acknowledgement.
const ACK_DELAY_MAX: Duration = Duration::from_millis(25);

/// How close a relay comes to the largest packet a path carries. Each step
/// nearer costs a probe of that size in every session: two probes find 1,389 of
/// 1,452 bytes, the default of 20 spends three more on the rest.
const PACKET_SIZE_STEP_BYTES: u16 = 64;

/// Out-of-order handshake bytes held per connection. A hello is 400 bytes.
const CRYPTO_BUFFER_BYTES_MAX: usize = 4 * 1024;
/// Bytes of one not yet accepted connection attempt, early data included.
const INCOMING_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of all not yet accepted connection attempts together.
const INCOMING_TOTAL_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Flow control of one side, in bytes.
struct Windows {
    /// Received and unread on one stream.
    stream: u32,
    /// Received and unread on all streams.
    connection: u32,
    /// Written and unacknowledged on all streams.
    send: u64,
}

/// A relay reads bundles of up to 64 KiB and sends pages. Its worst case with
/// every session stalled is `SESSIONS_MAX` times the sum, which is why the
/// windows are not larger; an idle session uses none of it.
const RELAY_WINDOWS: Windows = Windows {
    stream: 256 * 1024,
    connection: 512 * 1024,
    send: 1024 * 1024,
};
/// A device has one session and may spend memory on it: 2 MiB per round trip
/// is 20 MB/s over 100 ms.
const DEVICE_WINDOWS: Windows = Windows {
    stream: 2 * 1024 * 1024,
    connection: 3 * 1024 * 1024,
    send: 1024 * 1024,
};

// What a device sends early never waits for a window.
const _: () = assert!(EARLY_BYTES_MAX < RELAY_WINDOWS.stream as usize);

fn transport(windows: &Windows) -> TransportConfig {
    let mut ack = AckFrequencyConfig::default();
    // Default 1 packet. See the constant.
    ack.ack_eliciting_threshold(ACK_THRESHOLD_PACKETS.into());
    // Default none, which lets each side keep its own 25 ms. Stated, so that a
    // long path does not renegotiate it whenever its round trip wobbles.
    ack.max_ack_delay(Some(ACK_DELAY_MAX));

    let mut transport = TransportConfig::default();
    transport
        // Default 30 s. See the limit.
        .max_idle_timeout(Some(
            IdleTimeout::try_from(SILENCE_TIME_MAX).expect("a minute in milliseconds"),
        ))
        // Default 1.25 MB per stream, unlimited per connection, 10 MB to send.
        .stream_receive_window(windows.stream.into())
        .receive_window(windows.connection.into())
        .send_window(windows.send)
        // Default 16 KiB.
        .crypto_buffer_size(CRYPTO_BUFFER_BYTES_MAX)
        // Default 1.25 MB. Unreliable datagrams are not part of the protocol.
        .datagram_receive_buffer_size(None)
        // Default 1 MiB. None are sent either.
        .datagram_send_buffer_size(0)
        // Default on: lets an observer time the path. Nobody here needs it.
        .allow_spin(false)
        // Default none: acknowledge every other packet.
        .ack_frequency_config(Some(ack));
    transport
}

fn relay_transport() -> TransportConfig {
    let mut packet_size = MtuDiscoveryConfig::default();
    packet_size.minimum_change(PACKET_SIZE_STEP_BYTES);

    let mut transport = transport(&RELAY_WINDOWS);
    transport
        // Default 20 bytes. See the constant.
        .mtu_discovery_config(Some(packet_size))
        // Default 100. The control lane, opened by the device.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        // Default 100. The files lane.
        .max_concurrent_uni_streams(VarInt::from_u32(1));
    transport
}

fn device_transport() -> TransportConfig {
    let mut transport = transport(&DEVICE_WINDOWS);
    transport
        // Default on. A device sends little; larger packets than every path
        // carries (1,200 bytes) would not win back the probes.
        .mtu_discovery_config(None)
        // Default 100. A relay opens no two-way lane.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        // Default 100. The download and files lanes.
        .max_concurrent_uni_streams(VarInt::from_u32(2))
        // Default none. The device does it because the mapping to be kept
        // alive is in the device's router, and the relay stays idle.
        .keep_alive_interval(Some(KEEP_ALIVE_TIME));
    transport
}

fn endpoint_config(
    platform: &Arc<dyn Platform>,
    reset_key: [u8; 32],
    id_bytes: usize,
) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(ResetKey(reset_key)));
    let random = Arc::clone(platform);
    config
        // Default: the system's randomness, which is what the system gives.
        .rng_seed(platform.quic_seed())
        // Default eight bytes that can be recognised before decryption, which
        // matters only to an endpoint that answers everything it receives.
        .cid_generator(move || {
            Box::new(RandomIds {
                bytes: id_bytes,
                platform: Arc::clone(&random),
            })
        })
        // Default: version 1 and the drafts before it. Nobody speaks those.
        .supported_versions(vec![1]);
    config
}

/// The endpoint of a relay at `address`.
pub(crate) fn relay_endpoint(
    platform: &Arc<dyn Platform>,
    relay: &Identity,
    reset_key: [u8; 32],
    address: SocketAddr,
) -> io::Result<quinn::Endpoint> {
    let clock = Arc::new(Clock(Arc::clone(platform)));
    let tls = QuicServerConfig::try_from(relay_tls(relay, clock.clone()))
        .expect("AES-128 is among the suites");
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config
        .transport_config(Arc::new(relay_transport()))
        // Default: drawn at each start. Derived, a device's token is good after
        // a restart of the relay.
        .token_key(Arc::new(token_key(&reset_key)))
        // Default: the system's clock. The same that everything else is told.
        .time_source(clock)
        // Default on. Devices change between networks with sessions open.
        .migration(true)
        // Default 65,536 attempts of up to 10 MiB, 100 MiB together. The
        // accept loop takes them at once, so few ever wait.
        .max_incoming(HANDSHAKES_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_TOTAL_BYTES_MAX);
    quinn::Endpoint::new_with_abstract_socket(
        endpoint_config(platform, reset_key, RELAY_CONNECTION_ID_BYTES),
        Some(config),
        platform.socket(address)?,
        Arc::new(TokioRuntime),
    )
}

/// What a device connects with; built once so that tickets are found again.
pub(crate) fn device_config(
    platform: &Arc<dyn Platform>,
    device: &Identity,
    relay: &Arc<PinnedRelay>,
) -> ClientConfig {
    let clock = Arc::new(Clock(Arc::clone(platform)));
    let tls = QuicClientConfig::try_from(device_tls(device, relay, clock))
        .expect("AES-128 is among the suites");
    let mut config = ClientConfig::new(Arc::new(tls));
    let random = Arc::clone(platform);
    config
        .transport_config(Arc::new(device_transport()))
        // Default: as many bytes of the system's randomness.
        .initial_dst_cid_provider(Arc::new(move || {
            random_id(&*random, FIRST_CONNECTION_ID_BYTES)
        }));
    config
}

/// An endpoint for one connection of a device to `relay`.
///
/// One socket per connection: without connection ids, quinn tells connections
/// apart by the relay's address, and a draining one would take the packets of
/// its successor.
pub(crate) fn device_endpoint(
    platform: &Arc<dyn Platform>,
    relay: SocketAddr,
) -> io::Result<quinn::Endpoint> {
    let mut reset_key = [0; 32];
    platform.random(&mut reset_key)?;
    quinn::Endpoint::new_with_abstract_socket(
        endpoint_config(platform, reset_key, DEVICE_CONNECTION_ID_BYTES),
        None,
        device_socket(&**platform, relay)?,
        Arc::new(TokioRuntime),
    )
}

/// A fresh socket that can reach `relay`: on loopback if the relay is there.
pub(crate) fn device_socket(
    platform: &dyn Platform,
    relay: SocketAddr,
) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    let address = match (relay, relay.ip().is_loopback()) {
        (SocketAddr::V4(_), true) => Ipv4Addr::LOCALHOST.into(),
        (SocketAddr::V4(_), false) => Ipv4Addr::UNSPECIFIED.into(),
        (SocketAddr::V6(_), true) => Ipv6Addr::LOCALHOST.into(),
        (SocketAddr::V6(_), false) => Ipv6Addr::UNSPECIFIED.into(),
    };
    platform.socket(SocketAddr::new(address, 0))
}

fn random_id(platform: &dyn Platform, bytes: usize) -> ConnectionId {
    let mut id = [0; FIRST_CONNECTION_ID_BYTES];
    let id = &mut id[..bytes];
    platform.random(id).expect("the system has randomness");
    ConnectionId::new(id)
}

/// Connection ids of random bytes, as QUIC asks for.
struct RandomIds {
    bytes: usize,
    platform: Arc<dyn Platform>,
}

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        random_id(&*self.platform, self.bytes)
    }

    fn cid_len(&self) -> usize {
        self.bytes
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        // Ids live as long as the connection.
        None
    }
}

/// Signs stateless resets. Derived from the relay's seed, so a restarted relay
/// can still tell a device that its session is gone, and the device connects
/// anew at once instead of waiting out [`SILENCE_TIME_MAX`].
struct ResetKey([u8; 32]);

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature: &mut [u8]) {
        signature.copy_from_slice(blake3::keyed_hash(&self.0, data).as_bytes());
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // `blake3::Hash` compares in constant time.
        let signature = blake3::Hash::from_slice(signature).map_err(|_| CryptoError)?;
        match blake3::keyed_hash(&self.0, data) == signature {
            true => Ok(()),
            false => Err(CryptoError),
        }
    }
}

/// What tokens are sealed with, by which a device proves that its address is
/// its own. From the reset key: whoever has that can end every session anyway.
fn token_key(reset_key: &[u8; 32]) -> hkdf::Prk {
    let key = blake3::derive_key("cairn 2026 address token key", reset_key);
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &key)
}

/// The reset key of a relay.
pub(crate) fn reset_key(relay_seed: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("cairn 2025 stateless reset key", relay_seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quinn::crypto::HandshakeTokenKey;

    #[test]
    fn a_token_from_before_a_restart_is_good_and_another_relays_is_not() {
        let key = |seed: u8| token_key(&reset_key(&[seed; 32]));
        let nonce = [7; 16];
        let mut sealed = b"an address".to_vec();
        let sealing = key(1).aead_from_hkdf(&nonce);
        sealing.seal(&mut sealed, &[]).unwrap();
        let open = |seed: u8| {
            let mut sealed = sealed.clone();
            let opened = key(seed).aead_from_hkdf(&nonce);
            opened
                .open(&mut sealed, &[])
                .map(|bytes| bytes.to_vec())
                .ok()
        };
        assert_eq!(open(1).as_deref(), Some(&b"an address"[..]));
        assert_eq!(open(2), None);
    }
}
