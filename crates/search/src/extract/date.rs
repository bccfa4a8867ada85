//! Dates, times and periods: <https://hl7.org/fhir/R4/search.html#date>.

use fhir_model::{NodeRef, TypeId};

use crate::{registry::ParamId, rows::DateRow, timespan::Timespan};

/// Whether the element gave a row.
pub(super) fn extract(rows: &mut Vec<DateRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let span = match node.ty() {
        TypeId::PERIOD => period(node),
        TypeId::TIMING => timing(node),
        TypeId::DATE | TypeId::DATE_TIME | TypeId::INSTANT => moment(node),
        _ => None,
    };
    rows.extend(span.map(|span| DateRow { param, span }));
    span.is_some()
}

/// A text that was computed. Whether it gave a row.
pub(super) fn push(rows: &mut Vec<DateRow>, param: ParamId, text: &str) -> bool {
    let span = Timespan::parse(text);
    rows.extend(span.map(|span| DateRow { param, span }));
    span.is_some()
}

fn moment(node: NodeRef<'_>) -> Option<Timespan> {
    Timespan::parse(&node.text()?)
}

fn period(node: NodeRef<'_>) -> Option<Timespan> {
    Timespan::period(node.child("start").and_then(moment), node.child("end").and_then(moment))
}

/// The outer limits of all events and of the bounds; how it repeats in between does not matter.
fn timing(node: NodeRef<'_>) -> Option<Timespan> {
    let bounds = node.child("repeat").and_then(|repeat| repeat.child("bounds"));
    let bounds = bounds.filter(|bounds| bounds.ty() == TypeId::PERIOD).and_then(period);
    node.named("event").filter_map(moment).chain(bounds).reduce(Timespan::hull)
}
