//! What the vault runs with. Pure: flags, environment and file go in as texts, a [`Config`] or every fault
//! comes out.

mod merge;
pub(crate) mod setting;
pub(crate) mod surroundings;
mod value;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
};

use auth::Mode;
use storage::DatabaseUrl;

pub(crate) use value::LogFormat;

use merge::Merged;
use setting::Flags;
use value::{
    BaseUrl, CleaningName, IssuerUrl, Listen, LogFilter, ModeName, NewcomersName, Seconds, Switch,
};

/// The configuration, all of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The FHIR base without a slash at the end; `None`: under the address that is listened on.
    base_url: Option<String>,
    /// Threads that serve requests; `None`: one a core.
    pub(crate) workers: Option<usize>,
    /// Where the vault keeps its files.
    pub(crate) data_dir: PathBuf,
    /// Which database.
    pub(crate) database: DatabaseUrl,
    /// Whether somebody said where to keep the data.
    pub(crate) is_place_named: bool,
    /// PostgreSQL: connections at most.
    pub(crate) connections_max: u32,
    /// How callers are known; `None`: nobody said.
    auth: Option<Mode>,
    /// Whether it is recorded what the bearers of tokens do.
    pub(crate) has_audit: bool,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
    /// Which log lines.
    pub(crate) log_filter: String,
    /// How long a bed is held for an answer; `None`: as long as its kind is usually held.
    pub(crate) bed_hold_seconds: Option<u32>,
    /// How long an emergency may have a bed before the order; `None`: an hour.
    pub(crate) bed_order_due_seconds: Option<u32>,
    /// Where beds that were left are cleaned.
    pub(crate) bed_cleaning: storage::Cleaning,
    /// How long decisions about beds are kept, in days.
    pub(crate) bed_decision_days: Option<u32>,
    /// How often a study may ask within 24 hours.
    pub(crate) study_questions: Option<u32>,
    /// What a request may ask for.
    pub(crate) limits: api::Limits,
    /// The server's certificate and key as PEM; `None`: clear text, for behind a proxy.
    pub(crate) certificate: Option<PathBuf>,
    /// Whose access tokens are taken; `None`: the vault's own.
    pub(crate) issuer: Option<api::Issuer>,
    /// Where people may log in besides here, what they call it, and what becomes of newcomers.
    login_issuer: Option<api::Issuer>,
    login_name: Option<String>,
    newcomers: Option<api::Newcomers>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<String>);

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Every unknown name, every value that cannot be read, and what does not go together.
    pub(crate) fn of(
        flags: &Flags,
        env: &BTreeMap<String, String>,
        file: Option<(&Path, &str)>,
    ) -> Result<Self, Faults> {
        let mut merged = Merged::of(flags, env, file);
        let listen = merged.optional("server.listen").map_or(NOWHERE, |Listen(address)| address);
        let data_dir: PathBuf = merged.optional("storage.data_dir").unwrap_or_default();
        let in_data_dir = || DatabaseUrl::Sqlite(data_dir.join("medvault.sqlite"));
        let config = Self {
            listen,
            base_url: merged.optional("server.base_url").map(|BaseUrl(url)| url),
            workers: merged.optional::<NonZeroUsize>("server.workers").map(NonZeroUsize::get),
            database: merged.optional("storage.database_url").unwrap_or_else(in_data_dir),
            is_place_named: ["storage.data_dir", "storage.database_url"]
                .iter()
                .any(|key| merged.is_given(key)),
            data_dir,
            connections_max: merged
                .optional::<NonZeroU32>("storage.connections_max")
                .map_or(1, NonZeroU32::get),
            auth: merged.optional("auth.mode").map(|ModeName(mode)| mode),
            has_audit: merged.optional("audit.events").is_none_or(|Switch(on)| on),
            log_format: merged.optional("log.format").unwrap_or(LogFormat::Pretty),
            log_filter: merged
                .optional("log.filter")
                .map_or_else(String::new, |LogFilter(text)| text),
            bed_hold_seconds: merged
                .optional::<NonZeroU32>("beds.hold_seconds")
                .map(NonZeroU32::get),
            bed_order_due_seconds: merged
                .optional::<NonZeroU32>("beds.order_due_seconds")
                .map(NonZeroU32::get),
            bed_cleaning: merged
                .optional("beds.cleaning")
                .map_or_else(storage::Cleaning::default, |CleaningName(cleaning)| cleaning),
            bed_decision_days: merged
                .optional::<NonZeroU32>("beds.decision_days")
                .map(NonZeroU32::get),
            study_questions: merged
                .optional::<NonZeroU32>("research.queries_per_day")
                .map(NonZeroU32::get),
            limits: limits(&mut merged),
            certificate: merged.optional("server.certificate"),
            issuer: merged.optional("auth.issuer").map(|IssuerUrl(issuer)| issuer),
            login_issuer: merged.optional("login.issuer").map(|IssuerUrl(issuer)| issuer),
            login_name: merged.optional("login.name"),
            newcomers: merged.optional("login.newcomers").map(|NewcomersName(it)| it),
        };
        if config.auth == Some(Mode::Open) && !config.is_loopback() {
            merged.refuse(format!(
                "--auth open lets everybody in and so listens on loopback only, not on {}; use \
                 --listen 127.0.0.1:{} or --auth smart",
                config.listen.ip(),
                config.listen.port()
            ));
        }
        if config.login_issuer.as_ref().is_some_and(|issuer| issuer.known_as.is_none()) {
            let why = "login.issuer: write https://CLIENT:SECRET@HOST/PATH, as the provider knows the vault";
            merged.refuse(why.to_owned());
        }
        let faults = merged.finish();
        if faults.is_empty() { Ok(config) } else { Err(Faults(faults)) }
    }

    /// How callers are known.
    pub(crate) fn mode(&self) -> Mode {
        self.auth.unwrap_or_default()
    }

    /// Where people may log in besides here.
    pub(crate) fn sign_in(&self) -> Option<api::SignIn> {
        let name = self.login_name.clone().unwrap_or_else(|| "your organization".to_owned());
        let newcomers = self.newcomers.unwrap_or_default();
        Some(api::SignIn { issuer: self.login_issuer.clone()?, name, newcomers })
    }

    /// The same, open where nobody chose a mode and the address is loopback. Whether that is so comes
    /// back too.
    pub(crate) fn open_unless_told(self) -> (Self, bool) {
        let opens = self.auth.is_none() && self.is_loopback();
        let auth = if opens { Some(Mode::Open) } else { self.auth };
        (Self { auth, ..self }, opens)
    }

    /// The same with all files in another directory.
    pub(crate) fn in_directory(self, data_dir: &Path) -> Self {
        let database = DatabaseUrl::Sqlite(data_dir.join("medvault.sqlite"));
        Self { data_dir: data_dir.to_owned(), database, ..self }
    }

    /// The FHIR base, without a slash at the end.
    pub(crate) fn base(&self) -> String {
        self.base_url.clone().unwrap_or_else(|| {
            let (ip, port) = (self.listen.ip(), self.listen.port());
            let scheme = if self.certificate.is_some() { "https" } else { "http" };
            if ip.is_unspecified() {
                format!("{scheme}://localhost:{port}/fhir")
            } else {
                format!("{scheme}://{}/fhir", self.listen)
            }
        })
    }

    fn is_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }
}

