//! The vault with a certificate of its own: <https://www.rfc-editor.org/rfc/rfc9325>.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::house::{House, fresh_directory};

/// TLS record types: <https://www.rfc-editor.org/rfc/rfc5246#section-6.2.1>.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// <https://www.rfc-editor.org/rfc/rfc5246#section-7.2>
const PROTOCOL_VERSION: u8 = 70;

#[test]
fn nothing_older_than_tls_1_2_is_spoken() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let directory = fresh_directory();
    let (pem, file) = (directory.join("vault.pem"), directory.join("medvault.toml"));
    std::fs::write(&pem, made.cert.pem() + &made.signing_key.serialize_pem()).unwrap();
    let settings = format!("[server]\ncertificate = '{}'\n", pem.display());
    std::fs::write(&file, settings).unwrap();
    let house = House::start(&["--auth", "smart", "--config", file.to_str().unwrap()]);
    let address = house.issuer().strip_prefix("https://").unwrap().to_owned();

    let trusted = Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let trust = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[trusted])).build();
    let agent = ureq::Agent::config_builder().tls_config(trust).http_status_as_error(false).build();
    let agent = agent.new_agent();
    let get = |path: &str| agent.get(format!("https://{address}{path}")).call().unwrap();
    let mut smart = get("/fhir/.well-known/smart-configuration");
    let smart: Value = serde_json::from_str(&smart.body_mut().read_to_string().unwrap()).unwrap();
    for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        assert!(smart[endpoint].as_str().unwrap().starts_with("https://"), "{endpoint}");
    }
    let refused = get("/fhir/Patient/x");
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["strict-transport-security"].to_str().unwrap().contains("max-age="));
    let page = get("/auth/login");
    assert!(page.headers()["set-cookie"].to_str().unwrap().contains("Secure"));

    // nothing is said in clear text, and nothing in a version that was broken
    assert_ne!(said(&address, b"GET /fhir/metadata HTTP/1.0\r\n\r\n").first(), Some(&b'H'));
    for version in [0x0300, 0x0301, 0x0302] {
        let answer = said(&address, &hello(version));
        assert_eq!((answer[0], answer[6]), (ALERT, PROTOCOL_VERSION), "{version:#06x}: {answer:?}");
    }
    let answer = said(&address, &hello(0x0303));
    assert_eq!((answer[0], &answer[9..11]), (HANDSHAKE, &[3, 3][..]), "{answer:?}");
}

/// What a server says first to these bytes.
fn said(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = vec![0; 256];
    let read = stream.read(&mut answer).unwrap_or(0);
    answer.truncate(read);
    answer
}

/// A client that speaks up to this version: <https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1.2>.
fn hello(version: u16) -> Vec<u8> {
    const SUITES: &[u8] = &[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x0a, 0xc0, 0x14, 0x00, 0x2f];
    // the curve P-256, uncompressed points, ECDSA and RSA with SHA-256
    const EXTENSIONS: &[u8] =
        &[0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1];
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(length(SUITES));
    body.extend(SUITES);
    body.extend([1, 0]);
    body.extend(length(EXTENSIONS));
    body.extend(EXTENSIONS);
    let mut message = vec![1, 0];
    message.extend(length(&body));
    message.extend(body);
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(length(&message));
    record.extend(message);
    record
}
