//! References: <https://hl7.org/fhir/R4/search.html#reference>.

use fhir_model::{NodeRef, ResourceType, TypeId};

use super::{local::Local, token};
use crate::{
    registry::ParamId,
    rows::{ReferenceRow, Rows, Target},
    text,
};

/// Whether the element gave a row, as a reference or an identifier. A reference `#x` to nothing gives none.
pub(super) fn extract(
    rows: &mut Rows,
    param: ParamId,
    node: NodeRef<'_>,
    base: &str,
    local: &Local<'_>,
) -> bool {
    if node.ty() != TypeId::REFERENCE {
        let found = node.text().and_then(|url| target(&url, "").or_else(|| local.target(&url)));
        let some = found.is_some();
        rows.references.extend(found.map(|target| ReferenceRow { param, target }));
        return some;
    }
    let found = node
        .child_text("reference")
        .and_then(|text| target(&text, base).or_else(|| local.target(&text)));
    let mut some = found.is_some();
    rows.references.extend(found.map(|target| ReferenceRow { param, target }));
    if let Some(identifier) = node.child("identifier") {
        some |= token::pair(&mut rows.identifiers, param, identifier, "value");
    }
    some
}

/// What a reference's text or a canonical points to; `None` for `#x` and nothing.
pub(crate) fn target(text: &str, base: &str) -> Option<Target> {
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    if let Some((ty, id)) = relative(text, base).and_then(local) {
        return Some(Target::Local { ty, id: id.into() });
    }
    let (url, version) = match text.rsplit_once('|') {
        // versions are texts, as in the resources that have them
        Some((url, version)) => (url, Some(text::caseless(version))),
        None => (text, None),
    };
    Some(Target::Url { url: text::key(url).into(), version })
}

/// Whether this is a logical id: <https://hl7.org/fhir/R4/datatypes.html#id>.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Whether `resolve() is X`: by the reference's text, its `type`, or the contained resource.
pub(super) fn resolves_to(node: NodeRef<'_>, ty: ResourceType, local: &Local<'_>) -> bool {
    let Some(text) = node.child_text("reference") else {
        return node.child_text("type").is_some_and(|name| *name == *ty.name());
    };
    if let Some(id) = text.strip_prefix('#') {
        return local.ty(id) == Some(ty);
    }
    match type_in(&text) {
        Some(found) => found == ty,
        None => node.child_text("type").is_some_and(|name| *name == *ty.name()),
    }
}

/// `Patient` of `Patient/1`, `http://x.example/fhir/Patient/1/_history/2`.
fn type_in(text: &str) -> Option<ResourceType> {
    let text = text.split_once("/_history/").map_or(text, |(before, _)| before);
    let (before, _) = text.rsplit_once('/')?;
    ResourceType::named(before.rsplit_once('/').map_or(before, |(_, ty)| ty))
}

/// What follows the server's base, or a text that has no scheme.
fn relative<'t>(text: &'t str, base: &str) -> Option<&'t str> {
    if !base.is_empty()
        && let Some(rest) = text.strip_prefix(base)
    {
        return rest.strip_prefix('/');
    }
    (!text.contains(':')).then_some(text)
}

/// `Type/id` and `Type/id/_history/version`.
fn local(text: &str) -> Option<(ResourceType, &str)> {
    let (ty, rest) = text.split_once('/')?;
    let id = match rest.split_once('/') {
        Some((id, history)) => {
            history.strip_prefix("_history/").filter(|v| is_id(v)).map(|_| id)?
        }
        None => rest,
    };
    Some((ResourceType::named(ty)?, id)).filter(|_| is_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_local_or_urls() {
        let base = "http://own.example/fhir";
        let patient = |id: &str| {
            Some(Target::Local { ty: ResourceType::named("Patient").unwrap(), id: id.into() })
        };
        let url = |url: &str, version: Option<&str>| {
            Some(Target::Url { url: url.into(), version: version.map(Into::into) })
        };
        let cases = [
            ("Patient/1", patient("1")),
            ("Patient/1/_history/2", patient("1")),
            ("http://own.example/fhir/Patient/1", patient("1")),
            ("http://own.example/fhir/Patient/1/_history/2", patient("1")),
            ("http://own.example/fhirs/Patient/1", url("http://own.example/fhirs/Patient/1", None)),
            ("http://other.example/Patient/1", url("http://other.example/Patient/1", None)),
            ("urn:uuid:1", url("urn:uuid:1", None)),
            ("http://x.example/q|1.1", url("http://x.example/q", Some("1.1"))),
            ("http://x.example/Q|1.1-RC", url("http://x.example/Q", Some("1.1-rc"))),
            ("Nonsense/1", url("Nonsense/1", None)),
            ("Patient?identifier=1", url("Patient?identifier=1", None)),
            ("Patient/", url("Patient/", None)),
            ("#p", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(target(text, base), expected, "{text}");
        }
    }
}
