//! In which format an answer is wanted: <https://hl7.org/fhir/R4/http.html#mime-type>.

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json, xml};
use interactions::Query;

use crate::media::MediaType;

/// A format of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    Json,
    Xml,
}

/// Whether an answer is for machines or for eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Layout {
    #[default]
    Compact,
    Pretty,
}

/// What the client would like to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) format: Format,
    pub(crate) layout: Layout,
}

/// Names in `Accept`, `Content-Type` and `_format`.
pub(crate) const FORMATS: &[(&str, Format)] = &[
    ("application/fhir+json", Format::Json),
    ("application/json", Format::Json),
    ("text/json", Format::Json),
    ("application/json+fhir", Format::Json),
    ("application/fhir+xml", Format::Xml),
    ("application/xml", Format::Xml),
    ("text/xml", Format::Xml),
    ("application/xml+fhir", Format::Xml),
];

const SHORT: &[(&str, Format)] = &[("json", Format::Json), ("xml", Format::Xml)];

const RANGES: &[(&str, Format)] = &[
    ("*/*", Format::Json),
    ("application/*", Format::Json),
    ("text/*", Format::Json),
    ("*", Format::Json),
];

impl Wanted {
    /// Takes `_format` and `_pretty` out of the query; `Accept` decides where `_format` does not.
    ///
    /// # Errors
    /// 406 when nothing that the client takes is spoken here.
    pub(crate) fn of(query: &mut Query, accept: Option<&str>) -> Result<Self, Outcome> {
        let layout = match query.take("_pretty").as_deref() {
            Some("true") => Layout::Pretty,
            _ => Layout::Compact,
        };
        let format = match query.take("_format") {
            Some(name) => named(&name)?,
            None => accept.map_or(Ok(Format::Json), accepted)?,
        };
        Ok(Self { format, layout })
    }

    /// A resource in this format. The bytes are shared when nothing is to be done.
    pub(crate) fn write(self, body: Bytes) -> Bytes {
        match (self.format, self.layout) {
            (Format::Json, Layout::Compact) => body,
            (Format::Json, Layout::Pretty) => json::pretty(&body).into(),
            (Format::Xml, Layout::Compact) => {
                xml::from_tree(json::parse_trusted(body).root()).into()
            }
            (Format::Xml, Layout::Pretty) => {
                xml::from_tree_pretty(json::parse_trusted(body).root()).into()
            }
        }
    }
}

impl Format {
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/fhir+json; charset=utf-8",
            Self::Xml => "application/fhir+xml; charset=utf-8",
        })
    }
}

/// `_format=json`, `_format=application/fhir+json`
fn named(name: &str) -> Result<Format, Outcome> {
    // a + that nobody encoded arrives as a space
    let name = name.trim().replace(' ', "+");
    let media = MediaType::parse(&name);
    let known = FORMATS.iter().chain(SHORT).find(|(known, _)| media.is(known));
    let format = known.filter(|_| media.is_r4()).map(|(_, format)| *format);
    format.ok_or_else(|| not_acceptable("_format"))
}

/// The range with the most weight that is spoken here; the first of several.
fn accepted(accept: &str) -> Result<Format, Outcome> {
    let mut best: Option<(u16, Format)> = None;
    for range in accept.split(',').map(MediaType::parse) {
        let known = FORMATS.iter().chain(RANGES).find(|(known, _)| range.is(known));
        let weight = range.weight();
        let is_better = weight > best.map_or(0, |(best, _)| best);
        if let Some((_, format)) = known.filter(|_| is_better && range.is_r4()) {
            best = Some((weight, *format));
        }
    }
    // an empty header asks for nothing
    let is_empty = accept.trim().is_empty();
    best.map(|(_, format)| format)
        .or(is_empty.then_some(Format::Json))
        .ok_or_else(|| not_acceptable("Accept"))
}

fn not_acceptable(what: &str) -> Outcome {
    Outcome::new(
        IssueType::NotAcceptable,
        format!(
            "{what} names no format that is spoken here: application/fhir+json or application/fhir+xml, FHIR 4.0"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_the_format() {
        let json = Some(Format::Json);
        let xml = Some(Format::Xml);
        let cases = [
            ("", None, json),
            ("", Some(""), json),
            ("", Some("*/*"), json),
            ("", Some("application/fhir+json"), json),
            ("", Some("application/fhir+json;fhirVersion=4.0"), json),
            ("", Some("application/fhir+json;fhirVersion=5.0"), None),
            ("", Some("application/json, text/plain, */*"), json),
            ("", Some("application/fhir+xml"), xml),
            ("", Some("text/xml"), xml),
            ("", Some("application/fhir+xml;q=0.5, application/fhir+json;q=0.9"), json),
            ("", Some("application/fhir+json;q=0, */*;q=0.1"), json),
            ("", Some("text/turtle"), None),
            ("", Some("text/html"), None),
            ("", Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), xml),
            ("_format=xml", Some("application/fhir+json"), xml),
            ("_format=json", Some("text/turtle"), json),
            ("_format=application/fhir+json", None, json),
            ("_format=application%2Ffhir%2Bxml", None, xml),
            ("_format=text/xml", None, xml),
            ("_format=ttl", None, None),
            ("_format=..%2F..%2Fx", None, None),
        ];
        for (query, accept, expected) in cases {
            let mut query = Query::parse(query).unwrap();
            let wanted = Wanted::of(&mut query, accept);
            assert_eq!(
                wanted.clone().ok().map(|wanted| wanted.format),
                expected,
                "{query} {accept:?}"
            );
            assert!(wanted.is_ok() || wanted.unwrap_err().status() == 406);
            assert!(query.get("_format").is_none());
        }
    }

    #[test]
    fn eyes_get_line_breaks() {
        let mut query = Query::parse("_pretty=true&_count=1").unwrap();
        let wanted = Wanted::of(&mut query, None).unwrap();
        assert_eq!(wanted.layout, Layout::Pretty);
        assert_eq!(query.to_string(), "_count=1");
        let written = wanted.write(Bytes::from_static(br#"{"resourceType":"Patient","id":"1"}"#));
        assert_eq!(written, "{\n  \"resourceType\": \"Patient\",\n  \"id\": \"1\"\n}\n");
    }
}
