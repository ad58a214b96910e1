//! The way to a host: a socket, with TLS where the transport URL wants it.
//!
//! lapin's own TLS knows no `verify = false`; so it is handed a stream that is open already, with the TLS that the
//! management API has.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_compat::Compat;
use futures_rustls::TlsConnector;
use lapin::tcp::AsyncTcpStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;

use super::{of_host, refusal};
use crate::config::broker::Host;
use crate::config::clouds::Tls;
use crate::source::{Error, ErrorKind, ServiceKind};

/// What lapin reads and writes.
pub(super) type Opened = AsyncTcpStream<Compat<TcpStream>>;

/// Opens streams to the hosts of one transport URL.
pub(super) struct Dialer {
    tls: Option<TlsConnector>,
    patience: Duration,
}

impl Dialer {
    pub fn new(secure: bool, tls: &Tls, patience: Duration) -> Result<Self, Error> {
        let tls = if secure { Some(TlsConnector::from(Arc::new(config(tls)?))) } else { None };
        Ok(Self { tls, patience })
    }

    pub async fn open(&self, host: &Host) -> Result<Opened, Error> {
        let place = of_host(host);
        let opening = async {
            let socket = TcpStream::connect((host.name.as_str(), host.port)).await;
            let socket = socket.map_err(|error| refusal::unreachable(&place, &error))?;
            socket.set_nodelay(true).map_err(|error| refusal::unreachable(&place, &error))?;
            let socket = Compat::new(socket);
            let Some(tls) = &self.tls else { return Ok(AsyncTcpStream::Plain(socket)) };
            let name = ServerName::try_from(host.name.clone());
            let name = name.map_err(|error| refusal::untrusted(&place, &error.to_string()))?;
            let secure = tls.connect(name, socket).await;
            let secure = secure.map_err(|error| refusal::untrusted(&place, &error.to_string()))?;
            Ok(AsyncTcpStream::Rustls(secure))
        };
        match tokio::time::timeout(self.patience, opening).await {
            Ok(outcome) => outcome,
            Err(_) => Err(refusal::silent(&place)),
        }
    }
}

/// What the settings say about trust, as rustls has it.
fn config(tls: &Tls) -> Result<ClientConfig, Error> {
    let refused = |what: String| {
        Error::new(ErrorKind::Tls, ServiceKind::Broker, what, "check cacert, cert and key in [broker]")
    };
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        refused(format!("{} cannot be read as PEM: {error}", path.display()))
    };
    let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, Error> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let read: Vec<_> = read.map_err(|error| unreadable(path, &error))?;
        match read.is_empty() {
            true => Err(refused(format!("{} holds no certificate", path.display()))),
            false => Ok(read),
        }
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let impossible = |error: rustls::Error| refused(format!("TLS cannot be set up: {error}"));
    let verifier: Arc<dyn ServerCertVerifier> = if tls.verify {
        let roots = tls.cacert.as_deref().map(certificates).transpose()?.unwrap_or_default();
        Arc::new(Verifier::new_with_extra_roots(roots, provider.clone()).map_err(impossible)?)
    } else {
        Arc::new(Anybody(provider.clone()))
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(impossible)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(path) = tls.cert.as_deref() else { return Ok(builder.with_no_client_auth()) };
    // The key may stand in the certificate's file.
    let key = tls.key.as_deref().unwrap_or(path);
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    builder.with_client_auth_cert(certificates(path)?, secret).map_err(impossible)
}

/// `verify = false`: whoever answers is believed. That their handshake is whole is looked at all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
