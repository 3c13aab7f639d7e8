//! A peer that speaks QUIC and TLS but not by our rules.

use std::sync::Arc;

use cairn_net::identity::ALPN;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectionError, Endpoint};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::world::soon;

/// What the stranger does differently from a device.
pub(crate) struct Stranger {
    pub(crate) shows_key: bool,
    pub(crate) protocol: &'static [u8],
}

/// By the rules, up to the first frame.
pub(crate) const POLITE: Stranger = Stranger {
    shows_key: true,
    protocol: ALPN,
};

impl Stranger {
    /// Connects as far as the relay lets it.
    pub(crate) async fn connect(
        &self,
        address: &str,
    ) -> Result<quinn::Connection, ConnectionError> {
        let tls = QuicClientConfig::try_from(self.tls()).expect("the suites suffice");
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("loopback has ports");
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let address = address.parse().expect("an address");
        let connecting = endpoint
            .connect_with(config, address, "relay")
            .expect("it is complete");
        soon(connecting).await
    }

    fn tls(&self) -> rustls::ClientConfig {
        let provider = Arc::new(ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the suites suffice")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyRelay(provider)));
        let mut tls = match self.shows_key {
            true => builder.with_client_cert_resolver(Arc::new(
                AlwaysResolvesClientRawPublicKeys::new(Arc::new(some_key())),
            )),
            false => builder.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![self.protocol.to_vec()];
        tls
    }
}

fn some_key() -> CertifiedKey {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend_from_slice(&[66; 32]);
    let signer = ring::sign::any_eddsa_type(&der.into()).expect("a key");
    let public = signer.public_key().expect("a key has a public half");
    CertifiedKey::new(vec![CertificateDer::from(public.as_ref().to_vec())], signer)
}

/// Talks to whoever answers.
#[derive(Debug)]
struct AnyRelay(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyRelay {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("only TLS 1.3 is offered")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
