//! A server process that the load generator starts, watches and kills itself.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::fault::Fault;
use crate::session::Session;
use crate::target::Target;

/// How to start it.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) binary: PathBuf,
    pub(crate) data_dir: PathBuf,
    /// SQLite inside the data directory where none is given.
    pub(crate) database_url: Option<String>,
}

/// A running server; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) target: Rc<Target>,
    /// From the start of the process until it said it was ready.
    pub(crate) ready_after: Duration,
}

const START_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(2);

impl Recipe {
    /// Starts the server on a free port and waits for `GET /health/ready`.
    pub(crate) async fn start(&self) -> Result<Server, Fault> {
        let port = free_port()?;
        std::fs::create_dir_all(&self.data_dir)?;
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.binary);
        command.args(["serve", "--auth", "open", "--data-dir"]).arg(&self.data_dir);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let base = format!("http://127.0.0.1:{port}/fhir");
        Server::spawn(&mut command, &base, "/health/ready").await.map_err(|fault| {
            Fault::Usage(format!("{fault}; its output is in {}", self.log().display()))
        })
    }

    fn log(&self) -> PathBuf {
        self.data_dir.join("bench-server.log")
    }

    /// The embedded database's file.
    pub(crate) fn database(&self) -> PathBuf {
        database_file(&self.data_dir)
    }
}

/// Where the embedded database lies inside a data directory.
pub(crate) fn database_file(data_dir: &Path) -> PathBuf {
    data_dir.join("medvault.sqlite")
}

impl Server {
    /// Starts any server and waits until `ready_path` answers 200.
    pub(crate) async fn spawn(
        command: &mut Command,
        base: &str,
        ready_path: &str,
    ) -> Result<Self, Fault> {
        let target = Rc::new(Target::parse(base, None)?);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| {
            Fault::Usage(format!("cannot start {}: {error}", command.get_program().display()))
        })?;
        let mut server = Self { child, target, ready_after: Duration::ZERO };
        while !server.answers(ready_path).await {
            if let Some(status) = server.child.try_wait()? {
                return Err(Fault::Usage(format!("the server stopped at its start, {status}")));
            }
            if started.elapsed() > START_LIMIT {
                return Err(Fault::Usage("the server was not ready within two minutes".into()));
            }
            tokio::time::sleep(POLL).await;
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn answers(&self, path: &str) -> bool {
        let mut session = Session::unrecorded(Rc::clone(&self.target));
        session.require(Call::get("ready", path)).await.is_ok()
    }

    /// SIGKILL, and wait until it is gone: what a power cut leaves is on the disk and in its cache.
    pub(crate) fn kill(&mut self) -> Result<(), Fault> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16, Fault> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
