//! Every setting once: its key in `medvault.toml`, its flag, its default, and what it means.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// A setting. Its name in the environment is the key in capitals: `MEDVAULT__SERVER__LISTEN`.
#[derive(Debug)]
pub(crate) struct Setting {
    /// `section.key`
    pub(crate) key: &'static str,
    /// `--flag`, for those that a person types.
    pub(crate) flag: Option<&'static str>,
    /// What stands for the value in the help.
    pub(crate) value: &'static str,
    /// `None`: worked out from others.
    pub(crate) default: Option<&'static str>,
    /// A line of help.
    pub(crate) help: &'static str,
}

const fn flag(
    key: &'static str,
    flag: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { key, flag: Some(flag), value, default, help }
}

const fn quiet(
    key: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { key, flag: None, value, default, help }
}

/// In the order of the help.
pub(crate) const SETTINGS: &[Setting] = &[
    flag(
        "server.listen",
        "listen",
        "ADDRESS",
        Some("127.0.0.1:8080"),
        "Address and port to listen on",
    ),
    flag(
        "server.base_url",
        "base-url",
        "URL",
        None,
        "The FHIR base as clients see it, when a proxy stands in front [default: http://ADDRESS/fhir]",
    ),
    quiet(
        "server.certificate",
        "FILE",
        None,
        "Certificates, the server's own first, and their private key as PEM: serves https [default: http]",
    ),
    quiet("server.workers", "N", None, "Threads that serve requests [default: one a core]"),
    flag(
        "storage.data_dir",
        "data-dir",
        "DIR",
        Some("./medvault-data"),
        "Where the vault keeps its files; made when it is not there",
    ),
    flag(
        "storage.database_url",
        "database-url",
        "URL",
        None,
        "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME [default: medvault.sqlite in the data directory]",
    ),
    quiet("storage.connections_max", "N", Some("16"), "PostgreSQL: connections at most"),
    flag(
        "auth.mode",
        "auth",
        "smart|open",
        None,
        "smart asks for an access token; open asks for nothing and listens on loopback only [default: smart]",
    ),
    quiet(
        "auth.issuer",
        "URL",
        None,
        "Take only the access tokens of this issuer, and log nobody in; with NAME:SECRET@ before the host it is asked about opaque ones [default: the vault's own]",
    ),
    quiet(
        "login.issuer",
        "URL",
        None,
        "OpenID provider where people may log in, too: https://CLIENT:SECRET@HOST/PATH [default: none]",
    ),
    quiet("login.name", "NAME", None, "What people call it [default: your organization]"),
    quiet(
        "login.newcomers",
        "refused|patients",
        None,
        "Whom it knows and the vault does not; patients: its fhirUser makes the account of a patient [default: refused]",
    ),
    quiet(
        "audit.events",
        "on|off",
        None,
        "Whether AuditEvents say what the bearers of tokens do; off only to measure [default: on]",
    ),
    quiet(
        "beds.hold_seconds",
        "SECONDS",
        None,
        "How long a bed is held for an answer [default: 1800, in intensive care 900]",
    ),
    quiet(
        "beds.order_due_seconds",
        "SECONDS",
        None,
        "How long an emergency may have a bed before the doctor's order [default: 3600]",
    ),
    quiet(
        "beds.cleaning",
        "here|elsewhere",
        None,
        "Whether a bed that was left waits for $bed-turnover; elsewhere: it is ready at once [default: here]",
    ),
    quiet(
        "beds.decision_days",
        "DAYS",
        None,
        "How long a decision can be explained and made again [default: 365]",
    ),
    quiet(
        "research.queries_per_day",
        "N",
        None,
        "How many questions the view of a study answers within 24 hours [default: 200]",
    ),
    flag(
        "log.format",
        "log",
        "json|pretty",
        Some("pretty"),
        "How log lines on standard error look",
    ),
    quiet(
        "log.filter",
        "DIRECTIVES",
        Some("info,actix_server=warn"),
        "Which lines, for example warn or info,storage=debug",
    ),
    quiet("limits.body_bytes_max", "BYTES", None, "A request's body, inflated [default: 16777216]"),
    quiet(
        "limits.bundle_bytes_max",
        "BYTES",
        None,
        "The same for a batch or a transaction [default: 67108864]",
    ),
    quiet("limits.url_bytes_max", "BYTES", None, "Path and query of a request [default: 16384]"),
    quiet(
        "limits.header_bytes_max",
        "BYTES",
        None,
        "All headers of a request together [default: 32768]",
    ),
    quiet("limits.header_timeout_s", "SECONDS", None, "For the headers to arrive [default: 10]"),
    quiet(
        "limits.body_idle_timeout_s",
        "SECONDS",
        None,
        "Between two pieces of a body [default: 10]",
    ),
    quiet("limits.body_timeout_s", "SECONDS", None, "For a whole body to arrive [default: 60]"),
    quiet(
        "limits.keep_alive_s",
        "SECONDS",
        None,
        "For which an idle connection stays open [default: 75]",
    ),
    quiet(
        "limits.in_flight_max",
        "N",
        None,
        "Requests answered at once; more get 503 [default: 1024]",
    ),
    quiet(
        "limits.reads_per_s",
        "N",
        None,
        "Reads and searches a second of one user at one client, 0 for no limit [default: 0]",
    ),
    quiet(
        "limits.writes_per_s",
        "N",
        None,
        "Writes a second of one user at one client, 0 for no limit [default: 0]",
    ),
    quiet(
        "limits.public_per_s",
        "N",
        None,
        "Requests a second without a token from one address, 0 for no limit [default: 200]",
    ),
    quiet(
        "limits.auth_per_s",
        "N",
        None,
        "Logins, tokens, registrations a second from one address, 0 for no limit [default: 20]",
    ),
    quiet(
        "limits.forwarded",
        "on|off",
        None,
        "Whether a proxy tells in X-Forwarded-For for which address it asks [default: off]",
    ),
    quiet("limits.connections_max", "N", None, "Connections of one thread [default: 8192]"),
];

impl Setting {
    /// The name in the environment.
    pub(crate) fn env_name(&self) -> String {
        format!("{ENV_PREFIX}{}", self.key.replace('.', "__").to_ascii_uppercase())
    }
}

/// What all our names in the environment begin with.
pub(crate) const ENV_PREFIX: &str = "MEDVAULT__";

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `--config`
    pub(crate) file: Option<PathBuf>,
    /// By key.
    pub(crate) values: BTreeMap<&'static str, String>,
}

const FILE: &str = "config";

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(FILE)
            .long(FILE)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Settings as TOML [default: medvault.toml in this directory, if there is one]")
            .global(true)
            .help_heading(HEADING);
        SETTINGS.iter().fold(command.arg(file), |command, setting| match setting.flag {
            Some(name) => command.arg(arg(setting, name)),
            None => command,
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

const HEADING: &str = "Settings";

fn arg(setting: &'static Setting, name: &'static str) -> Arg {
    let default = setting.default.map_or_else(String::new, |text| format!(" [default: {text}]"));
    let help = format!("{}{default} [env: {}]", setting.help, setting.env_name());
    // a default would hide the environment and the file behind the flag
    Arg::new(setting.key)
        .long(name)
        .value_name(setting.value)
        .help(help)
        .global(true)
        .help_heading(HEADING)
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.file = matches.get_one(FILE).cloned();
        for setting in SETTINGS.iter().filter(|setting| setting.flag.is_some()) {
            if let Some(text) = matches.get_one::<String>(setting.key) {
                self.values.insert(setting.key, text.clone());
            }
        }
        Ok(())
    }
}
