//! Bundles written by concatenation: stored bytes go in as they are.

use fhir_model::{Instant, Outcome, json};
use storage::{Method, Version};

/// Around the resource of an entry: names, the address without its base, the mode.
const AROUND_ENTRY: usize = 160;

/// A Bundle in the making.
#[derive(Debug)]
pub(crate) struct Bundle {
    head: Vec<u8>,
    links: Vec<u8>,
    entries: Vec<u8>,
}

impl Bundle {
    /// An empty one of a type (`searchset`, `history`, ...).
    pub(crate) fn new(kind: &str) -> Self {
        let mut head = br#"{"resourceType":"Bundle","type":"#.to_vec();
        json::write_string(&mut head, kind);
        Self { head, links: Vec::new(), entries: Vec::new() }
    }

    /// An empty one that says when it was made, and has an id of its own.
    pub(crate) fn with_identity(kind: &str, id: &str, now: Instant) -> Self {
        let mut bundle = Self::new(kind);
        let meta = format!(
            r#"{{"resourceType":"Bundle","id":"{id}","meta":{{"lastUpdated":"{now}"}},"type":"#
        );
        bundle.head = meta.into_bytes();
        json::write_string(&mut bundle.head, kind);
        bundle
    }

    /// Entries of about these sizes are to come: room for all is made at once.
    pub(crate) fn expect(&mut self, sizes: impl Iterator<Item = usize>) {
        self.entries.reserve(sizes.map(|size| size + AROUND_ENTRY).sum());
    }

    pub(crate) fn total(&mut self, total: u64) {
        self.head.extend_from_slice(format!(",\"total\":{total}").as_bytes());
    }

    pub(crate) fn link(&mut self, relation: &str, url: &str) {
        if !self.links.is_empty() {
            self.links.push(b',');
        }
        self.links.extend_from_slice(br#"{"relation":"#);
        json::write_string(&mut self.links, relation);
        self.links.extend_from_slice(br#","url":"#);
        json::write_string(&mut self.links, url);
        self.links.push(b'}');
    }

    /// What a search found, or what belongs to it.
    pub(crate) fn found(&mut self, (url, mode): (&str, Mode), body: &[u8]) {
        self.begin_entry();
        self.entries.extend_from_slice(br#""fullUrl":"#);
        json::write_string(&mut self.entries, url);
        self.entries.push(b',');
        self.member("resource", body);
        self.entries.extend_from_slice(br#","search":{"mode":"#);
        json::write_string(&mut self.entries, mode.code());
        self.entries.extend_from_slice(b"}}");
    }

    /// A remark about the search itself, under a UUID of its own: an entry of a searchset has an identity.
    pub(crate) fn remark(&mut self, id: &str, outcome: &Outcome) {
        self.begin_entry();
        self.entries.extend_from_slice(format!(r#""fullUrl":"urn:uuid:{id}","#).as_bytes());
        self.member("resource", &outcome.to_json_under(id));
        self.entries.extend_from_slice(br#","search":{"mode":"outcome"}}"#);
    }

    /// A version of a history.
    pub(crate) fn past(&mut self, base: &str, version: &Version) {
        self.begin_entry();
        self.full_url(base, version);
        if let Some(body) = &version.body {
            self.member("resource", body);
        }
        let (ty, id) = (version.resource_type, &version.id);
        let url =
            if version.method == Method::Post { ty.to_string() } else { format!("{ty}/{id}") };
        let method = version.method.name();
        let status = match version.method {
            Method::Delete => "204",
            Method::Post => "201",
            Method::Put | Method::Patch if version.version == 1 => "201",
            Method::Put | Method::Patch => "200",
        };
        let request = format!(
            r#","request":{{"method":"{method}","url":"{url}"}},"response":{{"status":"{status}","etag":"W/\"{}\"","lastModified":"{}"}}}}"#,
            version.version, version.updated
        );
        self.entries.extend_from_slice(request.as_bytes());
    }

    /// The answer to an entry.
    pub(crate) fn response(&mut self, response: &Response<'_>) {
        self.begin_entry();
        if let Some(resource) = response.resource {
            self.member("resource", resource);
            self.entries.push(b',');
        }
        self.entries.extend_from_slice(br#""response":{"status":"#);
        json::write_string(&mut self.entries, response.status);
        if let Some(location) = response.location {
            self.text_member("location", location);
        }
        if let Some(version) = response.version {
            self.text_member("etag", &format!("W/\"{version}\""));
        }
        if let Some(updated) = response.updated {
            self.text_member("lastModified", &updated.to_string());
        }
        if let Some(outcome) = response.outcome {
            self.entries.push(b',');
            self.member("outcome", outcome);
        }
        self.entries.extend_from_slice(b"}}");
    }

    /// The resource.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if !self.links.is_empty() {
            self.head.extend_from_slice(br#","link":["#);
            self.head.append(&mut self.links);
            self.head.push(b']');
        }
        if !self.entries.is_empty() {
            self.head.extend_from_slice(br#","entry":["#);
            self.head.append(&mut self.entries);
            self.head.push(b']');
        }
        self.head.push(b'}');
        self.head
    }

    fn begin_entry(&mut self) {
        self.entries.extend_from_slice(if self.entries.is_empty() {
            b"{".as_slice()
        } else {
            b",{"
        });
    }

    fn full_url(&mut self, base: &str, version: &Version) {
        self.entries.extend_from_slice(br#""fullUrl":"#);
        let url = format!("{base}/{}/{}", version.resource_type, version.id);
        json::write_string(&mut self.entries, &url);
        if version.body.is_some() {
            self.entries.push(b',');
        }
    }

    fn member(&mut self, name: &str, json: &[u8]) {
        self.entries.push(b'"');
        self.entries.extend_from_slice(name.as_bytes());
        self.entries.extend_from_slice(b"\":");
        self.entries.extend_from_slice(json);
    }

    fn text_member(&mut self, name: &str, text: &str) {
        self.entries.extend_from_slice(b",\"");
        self.entries.extend_from_slice(name.as_bytes());
        self.entries.extend_from_slice(b"\":");
        json::write_string(&mut self.entries, text);
    }
}

/// Why an entry is in a searchset: <https://hl7.org/fhir/R4/valueset-search-entry-mode.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is what was searched for.
    Match,
    /// It belongs to a match: `_include`, `_revinclude`.
    Include,
}

impl Mode {
    fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Include => "include",
        }
    }
}

/// `Bundle.entry.response`, and the entry's resource.
#[derive(Debug, Default)]
pub(crate) struct Response<'a> {
    pub(crate) status: &'a str,
    pub(crate) resource: Option<&'a [u8]>,
    pub(crate) location: Option<&'a str>,
    pub(crate) version: Option<u64>,
    pub(crate) updated: Option<Instant>,
    pub(crate) outcome: Option<&'a [u8]>,
}

/// An HTTP status with its phrase.
pub(crate) fn status_line(status: u16) -> String {
    let phrase = match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "",
    };
    format!("{status} {phrase}").trim_end().to_owned()
}
