//! TLS 1.3 with a key on both sides, and nothing of TLS that those keys don't need.
//!
//! Certificates are only the envelope of an Ed25519 key: no names, no chains, no dates. The verifier checks that the
//! other side holds the key (the handshake's signature) and, when somebody in particular was dialled, that it is the
//! right one. No TLS 1.2, no 0-RTT, no tickets, no resumption: each connection proves both keys afresh.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, OtherError, ServerConfig,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::{
        NoServerSessionStorage, ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::{ALPN, identity::Identity};
use crate::share::PeerId;

/// What browsers and HTTP tools offer; they get the same answers.
const ALPN_HTTP: &[u8] = b"http/1.1";
/// What browsers offer first.
pub(super) const ALPN_HTTP2: &[u8] = b"h2";

/// Whom a call is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// This computer and no other.
    Peer(PeerId),
    /// Whoever answers (an address that was typed); the connection tells who that is.
    Anyone,
}

/// Another computer answered than the one that was dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} answered where {} was expected", found.short(), expected.short())]
pub struct WrongPeer {
    pub expected: PeerId,
    pub found: PeerId,
}

/// How we answer: with our key, to anyone who shows one.
pub fn server_config(identity: &Identity) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(provider());
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(KeyVerifier { provider, expect: Expect::Anyone, optional: false }))
        .with_single_cert(vec![identity.certificate().clone()], PrivateKeyDer::Pkcs8(identity.private_key()))?;
    config.alpn_protocols = vec![ALPN.to_vec(), ALPN_HTTP.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// How those are answered who are no peers: with a certificate that they can check.
pub struct SiteTls {
    /// For those that offer HTTP in the handshake: browsers. They are not asked for a certificate, which would have some of
    /// them ask a person which one to show.
    pub browsers: Arc<ServerConfig>,
    /// For those that offer no protocol at all (Node.js, scripts): whoever shows a key is a peer.
    pub programs: Arc<ServerConfig>,
}

impl SiteTls {
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<SiteTls, rustls::Error> {
        let provider = Arc::new(provider());
        let begin =
            || ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&rustls::version::TLS13]);
        let mut browsers = begin()?.with_no_client_auth().with_single_cert(chain.clone(), key.clone_key())?;
        browsers.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP.to_vec()];
        browsers.max_early_data_size = 0;
        let keys = KeyVerifier { provider: provider.clone(), expect: Expect::Anyone, optional: true };
        let mut programs = begin()?.with_client_cert_verifier(Arc::new(keys)).with_single_cert(chain, key)?;
        programs.max_early_data_size = 0;
        // As with peers, each connection proves its key afresh.
        programs.session_storage = Arc::new(NoServerSessionStorage {});
        programs.send_tls13_tickets = 0;
        Ok(SiteTls { browsers: Arc::new(browsers), programs: Arc::new(programs) })
    }
}

/// How we call: with our key, accepting the one that is expected.
pub fn client_config(identity: &Identity, expect: Expect) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(KeyVerifier { provider, expect, optional: false }))
        .with_client_auth_cert(vec![identity.certificate().clone()], PrivateKeyDer::Pkcs8(identity.private_key()))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Ok(config)
}

/// Who holds the key of a certificate chain's first certificate; `None` where there is none or it can't be read.
pub fn peer_of(chain: Option<&[CertificateDer<'_>]>) -> Option<PeerId> {
    peer_of_certificate(chain?.first()?).ok()
}

/// What the error of a failed handshake says about the key that was met.
pub fn wrong_peer(error: &rustls::Error) -> Option<WrongPeer> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => cause.downcast_ref().copied(),
        _ => None,
    }
}

/// The name that a TLS client must give; nobody looks at it.
pub(super) fn any_name() -> ServerName<'static> {
    ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into())
}

/// aws-lc-rs, given explicitly so that no other library in the program can change it. AES goes first where the processor
/// has instructions for it; elsewhere ChaCha20 is several times faster.
fn provider() -> CryptoProvider {
    use aws_lc_rs::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256};
    let (aes128, aes256) = (TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384);
    let chacha20 = TLS13_CHACHA20_POLY1305_SHA256;
    let cipher_suites = if has_aes() { vec![aes128, aes256, chacha20] } else { vec![chacha20, aes128, aes256] };
    CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() }
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

/// Checks keys, in both directions.
#[derive(Debug)]
struct KeyVerifier {
    provider: Arc<CryptoProvider>,
    expect: Expect,
    /// Callers may show no key at all.
    optional: bool,
}

impl KeyVerifier {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let found = peer_of_certificate(certificate)?;
        match self.expect {
            Expect::Peer(expected) if expected != found => {
                let error = OtherError(Arc::new(WrongPeer { expected, found }));
                Err(rustls::Error::InvalidCertificate(CertificateError::Other(error)))
            }
            _ => Ok(()),
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }
}

fn peer_of_certificate(certificate: &CertificateDer<'_>) -> Result<PeerId, rustls::Error> {
    let spki = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    if crate::share::PublicKey::from_spki(&spki).is_none() {
        return Err(rustls::Error::InvalidCertificate(CertificateError::BadEncoding));
    }
    Ok(PeerId::of_spki(&spki))
}

/// The error of TLS 1.2, which is never offered.
fn only_tls13() -> rustls::Error {
    rustls::Error::General("TLS 1.2 is never offered".to_owned())
}

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for KeyVerifier {
    fn client_auth_mandatory(&self) -> bool {
        !self.optional
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
