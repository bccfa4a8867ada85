//! A request, free of HTTP: what an address, a few headers and a body say.

use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, Valid, json};

use crate::{Prefer, Query};

/// The method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `DELETE`
    Delete,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `GET`, also `HEAD`
    Get,
}

/// Verbs as HTTP and `Bundle.entry.request.method` write them.
const VERBS: &[(&str, Verb)] = &[
    ("DELETE", Verb::Delete),
    ("GET", Verb::Get),
    ("HEAD", Verb::Get),
    ("PATCH", Verb::Patch),
    ("POST", Verb::Post),
    ("PUT", Verb::Put),
];

impl Verb {
    /// Reads a method; `None` for one that FHIR does not use.
    pub fn named(name: &str) -> Option<Self> {
        VERBS.iter().find(|(known, _)| *known == name).map(|(_, verb)| *verb)
    }
}

/// What stands in the body.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A resource, its structure checked.
    Resource(Box<Valid>),
    /// A batch of which some entries are at fault.
    Batch(Box<Valid>, json::EntryFaults),
    /// Something for a patch: the media type and the bytes.
    Patch(String, Bytes),
    /// A form, of `POST [type]/_search`.
    Form(Query),
}

impl Body {
    /// A Bundle as [`json::parse_bundle`] gives it.
    pub fn bundle((bundle, faults): (Valid, json::EntryFaults)) -> Self {
        let bundle = Box::new(bundle);
        if faults.is_empty() { Self::Resource(bundle) } else { Self::Batch(bundle, faults) }
    }
}

/// The headers that put conditions: <https://hl7.org/fhir/R4/http.html#concurrency>.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`: the version that is to be changed.
    pub if_match: Option<u64>,
    /// `If-Match` with several tags: the versions after the first, of which any will do too.
    pub or_match: Vec<u64>,
    /// `If-Match: *`: only what is there already.
    pub if_exists: bool,
    /// `If-None-Match: *`: only when there is nothing yet.
    pub if_absent: bool,
    /// `If-None-Match`: versions that the client has.
    pub if_none_match: Vec<u64>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<Instant>,
    /// `If-None-Exist`: create only when this search finds nothing.
    pub if_none_exist: Option<Query>,
    /// `Idempotency-Key`: the same call under the same key is carried out once.
    pub idempotency_key: Option<String>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub verb: Verb,
    /// What follows the base URL, percent-decoded, without the query: `["Patient", "1"]`.
    pub path: Vec<String>,
    /// The query.
    pub query: Query,
    /// Conditions.
    pub conditions: Conditions,
    /// `Prefer`.
    pub prefer: Prefer,
    /// The body.
    pub body: Body,
    /// `X-Request-Id`; empty for none.
    pub id: String,
}

impl Conditions {
    /// Reads the values of the headers.
    ///
    /// # Errors
    /// `invalid` for an entity tag that is none of this server's.
    pub fn parse<'h>(header: impl Fn(&'static str) -> Option<&'h str>) -> Result<Self, Outcome> {
        let none_match = header("If-None-Match");
        let match_tag = header("If-Match");
        let if_exists = match_tag.is_some_and(|text| text.trim() == "*");
        let mut tags = Vec::new();
        for tag in match_tag.filter(|_| !if_exists).into_iter().flat_map(|text| text.split(',')) {
            tags.push(entity_tag("If-Match", tag)?);
        }
        let mut tags = tags.into_iter();
        let if_match = tags.next();
        let if_absent = none_match.is_some_and(|text| text.trim() == "*");
        let if_none_match = match none_match {
            Some(text) if !if_absent => text
                .split(',')
                // a tag that is none of this server's is none of any version
                .map(|tag| entity_tag("If-None-Match", tag).unwrap_or(0))
                .collect(),
            _ => Vec::new(),
        };
        let since = header("If-Modified-Since").and_then(Instant::parse_http_date);
        let if_none_exist = header("If-None-Exist")
            .map(|text| {
                // the criteria are what follows `?`; some clients send the whole address
                Query::parse(text.split_once('?').map_or(text, |(_, criteria)| criteria))
            })
            .transpose()?;
        let idempotency_key = header("Idempotency-Key").map(str::trim).map(str::to_owned);
        if idempotency_key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 255) {
            let text = "An Idempotency-Key has 1 to 255 characters";
            return Err(Outcome::new(IssueType::Invalid, text));
        }
        Ok(Self {
            if_match,
            or_match: tags.collect(),
            if_exists,
            if_absent,
            if_none_match,
            if_modified_since: since,
            if_none_exist,
            idempotency_key,
        })
    }
}

impl Conditions {
    /// Whether `If-Match` is about a version; without one it is about any.
    pub(crate) fn admits(&self, version: u64) -> bool {
        self.if_match.is_none_or(|wanted| wanted == version) || self.or_match.contains(&version)
    }

    /// # Errors
    /// `invalid` for several versions where one is what is meant.
    pub(crate) fn of_one_version(&self) -> Result<(), Outcome> {
        if self.or_match.is_empty() {
            return Ok(());
        }
        let text = "An operation is called for one version: name one ETag in If-Match";
        Err(Outcome::new(IssueType::Invalid, text))
    }
}

/// Reads `W/"3"`, `"3"` or `3`.
fn entity_tag(header: &str, text: &str) -> Result<u64, Outcome> {
    let tag = text.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
    version.parse().map_err(|_| {
        Outcome::new(
            IssueType::Invalid,
            format!("{header} must be an ETag of this server, for example W/\"3\", not {text}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_read_in_each_form_that_clients_send() {
        let cases = [("W/\"3\"", Some(3)), ("\"3\"", Some(3)), ("3", Some(3)), ("W/\"a\"", None)];
        for (text, version) in cases {
            assert_eq!(entity_tag("If-Match", text).ok(), version, "{text}");
        }
    }

    #[test]
    fn any_of_several_versions_will_do() {
        let of = |text: &'static str| {
            Conditions::parse(move |name| (name == "If-Match").then_some(text))
        };
        let several = of("W/\"1\", \"3\",W/\"4\"").unwrap();
        let admitted: Vec<u64> = (0..6).filter(|version| several.admits(*version)).collect();
        assert_eq!(admitted, [1, 3, 4]);
        assert!(several.of_one_version().is_err());
        let one = of("W/\"2\"").unwrap();
        assert!(one.admits(2) && !one.admits(1) && one.of_one_version().is_ok());
        assert!(Conditions::default().admits(7));
        assert!(of("W/\"1\", nonsense").is_err());
        assert!(of("W/\"1\",").is_err());
    }

    #[test]
    fn conditions_come_from_their_headers() {
        let header = |name: &str| match name {
            "If-None-Match" => Some("W/\"1\", W/\"2\""),
            "If-None-Exist" => Some("Patient?identifier=a%7Cb"),
            _ => None,
        };
        let conditions = Conditions::parse(header).unwrap();
        assert_eq!(conditions.if_none_match, [1, 2]);
        assert!(!conditions.if_absent);
        let criteria = conditions.if_none_exist.unwrap();
        assert_eq!(criteria.pairs(), [("identifier".to_owned(), "a|b".to_owned())]);
    }
}
