//! A server of its own for a test, and a client that sends exactly what it is told.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use api::{Config, Limits, Server};
use auth::Mode;
use interactions::{Fhir, Software};
use storage::{Clock, DatabaseUrl, Options, Vault};
use tokio::sync::oneshot;

/// A running server; it stops when this is dropped.
pub(crate) struct Hospital {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Hospital {
    pub(crate) fn open() -> Self {
        Self::with(Mode::Open, Limits::default())
    }

    pub(crate) fn with(mode: Mode, limits: Limits) -> Self {
        Self::at("http://vault.example/fhir", mode, limits)
    }

    pub(crate) fn at(base: &'static str, mode: Mode, limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let directory = tempfile::tempdir().unwrap();
                let options = Options {
                    url: DatabaseUrl::Sqlite(directory.path().join("vault.sqlite")),
                    clock: Clock::system(),
                    base: base.to_owned(),
                    connections_max: 1,
                };
                let vault = Vault::open(&options).await.unwrap();
                let software = Software { name: "MedVault", version: "0" };
                let fhir = Fhir::new(vault, base, software);
                let listen = "127.0.0.1:0".parse().unwrap();
                let config = Config {
                    listen,
                    mode,
                    fhir,
                    workers: Some(1),
                    limits,
                    tls: None,
                    issuer: None,
                    sign_in: None,
                };
                let stop = async { drop(stopped.await) };
                let server = Server::bind(config, stop).unwrap();
                bound.send(server.addresses()[0]).unwrap();
                server.serve().await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes as they are and reads one reply.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // the server may refuse before all is sent
        drop(stream.write_all(bytes));
        Reply::read(&mut stream, Expected::Body)
    }

    /// `ask("GET /fhir/Patient/1", &[("Accept", "text/xml")], b"")`
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = self.connect();
        drop(stream.write_all(&request(line, headers, body)));
        let expected = if line.starts_with("HEAD") { Expected::NoBody } else { Expected::Body };
        Reply::read(&mut stream, expected)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path}"), &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Reply {
        let line = format!("POST {path}");
        self.ask(&line, &[("Content-Type", "application/fhir+json")], body.as_bytes())
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn tell_to_stop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Hospital {
    fn drop(&mut self) {
        // its thread ends by itself; a test does not wait for idle connections
        self.tell_to_stop();
    }
}

/// A request as bytes.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nHost: vault.example\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        text.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// Whether a body follows the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Body,
    NoBody,
}

impl Reply {
    pub(crate) fn read(stream: &mut TcpStream, expected: Expected) -> Self {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).unwrap_or(0);
            assert!(n > 0, "the connection ended after {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&buffer[..n]);
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Self { status, head, body: bytes[end..].to_vec() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        if expected == Expected::Body {
            while reply.body.len() < length {
                let mut buffer = vec![0; length - reply.body.len()];
                let n = stream.read(&mut buffer).unwrap();
                assert!(n > 0, "the body breaks off");
                reply.body.extend_from_slice(&buffer[..n]);
            }
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The issue code of a refusal, which must be an `OperationOutcome`.
    pub(crate) fn issue(&self) -> &str {
        let text = self.text();
        assert!(
            text.starts_with(r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error""#),
            "{text}"
        );
        text.split(r#""code":""#).nth(1).unwrap().split('"').next().unwrap()
    }

    /// `Patient/1` of a `Location`.
    pub(crate) fn path(&self) -> &str {
        let location = self.header("location").unwrap();
        let path = location.strip_prefix("http://vault.example").unwrap();
        path.split("/_history").next().unwrap()
    }
}
