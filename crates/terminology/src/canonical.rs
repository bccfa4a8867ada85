//! The name of a definition, `url|version`: <https://hl7.org/fhir/R4/references.html#canonical>.

use std::fmt;

/// A URL and, when one is wanted, a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Canonical {
    /// Without version.
    pub url: String,
    /// `None`: whichever version the server thinks best, mostly the latest.
    pub version: Option<String>,
}

impl Canonical {
    /// Splits `url|version`; an empty version is none.
    pub fn parse(text: &str) -> Self {
        match text.split_once('|') {
            Some((url, version)) => Self::new(url, Some(version)),
            None => Self::new(text, None),
        }
    }

    /// Of both parts; an empty version is none.
    pub fn new(url: &str, version: Option<&str>) -> Self {
        let version = version.filter(|version| !version.is_empty());
        Self { url: url.to_owned(), version: version.map(str::to_owned) }
    }
}

impl fmt::Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        match &self.version {
            Some(version) => write!(f, "|{version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_follows_the_bar() {
        for (text, url, version) in [
            ("http://a.example/vs", "http://a.example/vs", None),
            ("http://a.example/vs|", "http://a.example/vs", None),
            ("http://a.example/vs|1.0", "http://a.example/vs", Some("1.0")),
            ("http://a.example/vs|a|b", "http://a.example/vs", Some("a|b")),
            ("", "", None),
        ] {
            let canonical = Canonical::parse(text);
            assert_eq!((&*canonical.url, canonical.version.as_deref()), (url, version));
            assert_eq!(canonical.to_string(), text.trim_end_matches('|'));
        }
    }
}
