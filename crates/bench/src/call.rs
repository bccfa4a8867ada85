//! One request to the server and what of its answer a workload may need.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION};

/// A request, prepared; `path` is relative to the FHIR base.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Under which the answer's time is filed.
    pub(crate) label: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Any other status is counted as an error.
    pub(crate) expected: &'static [u16],
    pub(crate) keep: Keep,
    /// What is wrong with an answer of an expected status, if anything.
    pub(crate) judge: Option<Judge>,
}

/// Looks at a whole answer; outside the measured time.
pub(crate) type Judge = fn(&Answer) -> Option<String>;

/// Whether the body of the answer is wanted or only drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Body,
    Nothing,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Empty unless the call said [`Keep::Body`] or the status was not an expected one.
    pub(crate) body: Bytes,
}

const JSON: &str = "application/fhir+json";

impl<'a> Call<'a> {
    fn new(label: &'static str, method: Method, path: &'a str, expected: &'static [u16]) -> Self {
        Self {
            label,
            method,
            path,
            body: Bytes::new(),
            content_type: JSON,
            headers: Vec::new(),
            expected,
            keep: Keep::Nothing,
            judge: None,
        }
    }

    pub(crate) fn get(label: &'static str, path: &'a str) -> Self {
        Self::new(label, Method::GET, path, &[200])
    }

    pub(crate) fn delete(label: &'static str, path: &'a str) -> Self {
        Self::new(label, Method::DELETE, path, &[200, 204])
    }

    pub(crate) fn create(label: &'static str, path: &'a str, body: Bytes) -> Self {
        Self { body, ..Self::new(label, Method::POST, path, &[201]) }
    }

    pub(crate) fn update(label: &'static str, path: &'a str, body: Bytes) -> Self {
        Self { body, ..Self::new(label, Method::PUT, path, &[200]) }
    }

    /// A transaction or batch Bundle, posted to the base.
    pub(crate) fn bundle(label: &'static str, body: Bytes) -> Self {
        Self { body, ..Self::new(label, Method::POST, "", &[200]) }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn expecting(mut self, expected: &'static [u16]) -> Self {
        self.expected = expected;
        self
    }

    pub(crate) fn keeping_body(mut self) -> Self {
        self.keep = Keep::Body;
        self
    }

    /// Keeps the body and counts what the judge complains of as an error.
    pub(crate) fn judged_by(mut self, judge: Judge) -> Self {
        self.judge = Some(judge);
        self.keeping_body()
    }
}

impl Answer {
    /// The id in `Location: [base/]Type/id[/_history/version]`.
    pub(crate) fn id(&self) -> Option<&str> {
        id_of_location(self.headers.get(LOCATION)?.to_str().ok()?)
    }

    pub(crate) fn etag(&self) -> Option<&HeaderValue> {
        self.headers.get(ETAG)
    }
}

/// The logical id in `[base/]Type/id[/_history/version]`.
pub(crate) fn id_of_location(location: &str) -> Option<&str> {
    let versionless = location.split_once("/_history/").map_or(location, |(before, _)| before);
    let (_, id) = versionless.rsplit_once('/')?;
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_in_every_form_of_location() {
        let cases = [
            ("http://127.0.0.1/fhir/Patient/p1/_history/1", Some("p1")),
            ("Patient/p1/_history/1", Some("p1")),
            ("/fhir/Patient/p1", Some("p1")),
            ("http://127.0.0.1/fhir/Patient/", None),
            ("p1", None),
        ];
        for (location, id) in cases {
            assert_eq!(id_of_location(location), id, "{location}");
        }
    }
}