/// Stands in for an address that could not be read; the fault is reported.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn limits(merged: &mut Merged) -> api::Limits {
    let mut limits = api::Limits::default();
    for (key, place) in [
        ("limits.body_bytes_max", &mut limits.body_bytes_max),
        ("limits.bundle_bytes_max", &mut limits.bundle_bytes_max),
        ("limits.url_bytes_max", &mut limits.url_bytes_max),
        ("limits.header_bytes_max", &mut limits.header_bytes_max),
        ("limits.in_flight_max", &mut limits.in_flight_max),
        ("limits.connections_max", &mut limits.connections_max),
    ] {
        let mut given = NonZeroUsize::new(*place).unwrap_or(NonZeroUsize::MIN);
        merged.replace(key, &mut given);
        *place = given.get();
    }
    for (key, place) in [
        ("limits.reads_per_s", &mut limits.reads_per_s),
        ("limits.writes_per_s", &mut limits.writes_per_s),
        ("limits.public_per_s", &mut limits.public_per_s),
        ("limits.auth_per_s", &mut limits.auth_per_s),
    ] {
        merged.replace(key, place);
    }
    let mut is_forwarded = Switch(limits.is_forwarded);
    merged.replace("limits.forwarded", &mut is_forwarded);
    limits.is_forwarded = is_forwarded.0;
    for (key, place) in [
        ("limits.header_timeout_s", &mut limits.header_timeout),
        ("limits.body_idle_timeout_s", &mut limits.body_idle_timeout),
        ("limits.body_timeout_s", &mut limits.body_timeout),
        ("limits.keep_alive_s", &mut limits.keep_alive),
    ] {
        let mut given = Seconds(*place);
        merged.replace(key, &mut given);
        *place = given.0;
    }
    limits
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests;
