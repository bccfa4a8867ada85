//! Which database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.

use std::{fmt, path::PathBuf, str::FromStr};

/// A parsed `--database-url`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file, made when it is not there.
    Sqlite(PathBuf),
    /// A server that speaks PostgreSQL's protocol; the URL as given.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err(format!(
                "{text:?} is no database URL: write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
            )),
        }
    }
}

/// Without the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                write!(f, "{scheme}://{host}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_printed_without_secrets() {
        let cases = [
            ("sqlite:a/b.sqlite", Some("sqlite:a/b.sqlite")),
            ("sqlite:///var/v.sqlite", Some("sqlite:/var/v.sqlite")),
            ("postgres://me:secret@host:5432/v", Some("postgres://host:5432/v")),
            ("mysql://x", None),
            ("sqlite:", None),
        ];
        for (text, shown) in cases {
            let parsed = text.parse::<DatabaseUrl>().map(|url| url.to_string()).ok();
            assert_eq!(parsed.as_deref(), shown, "{text}");
        }
    }
}
