//! The links of a page: <https://hl7.org/fhir/R4/bundle.html#searchset>.

use storage::{Page, Turn};

use crate::{Fhir, Query, bundle::Bundle, cursor};

/// Writes `self`, `next` and `previous`. `path` is what follows the base.
pub(crate) fn link(
    bundle: &mut Bundle,
    (fhir, bearer): (&Fhir, &str),
    (path, query): (&str, &Query),
    page: &Page,
    turn: &Turn,
) {
    let address = |query: &Query| {
        let slash = if path.is_empty() { "" } else { "/" };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{slash}{path}{mark}{query}", fhir.base)
    };
    let of = signed_text(path, query);
    let turned = |turn: &Turn| {
        let mut query = query.clone();
        let cursor = cursor::seal(fhir, (&of, bearer), turn)?;
        query.push(cursor::PARAMETER, cursor);
        Some(address(&query))
    };
    bundle.link("self", &turned(turn).unwrap_or_else(|| address(query)));
    if !matches!(turn, Turn::First) {
        bundle.link("first", &address(query));
    }
    for (relation, end) in [
        ("next", page.next.clone().map(Turn::After)),
        ("previous", page.previous.clone().map(Turn::Before)),
    ] {
        if let Some(address) = end.and_then(|end| turned(&end)) {
            bundle.link(relation, &address);
        }
    }
}

/// What a cursor belongs to.
pub(crate) fn signed_text(path: &str, query: &Query) -> String {
    format!("{path}?{query}")
}
