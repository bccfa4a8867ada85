//! Composites: <https://hl7.org/fhir/R4/search.html#composite>. The parts of a row come from one element.

use fhir_model::{Kind, NodeRef};
use fhirpath::Context;

use super::{
    found::{self, Found},
    holds,
};
use crate::{
    registry::{Composite, CompositePart, Condition, Leaf, ParamId, PartPlace, Rest, Step},
    rows::{CompositeRow, Part, Rows, TokenRow},
};

/// The most rows of composites of one resource; a resource that would give more is no clinical one.
pub(super) const ROWS_MAX: usize = 10_000;

/// The most steps of an expression for a part: there may be an element for each row.
const STEPS_MAX: u64 = 10_000;

/// A value, and the same in base units: with so many parts there are not many more rows than keys.
const PARTS_FEW: usize = 2;

/// Each token with each value of the other part, as long as there are not too many.
pub(super) fn extract<'t>(found: &mut Found<'t>, param: ParamId, node: NodeRef<'t>) {
    let Some(composite) = found.program.composite(param) else { return };
    let is_within = is_within(composite);
    // elements count too, so that many that give nothing do not cost much either
    if !is_within {
        if found.composites_left == 0 {
            return;
        }
        found.composites_left -= 1;
    }
    let parts = rest(found, composite, node);
    if parts.is_empty() {
        return;
    }
    let is_counted = !is_within || parts.len() > PARTS_FEW;
    let keys = keys(found, composite, node);
    for part in &parts {
        for key in &keys {
            if is_counted {
                if found.composites_left == 0 {
                    return;
                }
                found.composites_left -= 1;
            }
            found.rows.composites.push(CompositeRow {
                param,
                code: key.code.clone(),
                system: key.system.clone(),
                part: part.clone(),
            });
        }
    }
}

/// Whether all parts stand within the element: then no place is read twice.
fn is_within(composite: &Composite) -> bool {
    let is_path = |place: &PartPlace| matches!(place, PartPlace::Path(_));
    let is_within = |part: &CompositePart| !part.is_common && part.places.iter().all(is_path);
    let rest = match &composite.rest {
        Rest::One(part) => is_within(part),
        Rest::Numbers(..) => false,
    };
    rest && is_within(&composite.key)
}

/// The tokens that are keys; where they are the same for all elements they are looked for once.
fn keys<'t>(found: &mut Found<'t>, composite: &Composite, node: NodeRef<'t>) -> Vec<TokenRow> {
    let (param, key) = (composite.param, &composite.key);
    if !key.is_common {
        return values(found, param, key, node).tokens;
    }
    if !found.common.iter().any(|(of, _)| *of == param) {
        let rows = values(found, param, key, found.root);
        found.common.push((param, rows));
    }
    let rows = found.common.iter().find(|(of, _)| *of == param);
    rows.map(|(_, rows)| rows.tokens.clone()).unwrap_or_default()
}

/// The values beside the key.
fn rest<'t>(found: &Found<'t>, composite: &Composite, node: NodeRef<'t>) -> Vec<Part> {
    let param = composite.param;
    match &composite.rest {
        Rest::One(part) => parts(values(found, param, part, node)),
        Rest::Numbers(first, second) => {
            let numbers = |part| values(found, param, part, node).numbers;
            let seconds = numbers(second);
            let pairs = numbers(first).into_iter().flat_map(|first| {
                let second = seconds.iter().map(|second| second.value);
                second.map(move |second| Part::Numbers(first.value, second))
            });
            pairs.take(ROWS_MAX).collect()
        }
    }
}

/// The values of a part as rows of the composite.
fn values<'t>(found: &Found<'t>, param: ParamId, part: &CompositePart, node: NodeRef<'t>) -> Rows {
    let leaf = Leaf { param, kind: part.kind, parts: u8::MAX };
    let node = if part.is_common { found.root } else { node };
    let mut rows = Rows::default();
    let mut add = |node: NodeRef<'t>| {
        if node.kind() != Kind::Absent
            && let Some(node) = found::value_of(node)
        {
            found::element(&mut rows, leaf, node, found.base, found.local);
        }
    };
    let mut computed = Vec::new();
    let context = Context::new(found.root).with_budget(STEPS_MAX);
    for place in &part.places {
        match place {
            PartPlace::Path(steps) => follow(steps, node, found, &mut add),
            PartPlace::Expression(expression) => {
                let items = expression.evaluate(&context, node);
                for item in items.into_iter().flatten() {
                    match item.node() {
                        Some(node) => add(node),
                        None => computed.push(item),
                    }
                }
            }
        }
    }
    for item in computed {
        found::computed(&mut rows, leaf, &item);
    }
    rows
}

/// The elements that a path leads to.
fn follow<'t>(
    steps: &[Step],
    node: NodeRef<'t>,
    found: &Found<'t>,
    add: &mut impl FnMut(NodeRef<'t>),
) {
    let Some((step, rest)) = steps.split_first() else { return add(node) };
    for child in node.named(&step.name) {
        if holds(&step.condition, child, found.local) {
            follow(rest, child, found, add);
        }
        if step.condition == Condition::First {
            break;
        }
    }
}

fn parts(rows: Rows) -> Vec<Part> {
    let tokens =
        rows.tokens.into_iter().map(|row| Part::Token { code: row.code, system: row.system });
    let strings =
        rows.strings.into_iter().map(|row| Part::String { folded: row.folded, exact: row.exact });
    let quantities = rows.quantities.into_iter().map(|row| Part::Quantity {
        value: row.value,
        system: row.system,
        code: row.code,
        unit: row.unit,
    });
    let canonical =
        rows.canonical.into_iter().map(|row| Part::Canonical { value: row.value, unit: row.unit });
    let numbers = rows.numbers.into_iter().map(|row| Part::Number(row.value));
    let dates = rows.dates.into_iter().map(|row| Part::Date(row.span));
    let references = rows.references.into_iter().map(|row| Part::Reference(row.target));
    let all = tokens.chain(strings).chain(quantities).chain(canonical);
    all.chain(numbers).chain(dates).chain(references).collect()
}
