//! Identities on the wire: TLS 1.3, mutual, with Ed25519 raw public keys.
//!
//! Both sides present the bare key (RFC 7250) instead of a certificate around
//! it: nothing to parse, nothing to expire, 44 bytes. The device pins exactly
//! the relay key of its enrolment ticket. The relay accepts every well-formed
//! key whose owner proves it, and tells the caller which one it was; whether
//! that key is enrolled is the relay machine's decision.
//!
//! The crypto provider is passed explicitly; nothing is installed process-wide.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::limit::TICKETS_MAX;

/// The protocol both sides must speak, and the version of it.
pub const ALPN: &[u8] = b"cairn/1";

/// An Ed25519 public key, as it stands in tickets and enrolments.
pub type KeyBytes = [u8; 32];

/// DER around an Ed25519 secret seed (RFC 8410, PKCS #8 version 1).
const SECRET_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// DER around an Ed25519 public key (RFC 8410, SubjectPublicKeyInfo).
const PUBLIC_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Suites offered, most wanted first: AES where the processor has it, ChaCha
/// where it has not. Both sides are this program, so none is here for others.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![ring::kx_group::X25519],
        ..ring::default_provider()
    }
}

/// The key this process proves to its peers.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    key: KeyBytes,
}

impl Identity {
    /// The identity of a 32-byte Ed25519 secret seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut der = SECRET_PREFIX.to_vec();
        der.extend_from_slice(seed);
        let signer = ring::sign::any_eddsa_type(&der.into()).expect("32 bytes are a seed");
        let public = signer
            .public_key()
            .expect("an Ed25519 signer knows its public key");
        let key = key_of(&public).expect("the public half of an Ed25519 key");
        Self {
            certified: Arc::new(CertifiedKey::new(
                vec![CertificateDer::from(public.as_ref().to_vec())],
                signer,
            )),
            key,
        }
    }

    /// The public half.
    pub fn key(&self) -> KeyBytes {
        self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", KeyText(&self.key))
    }
}

/// A key as a person compares it: lower-case hexadecimal.
pub(crate) struct KeyText<'a>(pub(crate) &'a KeyBytes);

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn key_of(public: &[u8]) -> Option<KeyBytes> {
    public.strip_prefix(&PUBLIC_PREFIX)?.try_into().ok()
}

/// The key the peer of `connection` has proven, if it has by now.
pub(crate) fn peer_key(connection: &quinn::Connection) -> Option<KeyBytes> {
    let keys = connection.peer_identity()?;
    let keys = keys.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    key_of(keys.first()?)
}

/// TLS as a device speaks it. `relay` outlives the configuration so that the
/// caller can ask which other key was met.
pub(crate) fn device_tls(
    device: &Identity,
    relay: &Arc<PinnedRelay>,
    clock: Arc<dyn TimeProvider>,
) -> rustls::ClientConfig {
    let mut tls = rustls::ClientConfig::builder_with_details(Arc::new(provider()), clock)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suites above are TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(relay) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
            Arc::clone(&device.certified),
        )));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Default off. The name is a constant (the key is what is checked), so
    // sending it would only spend bytes.
    tls.enable_sni = false;
    // Default off. A resumed device uploads in its first packet; see `dial`.
    tls.enable_early_data = true;
    // Default 256 names. A dialer knows one relay; eight tickets is the most
    // rustls keeps for one.
    tls.resumption = Resumption::in_memory_sessions(8);
    tls
}

/// TLS as a relay speaks it.
pub(crate) fn relay_tls(relay: &Identity, clock: Arc<dyn TimeProvider>) -> rustls::ServerConfig {
    let mut tls = rustls::ServerConfig::builder_with_details(Arc::new(provider()), clock)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suites above are TLS 1.3")
        .with_client_cert_verifier(Arc::new(AnyDevice {
            algorithms: provider().signature_verification_algorithms,
        }))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(
            Arc::clone(&relay.certified),
        )));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Default 0 (off). QUIC knows only off and this value.
    tls.max_early_data_size = u32::MAX;
    // Default 256 tickets. Each is taken out when used, so early data cannot be
    // accepted twice by one relay process, and a restarted one accepts none.
    tls.session_storage = ServerSessionMemoryCache::new(TICKETS_MAX);
    // Default 2. One spare for a reconnect that did not get through.
    tls.send_tls13_tickets = 2;
    tls
}

/// Accepts the relay of the enrolment ticket and no other.
#[derive(Debug)]
pub(crate) struct PinnedRelay {
    expected: KeyBytes,
    algorithms: WebPkiSupportedAlgorithms,
    refused: Mutex<Option<KeyBytes>>,
}

impl PinnedRelay {
    pub(crate) fn new(expected: KeyBytes) -> Self {
        Self {
            expected,
            algorithms: provider().signature_verification_algorithms,
            refused: Mutex::new(None),
        }
    }

    pub(crate) fn expected(&self) -> KeyBytes {
        self.expected
    }

    /// The last other key that was met where the relay should be.
    pub(crate) fn refused(&self) -> Option<KeyBytes> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for PinnedRelay {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = key_of(key).ok_or(CertificateError::BadEncoding)?;
        if key == self.expected {
            return Ok(ServerCertVerified::assertion());
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        // The one failure that turns into the alert `access_denied`, by which
        // `end` knows it again.
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Accepts every Ed25519 key whose owner proves it.
#[derive(Debug)]
struct AnyDevice {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyDevice {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        key_of(key).ok_or(CertificateError::BadEncoding)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn verify(
    message: &[u8],
    key: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = SubjectPublicKeyInfoDer::from(key.as_ref());
    verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
}

fn tls12() -> Error {
    Error::General("only TLS 1.3 is spoken here".to_owned())
}
