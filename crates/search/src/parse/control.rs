//! Parameters that shape the answer: <https://hl7.org/fhir/R4/search.html#return>.

use super::{Context, fault::Fault, sort, suggest};
use crate::plan::{Contained, ContainedType, Plan, Summary, Total};

/// The most resources of a page.
const COUNT_MAX: u32 = 1000;

/// The most elements.
const ELEMENTS_MAX: usize = 100;

/// Writes what a parameter says into the plan.
type Control = fn(&Context<'_>, &mut Plan, &str) -> Result<(), Fault>;

const CONTROLS: &[(&str, Control)] = &[
    ("_contained", contained),
    ("_containedType", contained_type),
    ("_count", count),
    ("_elements", elements),
    ("_sort", sort::sort),
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

fn count(_: &Context<'_>, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        return Err(Fault::Value("is a number from 0".into()));
    }
    // more digits than fit are more than the most
    plan.count = Some(value.parse().unwrap_or(COUNT_MAX).min(COUNT_MAX));
    Ok(())
}

fn total(_: &Context<'_>, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    plan.total = Some(match value {
        "none" => Total::None,
        "estimate" => Total::Estimate,
        "accurate" => Total::Accurate,
        _ => return Err(Fault::Value("is one of none, estimate, accurate".into())),
    });
    Ok(())
}

fn summary(_: &Context<'_>, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    plan.summary = match value {
        "false" => Summary::False,
        "count" => Summary::Count,
        "true" => Summary::True,
        "text" => Summary::Text,
        "data" => Summary::Data,
        _ => return Err(Fault::Value("is one of true, text, data, count, false".into())),
    };
    Ok(())
}

fn contained(_: &Context<'_>, _: &mut Plan, value: &str) -> Result<(), Fault> {
    match value {
        "true" | "false" | "both" => Ok(()),
        _ => Err(Fault::Value("is one of true, false, both".into())),
    }
}

fn contained_type(_: &Context<'_>, _: &mut Plan, value: &str) -> Result<(), Fault> {
    match value {
        "container" | "contained" => Ok(()),
        _ => Err(Fault::Value("is one of container, contained".into())),
    }
}

/// What `_contained` and `_containedType` say together, in whichever order they stand.
pub(super) fn contained_of(pairs: &[(String, String)]) -> Contained {
    let last = |wanted: &str| {
        let mut from_last = pairs.iter().rev();
        let last = from_last.find(|(name, value)| name == wanted && !value.is_empty());
        last.map(|(_, value)| value.as_str())
    };
    let ty = match last("_containedType") {
        Some("contained") => ContainedType::Contained,
        _ => ContainedType::Container,
    };
    match last("_contained") {
        Some("true") => Contained::Only(ty),
        Some("both") => Contained::Both(ty),
        _ => Contained::No,
    }
}

fn elements(_: &Context<'_>, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if plan.elements.len() >= ELEMENTS_MAX {
            return Err(Fault::TooCostly(format!("takes at most {ELEMENTS_MAX} elements").into()));
        }
        let known = || plan.types.iter().flat_map(|one| one.ty.ty().elements());
        if !known().any(|element| element.name == name) {
            let hint = suggest::hint(name, known().map(|element| element.name));
            let of: &str = plan.ty().map_or("the types that are searched", |ty| ty.name());
            return Err(Fault::Value(format!("lists top-level elements of {of}{hint}").into()));
        }
        plan.elements.push(name.into());
    }
    Ok(())
}
