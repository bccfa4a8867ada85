//! A bare actix-web handler in its own process: recorded answers, served from memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use bytes::Bytes;
use clap::Args;
use hyper::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::call::Call;
use crate::fault::Fault;
use crate::server::{Server, free_port};
use crate::session::Session;
use crate::target::Target;

/// Options of the process that serves.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long)]
    port: u16,
    /// Recorded answers, JSON.
    #[arg(long)]
    answers: PathBuf,
}

/// One recorded answer, with the headers that the server chose.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Reads each path once and keeps what came back.
pub(crate) async fn record(
    session: &mut Session,
    target: &Target,
    paths: &[String],
) -> Result<Vec<Recorded>, Fault> {
    /// The HTTP library of the bare handler sets these itself, as it does for the server.
    const OF_THE_TRANSPORT: [hyper::header::HeaderName; 4] =
        [DATE, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];
    let mut recorded = Vec::with_capacity(paths.len());
    for path in paths {
        let answer = session.require(Call::get("record", path).keeping_body()).await?;
        let own = answer.headers.iter().filter(|(name, _)| !OF_THE_TRANSPORT.contains(name));
        let headers = own
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let body = String::from_utf8(answer.body.to_vec())
            .map_err(|_| Fault::Answer(format!("GET {path}: the body is not UTF-8")))?;
        recorded.push(Recorded { path: target.path(path), headers, body });
    }
    Ok(recorded)
}

/// A running handler; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct BareHandler {
    pub(crate) server: Server,
    _answers: NamedTempFile,
}

/// Starts this program again as the handler.
pub(crate) async fn start(answers: &[Recorded]) -> Result<BareHandler, Fault> {
    let file = NamedTempFile::new()?;
    serde_json::to_writer(&file, answers)?;
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", "--port", &port.to_string(), "--answers"]).arg(file.path());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let base = format!("http://127.0.0.1:{port}/fhir");
    let server = Server::spawn(&mut command, &base, "/health/ready").await?;
    Ok(BareHandler { server, _answers: file })
}

type Memory = BTreeMap<String, (Vec<(String, String)>, Bytes)>;

/// Serves until killed. As many workers as cores, as the server has.
pub(crate) fn serve(options: &Options) -> Result<(), Fault> {
    let memory = Arc::new(load(&options.answers)?);
    let app = move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&memory)))
            .route("/health/ready", web::get().to(HttpResponse::Ok))
            .default_service(web::to(answer))
    };
    let server = HttpServer::new(app).bind(("127.0.0.1", options.port))?;
    Ok(actix_web::rt::System::new().block_on(server.run())?)
}

fn load(file: &Path) -> Result<Memory, Fault> {
    let recorded: Vec<Recorded> = serde_json::from_slice(&std::fs::read(file)?)?;
    let rows = recorded.into_iter().map(|one| (one.path, (one.headers, Bytes::from(one.body))));
    Ok(rows.collect())
}

async fn answer(request: HttpRequest, memory: web::Data<Memory>) -> HttpResponse {
    let Some((headers, body)) = memory.get(request.path()) else {
        return HttpResponse::new(StatusCode::NOT_FOUND);
    };
    let mut response = HttpResponse::Ok();
    for (name, value) in headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response.body(body.clone())
}
