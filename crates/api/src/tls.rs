//! TLS by a certificate of the operator's, 1.2 and 1.3 and nothing older: <https://www.rfc-editor.org/rfc/rfc9325>.

use std::{fmt, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};

/// A certificate with its key.
#[derive(Clone)]
pub struct Tls(ServerConfig);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key, as PEM in one file.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn of(pem: &[u8]) -> Result<Self, String> {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(pem).collect();
        let chain = chain.map_err(|error| format!("the certificate is no PEM: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|error| format!("the private key is no PEM: {error}"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not go together: {error}"))?;
        Ok(Self(config))
    }

    pub(crate) fn into_config(self) -> ServerConfig {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        for pem in ["", "x", "-----BEGIN CERTIFICATE-----\n"] {
            assert!(Tls::of(pem.as_bytes()).is_err());
        }
    }
}
