//! One keep-alive HTTP/1.1 connection of one virtual user; every call is timed and filed.

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::call::{Answer, Call, Keep};
use crate::fault::Fault;
use crate::recorder::Recorder;
use crate::target::Target;

/// A virtual user's connection. Must live inside a `LocalSet`.
#[derive(Debug)]
pub(crate) struct Session {
    target: Rc<Target>,
    recorder: Rc<Recorder>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Session {
    pub(crate) fn new(target: Rc<Target>, recorder: Rc<Recorder>) -> Self {
        Self { target, recorder, connection: None }
    }

    /// For work before and after the clock: answers are not filed.
    pub(crate) fn unrecorded(target: Rc<Target>) -> Self {
        Self::new(target, Rc::new(Recorder::default()))
    }

    /// Sends the call, waits for the whole answer and files its time.
    pub(crate) async fn send(&mut self, call: Call<'_>) -> Result<Answer, Fault> {
        self.send_due(call, Instant::now()).await
    }

    /// As [`Session::send`], timed from when the call was due: waiting for a free connection counts.
    pub(crate) async fn send_due(
        &mut self,
        call: Call<'_>,
        started: Instant,
    ) -> Result<Answer, Fault> {
        let (label, expected, judge) = (call.label, call.expected, call.judge);
        let exchanged = self.exchange(call).await;
        let time = (started, Instant::now());
        match exchanged {
            Ok((answer, bytes)) => {
                let wrong = if expected.contains(&answer.status) {
                    judge.and_then(|judge| judge(&answer))
                } else {
                    Some(complaint(&answer))
                };
                self.recorder.file(label, time, wrong.map_or(Ok(bytes), Err));
                Ok(answer)
            }
            Err(fault) => {
                self.connection = None;
                self.recorder.file(label, time, Err(fault.to_string()));
                Err(fault)
            }
        }
    }

    /// As [`Session::send`], for set-up work: an unexpected status is a fault.
    pub(crate) async fn require(&mut self, call: Call<'_>) -> Result<Answer, Fault> {
        let (label, expected) = (call.label, call.expected);
        let answer = self.send(call).await?;
        if expected.contains(&answer.status) {
            return Ok(answer);
        }
        Err(Fault::Answer(format!("{label}: {}", complaint(&answer))))
    }

    async fn exchange(&mut self, call: Call<'_>) -> Result<(Answer, usize), Fault> {
        let request = self.request(&call)?;
        let connection = match self.connection.as_mut() {
            Some(open) if !open.is_closed() => open,
            _ => self.connection.insert(open(&self.target).await?),
        };
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let mut answer = Answer { status, headers: head.headers, body: Bytes::new() };
        if call.keep == Keep::Body || !call.expected.contains(&status) {
            answer.body = body.collect().await?.to_bytes();
            let bytes = answer.body.len();
            return Ok((answer, bytes));
        }
        let bytes = drain(body).await?;
        Ok((answer, bytes))
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(self.target.path(call.path))
            .header(HOST, self.target.authority.clone())
            .header(ACCEPT, HeaderValue::from_static("application/fhir+json"));
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(call.content_type));
        }
        if let Some(authorization) = &self.target.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &call.headers {
            request = request.header(name.clone(), value.clone());
        }
        Ok(request.body(Full::new(call.body.clone()))?)
    }
}

async fn open(target: &Target) -> Result<SendRequest<Full<Bytes>>, Fault> {
    let stream = TcpStream::connect(target.address)
        .await
        .map_err(|error| Fault::Transport(format!("{}: {error}", target.address)))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // A broken connection shows itself in the request that was under way.
        drop(connection.await);
    });
    Ok(sender)
}

async fn drain(mut body: Incoming) -> Result<usize, Fault> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(bytes)
}

/// The status and the beginning of the body, for the error list.
fn complaint(answer: &Answer) -> String {
    const BYTES_SHOWN: usize = 300;
    let shown = answer.body.get(..BYTES_SHOWN).unwrap_or(&answer.body);
    format!("{} {}", answer.status, String::from_utf8_lossy(shown))
}
