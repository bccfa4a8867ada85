//! Numbers and quantities: <https://hl7.org/fhir/R4/search.html#quantity>.

use fhir_model::{NodeRef, TypeId};
use fhirpath::ucum;
use rust_decimal::Decimal;

use crate::{
    registry::ParamId,
    rows::{CanonicalRow, NumberRow, QuantityRow, Real, Rows},
    text,
};

/// The system of `Money.currency`.
const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// The system of UCUM's units.
const UCUM: &str = "http://unitsofmeasure.org";

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

/// A number that was computed. Whether it gave a row.
pub(super) fn push(rows: &mut Vec<NumberRow>, param: ParamId, text: &str) -> bool {
    let value = parse(text);
    rows.extend(value.map(|value| NumberRow { param, value }));
    value.is_some()
}

/// Whether the element gave at least one row. A Range gives its two bounds. What has a UCUM unit gives a
/// row in base units too.
pub(super) fn quantities(rows: &mut Rows, param: ParamId, node: NodeRef<'_>) -> bool {
    let before = rows.quantities.len();
    match node.ty() {
        TypeId::RANGE => {
            // both bounds have the same unit, so says the invariant rng-2
            let unit = node.child("low").or_else(|| node.child("high"));
            if let Some((unit, bounds)) = unit.zip(bounds(node)) {
                rows.quantities.extend(bounds.map(|value| quantity(param, unit, value)));
                canonical_range(&mut rows.canonical, param, node);
            }
        }
        TypeId::MONEY => rows.quantities.extend(node.child("value").and_then(real).map(|value| {
            let code = node.child_text("currency").map(|code| text::key(&code).into());
            QuantityRow { param, value, system: Some(CURRENCIES.into()), code, unit: None }
        })),
        _ => {
            if let Some(value) = node.child("value").and_then(real) {
                rows.quantities.push(quantity(param, node, value));
                let row = canonical(node);
                rows.canonical.extend(row.map(|(value, unit)| CanonicalRow { param, value, unit }));
            }
        }
    }
    rows.quantities.len() > before
}

/// The bounds of a Range, when what there is of them has a UCUM unit.
fn canonical_range(rows: &mut Vec<CanonicalRow>, param: ParamId, range: NodeRef<'_>) {
    let bound = |name| range.child(name).filter(|bound| bound.child("value").is_some());
    let (low, high) = (bound("low"), bound("high"));
    let (least, most) = (low.and_then(canonical), high.and_then(canonical));
    if (low.is_some() && least.is_none()) || (high.is_some() && most.is_none()) {
        return;
    }
    let Some(unit) = least.as_ref().or(most.as_ref()).map(|(_, unit)| unit.clone()) else { return };
    let least = least.map_or(Real(f64::MIN), |(value, _)| value);
    let most = most.map_or(Real(f64::MAX), |(value, _)| value);
    rows.extend([least, most].map(|value| CanonicalRow { param, value, unit: unit.clone() }));
}

/// A Quantity in UCUM base units.
fn canonical(node: NodeRef<'_>) -> Option<(Real, Box<str>)> {
    let system = node.child_text("system")?;
    if system != UCUM {
        return None;
    }
    let (value, code) = (node.child_text("value")?, node.child_text("code")?);
    let has_exponent = value.contains(['e', 'E']);
    let value = if has_exponent { Decimal::from_scientific(&value) } else { value.parse() }.ok()?;
    let (value, unit) = ucum::canonical(value, &code)?;
    Some((parse(&value.to_string())?, unit.into()))
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
    parse(&node.text()?)
}

fn parse(text: &str) -> Option<Real> {
    // -0 is 0
    let value = text.parse::<f64>().ok()? + 0.0;
    value.is_finite().then_some(Real(value))
}
