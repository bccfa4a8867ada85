//! The values of settings, parsed once at the door.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use auth::Mode;

/// An address with its port; `localhost` is an address too.
#[derive(Debug)]
pub(super) struct Listen(pub(super) SocketAddr);

/// An absolute `http` or `https` URL, without the slash at the end.
#[derive(Debug)]
pub(super) struct BaseUrl(pub(super) String);

/// `smart` or `open`.
#[derive(Debug)]
pub(super) struct ModeName(pub(super) Mode);

/// Whose access tokens are taken: `https://id.example/realm`, or `https://NAME:SECRET@id.example/realm` where the vault
/// asks about opaque ones.
#[derive(Debug)]
pub(super) struct IssuerUrl(pub(super) api::Issuer);

impl FromStr for IssuerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            "write https://HOST/PATH or https://NAME:SECRET@HOST/PATH; http only for 127.0.0.1";
        let (scheme, rest) = text.split_once("://").ok_or(wrong)?;
        let at = rest.split('/').next().and_then(|host| host.rfind('@'));
        let (known_as, place) = match at.and_then(|at| rest.split_at_checked(at)) {
            Some((pair, place)) => {
                let (name, secret) = pair.split_once(':').ok_or(wrong)?;
                (Some((name.to_owned(), secret.to_owned())), place.trim_start_matches('@'))
            }
            None => (None, rest),
        };
        let is_safe = scheme == "https" || (scheme == "http" && place.starts_with("127.0.0.1:"));
        if !is_safe || place.is_empty() || place.contains(['?', '#', '"', '<', '>', '\\', ' ']) {
            return Err(wrong);
        }
        Ok(Self(api::Issuer { url: format!("{scheme}://{place}"), known_as }))
    }
}

/// `refused` or `patients`
#[derive(Debug)]
pub(super) struct NewcomersName(pub(super) api::Newcomers);

impl FromStr for NewcomersName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refused" => Ok(Self(api::Newcomers::Refused)),
            "patients" => Ok(Self(api::Newcomers::Patients)),
            _ => Err("write refused or patients"),
        }
    }
}

/// `on` or `off`.
#[derive(Debug)]
pub(super) struct Switch(pub(super) bool);

/// Whether beds are cleaned `elsewhere`, or `here`.
#[derive(Debug)]
pub(super) struct CleaningName(pub(super) storage::Cleaning);

/// A filter that `tracing` understands.
#[derive(Debug)]
pub(super) struct LogFilter(pub(super) String);

/// A whole number of seconds, at least one.
#[derive(Debug)]
pub(super) struct Seconds(pub(super) Duration);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address = numeric.as_deref().unwrap_or(text).parse();
        address
            .map(Self)
            .map_err(|_| "write ADDRESS:PORT, for example 127.0.0.1:8080 or [::1]:8080")
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_url = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && !rest.contains(['?', '#', '"', '<', '>', '\\'])
                && rest.chars().all(|c| !c.is_whitespace() && !c.is_control())
        });
        if is_url {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err("write an absolute URL without query, for example https://vault.example/fhir")
        }
    }
}

impl FromStr for ModeName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "smart" => Ok(Self(Mode::Smart)),
            "open" => Ok(Self(Mode::Open)),
            _ => Err("write smart or open"),
        }
    }
}

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self(true)),
            "off" => Ok(Self(false)),
            _ => Err("write on or off"),
        }
    }
}

impl FromStr for CleaningName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "elsewhere" => Ok(Self(storage::Cleaning::Elsewhere)),
            "here" => Ok(Self(storage::Cleaning::Here)),
            _ => Err("write here or elsewhere"),
        }
    }
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("write json or pretty"),
        }
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let filter: Result<tracing_subscriber::EnvFilter, _> = text.parse();
        filter.map(|_| Self(text.to_owned())).map_err(|error| error.to_string())
    }
}

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds @ 1..=86_400) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err("write a number of seconds from 1 to 86400"),
        }
    }
}
