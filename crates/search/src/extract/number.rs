//! Numbers and quantities: <https://hl7.org/fhir/R4/search.html#quantity>.

use fhir_model::{NodeRef, TypeId};

use crate::{
    registry::ParamId,
    rows::{NumberRow, QuantityRow, Real},
    text,
};

/// The system of `Money.currency`.
const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// Whether the element gave at least one row. A Range gives its two bounds.
pub(super) fn numbers(rows: &mut Vec<NumberRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    if node.ty() == TypeId::RANGE {
        let bounds = bounds(node);
        rows.extend(bounds.into_iter().flatten().map(|value| NumberRow { param, value }));
        return bounds.is_some();
    }
    let value = real(node);
    rows.extend(value.map(|value| NumberRow { param, value }));
    value.is_some()
}

/// Whether the element gave at least one row. A Range gives its two bounds.
pub(super) fn quantities(rows: &mut Vec<QuantityRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let before = rows.len();
    match node.ty() {
        TypeId::RANGE => {
            // both bounds have the same unit, so says the invariant rng-2
            let unit = node.child("low").or_else(|| node.child("high"));
            if let Some((unit, bounds)) = unit.zip(bounds(node)) {
                rows.extend(bounds.map(|value| quantity(param, unit, value)));
            }
        }
        TypeId::MONEY => rows.extend(node.child("value").and_then(real).map(|value| {
            let code = node.child_text("currency").map(|code| text::key(&code).into());
            QuantityRow { param, value, system: Some(CURRENCIES.into()), code, unit: None }
        })),
        _ => rows
            .extend(node.child("value").and_then(real).map(|value| quantity(param, node, value))),
    }
    rows.len() > before
}

/// Low and high of a Range; the one that is missing is the least or largest number.
fn bounds(range: NodeRef<'_>) -> Option<[Real; 2]> {
    let bound = |name| range.child(name)?.child("value").and_then(real);
    let (low, high) = (bound("low"), bound("high"));
    (low.is_some() || high.is_some())
        .then_some([low.unwrap_or(Real(f64::MIN)), high.unwrap_or(Real(f64::MAX))])
}

/// A row with the unit of a Quantity.
fn quantity(param: ParamId, node: NodeRef<'_>, value: Real) -> QuantityRow {
    let part = |name| node.child_text(name).map(|text| text::key(&text).into());
    QuantityRow { param, value, system: part("system"), code: part("code"), unit: part("unit") }
}

/// A finite number.
fn real(node: NodeRef<'_>) -> Option<Real> {
    // -0 is 0
    let value = node.text()?.parse::<f64>().ok()? + 0.0;
    value.is_finite().then_some(Real(value))
}
