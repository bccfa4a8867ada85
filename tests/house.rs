//! A server for the stories: the real binary on a free port, once for each database.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

/// A running server. It ends with the test process: its parent shell waits for the end of standard input.
pub(crate) struct House {
    base: String,
    agent: ureq::Agent,
    process: Child,
    /// What it was told beside its address: where its data is.
    arguments: Vec<String>,
}

/// An answer: status, headers and, if there is one, the JSON body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

/// Which database a story runs on.
#[derive(Clone, Copy)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// Of every account.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// All stories come from one address.
const HASTY: &[(&str, &str)] =
    &[("MEDVAULT__LIMITS__AUTH_PER_S", "0"), ("MEDVAULT__LIMITS__PUBLIC_PER_S", "0")];

static SQLITE: OnceLock<House> = OnceLock::new();
static POSTGRES: OnceLock<House> = OnceLock::new();
static SMART_SQLITE: OnceLock<House> = OnceLock::new();
static SMART_POSTGRES: OnceLock<House> = OnceLock::new();

impl House {
    /// The server on that database; started at the first call.
    pub(crate) fn on(database: On) -> &'static Self {
        match database {
            On::Sqlite => SQLITE.get_or_init(|| Self::start(&[])),
            On::Postgres => POSTGRES.get_or_init(|| {
                let url = fresh_database("stories");
                Self::start(&["--database-url", &url])
            }),
        }
    }

    /// The server on that database that asks for tokens; started at the first call.
    pub(crate) fn smart_on(database: On) -> &'static Self {
        match database {
            On::Sqlite => SMART_SQLITE.get_or_init(|| Self::start(&["--auth", "smart"])),
            On::Postgres => SMART_POSTGRES.get_or_init(|| {
                let url = fresh_database("smart");
                Self::start(&["--auth", "smart", "--database-url", &url])
            }),
        }
    }

    /// Runs a command on the same database, and gives what it prints.
    pub(crate) fn medvault(&self, command: &[&str]) -> String {
        let done = self.try_medvault(command);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    /// Opens an account with everybody's password; `more` are further options of `medvault user add`.
    pub(crate) fn account(&self, login: &str, role: &str, more: &[&str]) {
        let add = ["user", "add", "--login", login, "--role", role, "--password", PASSWORD];
        self.medvault(&[&add[..], more].concat());
    }

    /// The same for a command that may fail.
    pub(crate) fn try_medvault(&self, command: &[&str]) -> std::process::Output {
        let listen = format!("127.0.0.1:{}", self.port());
        let medvault = env!("CARGO_BIN_EXE_medvault");
        let settings = self.arguments.iter().map(String::as_str).chain(["--listen", &listen]);
        Command::new(medvault).args(command).args(settings).output().unwrap()
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn issuer(&self) -> &str {
        self.base.strip_suffix("/fhir").unwrap()
    }

    fn port(&self) -> &str {
        self.issuer().rsplit(':').next().unwrap()
    }

    /// A server of one's own, in a fresh directory.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let directory = fresh_directory();
        let directory = ["--data-dir", directory.to_str().unwrap()];
        Self::spawn("kill", &[&directory, arguments].concat(), HASTY)
    }

    /// The same with settings in its environment.
    pub(crate) fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let directory = fresh_directory();
        let directory = ["--data-dir", directory.to_str().unwrap()];
        Self::spawn("kill", &[&directory, arguments].concat(), environment)
    }

    /// A server that ends as in a power cut; its directory is among the arguments.
    pub(crate) fn mortal(arguments: &[&str]) -> Self {
        Self::spawn("kill -9", arguments, HASTY)
    }

    /// Ends the server, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }

    fn spawn(kill: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut process = Command::new("sh")
            .arg("-c")
            .arg(format!(r#""$0" "$@" & pid=$!; cat >/dev/null; {kill} $pid; wait"#))
            .arg(env!("CARGO_BIN_EXE_medvault"))
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(if arguments.contains(&"--auth") { &[][..] } else { &["--auth", "open"] })
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the server says where it listens").unwrap();
        let base = line.strip_prefix("listening on ").expect(&line).to_owned();
        // whatever else it prints must not block it
        std::thread::spawn(move || lines.for_each(drop));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            // a story looks at where it is sent before it goes there
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { base, agent: config.new_agent(), process, arguments }
    }

    /// `http://127.0.0.1:PORT/fhir`
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request; `path` follows the base, or is a whole URL.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut response = self.sent(method, path, headers, body.as_bytes());
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// The same with bytes that need not be text, and the bytes of the answer beside it.
    pub(crate) fn send_bytes(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Reply, Vec<u8>) {
        let mut response = self.sent(method, path, headers, body);
        let bytes = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (Reply { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }, bytes)
    }

    fn sent(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> ureq::http::Response<ureq::Body> {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !body.is_empty() && !has_type {
            request = request.header("Content-Type", "application/fhir+json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.agent.run(request.body(body.to_vec()).unwrap()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[], &body.to_string())
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.send("PUT", path, &[], &body.to_string())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "")
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The logical id in the `Location`.
    pub(crate) fn id(&self) -> String {
        let location = self.header("Location");
        location.split("/_history/").next().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// Fails with the whole answer when the status is another one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The ids of a Bundle's matches, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let bundle = self.json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The URL of a Bundle's link.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        let bundle = self.json();
        let links = bundle["link"].as_array()?;
        let found = links.iter().find(|link| link["relation"] == relation)?;
        found["url"].as_str().map(str::to_owned)
    }
}

/// A word that no other story uses.
pub(crate) fn unique(word: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{word}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn fresh_directory() -> PathBuf {
    let path = std::env::temp_dir().join(unique("medvault-story"));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A new database in the cluster that `make test` starts.
pub(crate) fn fresh_database(word: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "tests are told here where their database is")]
    let cluster = std::env::var("MEDVAULT_TEST_POSTGRES")
        .expect("MEDVAULT_TEST_POSTGRES is not set: run the tests by `make test`, or start a cluster by tests/postgres.sh");
    let name = unique(word).replace('-', "_");
    let made = Command::new("psql")
        .args([&cluster, "-qc", &format!("create database {name}")])
        .status()
        .unwrap();
    assert!(made.success());
    let (server, _) = cluster.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}
