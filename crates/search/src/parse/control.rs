//! Parameters that shape the answer: <https://hl7.org/fhir/R4/search.html#return>.

use super::{fault::Fault, suggest};
use crate::{
    plan::{Direction, Plan, Sort, SortKey, Summary, Total},
    registry::Registry,
};

/// The most resources of a page.
const COUNT_MAX: u32 = 1000;

/// The most sort keys and elements.
const LIST_MAX: usize = 100;

/// Writes what a parameter says into the plan.
type Control = fn(&Registry, &mut Plan, &str) -> Result<(), Fault>;

const CONTROLS: &[(&str, Control)] = &[
    ("_contained", contained),
    ("_count", count),
    ("_elements", elements),
    ("_sort", sort),
    ("_summary", summary),
    ("_total", total),
];

/// The control of this name.
pub(super) fn named(name: &str) -> Option<Control> {
    CONTROLS.iter().find(|(known, _)| *known == name).map(|(_, control)| *control)
}

/// The names of all controls.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CONTROLS.iter().map(|(name, _)| *name)
}

fn count(_: &Registry, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        return Err(Fault::Value("is a number from 0".into()));
    }
    // more digits than fit are more than the most
    plan.count = Some(value.parse().unwrap_or(COUNT_MAX).min(COUNT_MAX));
    Ok(())
}

fn total(_: &Registry, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    plan.total = Some(match value {
        "none" => Total::None,
        "estimate" => Total::Estimate,
        "accurate" => Total::Accurate,
        _ => return Err(Fault::Value("is one of none, estimate, accurate".into())),
    });
    Ok(())
}

fn summary(_: &Registry, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    plan.summary = match value {
        "false" => Summary::False,
        "count" => Summary::Count,
        "true" | "text" | "data" => {
            return Err(Fault::Unsupported("has the values false and count here".into()));
        }
        _ => return Err(Fault::Value("is one of true, text, data, count, false".into())),
    };
    Ok(())
}

fn contained(_: &Registry, _: &mut Plan, value: &str) -> Result<(), Fault> {
    match value {
        "false" => Ok(()),
        "true" | "both" => Err(Fault::Unsupported("has the value false alone here".into())),
        _ => Err(Fault::Value("is one of true, false, both".into())),
    }
}

fn elements(_: &Registry, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    let Some(ty) = plan.ty() else { return Ok(()) };
    let known = ty.ty().elements();
    for name in list(value)? {
        if !known.iter().any(|element| element.name == name) {
            let nearest = suggest::nearest(name, known.iter().map(|element| element.name));
            let hint = nearest.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
            let text = format!("lists top-level elements of {ty}{hint}");
            return Err(Fault::Value(text.into()));
        }
        plan.elements.push(name.into());
    }
    Ok(())
}

fn sort(registry: &Registry, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    let Some(ty) = plan.ty() else { return Ok(()) };
    for name in list(value)? {
        let (name, direction) = match name.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (name, Direction::Ascending),
        };
        let key = match name {
            "_id" => SortKey::Id,
            "_lastUpdated" => SortKey::Updated,
            _ if registry.parameter(ty, name).is_some() => {
                let text = format!("cannot sort by '{name}' here; by _id and _lastUpdated it can");
                return Err(Fault::Unsupported(text.into()));
            }
            _ => {
                let text = format!("sorts by search parameters of {ty}, _id or _lastUpdated");
                return Err(Fault::Value(text.into()));
            }
        };
        plan.sort.push(Sort { key, direction });
    }
    Ok(())
}

/// The parts of a comma-separated list without blanks.
fn list(value: &str) -> Result<impl Iterator<Item = &str>, Fault> {
    if value.split(',').nth(LIST_MAX).is_some() {
        return Err(Fault::TooCostly(format!("takes at most {LIST_MAX} values").into()));
    }
    Ok(value.split(',').map(str::trim).filter(|part| !part.is_empty()))
}
