//! Bytes on a socket, since a proper HTTP client refuses to send what is needed here.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::target::Target;

/// A part of what is sent.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// The same again and again, for bodies that nobody wants in memory.
    Repeat(Bytes, usize),
    /// A byte a second.
    Drip(Bytes),
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        body: Vec<u8>,
    },
    /// The server ended the connection without a word.
    Closed,
    /// Nothing within the limit.
    Silence,
    Unreachable(String),
}

const LIMIT: Duration = Duration::from_secs(45);

pub(crate) async fn exchange(address: SocketAddr, pieces: Vec<Piece>) -> Reply {
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Reply::Unreachable(error.to_string()),
    };
    let (read, write) = stream.into_split();
    // The answer may come while the request is still being sent.
    let sender = tokio::task::spawn_local(send(write, pieces));
    let reply = tokio::time::timeout(LIMIT, receive(read)).await.unwrap_or(Reply::Silence);
    sender.abort();
    reply
}

/// Stops at the first error: a server that has refused need not listen on.
async fn send(mut socket: OwnedWriteHalf, pieces: Vec<Piece>) -> std::io::Result<OwnedWriteHalf> {
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => socket.write_all(&bytes).await?,
            Piece::Repeat(bytes, times) => {
                for _ in 0..times {
                    socket.write_all(&bytes).await?;
                }
            }
            Piece::Drip(bytes) => {
                for byte in bytes {
                    socket.write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
    // Kept open: closing our half would tell a server that waits for more.
    Ok(socket)
}

async fn receive(mut socket: OwnedReadHalf) -> Reply {
    const BYTES_MAX: usize = 4 << 20;
    let mut received = Vec::new();
    loop {
        if let Some(answer) = complete(&received, BYTES_MAX) {
            return answer;
        }
        match socket.read_buf(&mut received).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    match split(&received) {
        Some((status, _, body)) => Reply::Answer { status, body: body.to_vec() },
        None => Reply::Closed,
    }
}

/// Set once as much is there as the answer announced, or more than anybody reads.
fn complete(received: &[u8], bytes_max: usize) -> Option<Reply> {
    let (status, head, body) = split(received)?;
    let announced: Option<usize> = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let chunked_end = announced.is_none() && body.ends_with(b"0\r\n\r\n");
    let done = chunked_end || announced.is_some_and(|length| body.len() >= length);
    (done || received.len() > bytes_max).then(|| Reply::Answer { status, body: body.to_vec() })
}

fn split(received: &[u8]) -> Option<(u16, &str, &[u8])> {
    const END: &[u8] = b"\r\n\r\n";
    let at = received.windows(END.len()).position(|window| window == END)?;
    let head = std::str::from_utf8(received.get(..at)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head, received.get(at + END.len()..)?))
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

impl Reply {
    pub(crate) fn summary(&self) -> String {
        const BYTES_SHOWN: usize = 160;
        match self {
            Self::Answer { status, body } => {
                let shown = body.get(..BYTES_SHOWN).unwrap_or(body);
                format!("{status} {}", String::from_utf8_lossy(shown))
            }
            Self::Closed => "connection ended".to_owned(),
            Self::Silence => format!("nothing within {} s", LIMIT.as_secs()),
            Self::Unreachable(error) => format!("unreachable: {error}"),
        }
    }
}

/// A well-formed request with any body.
pub(crate) fn request(
    target: &Target,
    line: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Vec<Piece> {
    let body: Bytes = body.into();
    let length = body.len().to_string();
    let mut head = head(target, line, headers);
    head.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    vec![Piece::Bytes(head.into()), Piece::Bytes(body)]
}

/// Request line and headers without the empty line; `line` is `POST Patient`.
pub(crate) fn head(target: &Target, line: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let (method, path) = line.split_once(' ').unwrap_or((line, ""));
    let host = target.authority.to_str().unwrap_or_default();
    let mut head = format!(
        "{method} {} HTTP/1.1\r\nHost: {host}\r\nAccept: application/fhir+json\r\nConnection: close\r\n",
        target.path(path)
    );
    if let Some(authorization) = &target.authorization {
        head.push_str("Authorization: ");
        head.push_str(authorization.to_str().unwrap_or_default());
        head.push_str("\r\n");
    }
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    }
    head.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_its_announced_length_is_there() {
        let whole = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nabc";
        assert!(complete(&whole[..whole.len() - 1], 100).is_none());
        let Some(Reply::Answer { status, body }) = complete(whole, 100) else {
            unreachable!("complete");
        };
        assert_eq!((status, body.as_slice()), (400, &b"abc"[..]));
        assert!(complete(b"HTTP/1.1 400 Bad", 100).is_none());
    }
}
