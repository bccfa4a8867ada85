//! `_include` and `_revinclude`: <https://hl7.org/fhir/R4/search.html#revinclude>.

use fhir_model::ResourceType;

use super::{Context, fault::Fault, suggest, types};
use crate::{
    SearchKind,
    plan::{Include, IncludeWay, Plan},
    registry::Elements,
};

/// The most of them in a query.
const INCLUDES_MAX: usize = 8;

/// Which way the parameter of this name follows references, if it does.
pub(super) fn way(name: &str) -> Option<IncludeWay> {
    match name.split_once(':').map_or(name, |(name, _)| name) {
        "_include" => Some(IncludeWay::Forwards),
        "_revinclude" => Some(IncludeWay::Backwards),
        _ => None,
    }
}

/// `[type]:[parameter]`, `[type]:[parameter]:[target type]`, `[type]:*`, `*`
pub(super) fn parse(
    context: &Context<'_>,
    (plan, way): (&Plan, IncludeWay),
    (name, value): (&str, &str),
) -> Result<Include, Fault> {
    if plan.includes.len() >= INCLUDES_MAX {
        let text = format!("is one of more than {INCLUDES_MAX} includes");
        return Err(Fault::TooCostly(text.into()));
    }
    let iterate = match name.split_once(':').map(|(_, modifier)| modifier) {
        None => false,
        // `recurse` is the name before R4
        Some("iterate" | "recurse") => true,
        Some(modifier) => {
            let modifier: String = modifier.chars().take(100).collect();
            let text = format!("has no modifier ':{modifier}'; there is :iterate");
            return Err(Fault::Modifier(text));
        }
    };
    let all = Include { way, iterate, source: None, params: None, target: None };
    if value == "*" {
        return Ok(all);
    }
    let (source, code, target) = match *value.split(':').collect::<Vec<_>>().as_slice() {
        [source, code] => (source, code, None),
        [source, code, target] => (source, code, Some(target)),
        _ => {
            return Err(Fault::Value(
                "is written [type]:[parameter], [type]:[parameter]:[target type], [type]:* or *"
                    .into(),
            ));
        }
    };
    let named = |name| ResourceType::named(name).ok_or_else(|| types::no_type(name));
    let source = named(source)?;
    let target = target.map(named).transpose()?;
    let all = Include { source: Some(source), target, ..all };
    if code == "*" {
        return Ok(all);
    }
    let Some(parameter) = context.registry.parameter(source, code) else {
        let references =
            context.registry.of(source).iter().filter(|one| one.kind == SearchKind::Reference);
        let hint = suggest::hint(code, references.map(|parameter| &*parameter.code));
        return Err(Fault::Value(format!("names no parameter of {source}{hint}").into()));
    };
    if parameter.kind != SearchKind::Reference || parameter.elements == Elements::Resources {
        let text = format!("names '{}' of {source}, which is no reference", parameter.code);
        return Err(Fault::Value(text.into()));
    }
    if let Some(target) = target
        && !parameter.targets.is_empty()
        && !parameter.targets.contains(&target)
    {
        let text = format!("names '{}' of {source}, never a {target}", parameter.code);
        return Err(Fault::Value(text.into()));
    }
    let params = match target {
        Some(target) => context.registry.referring(&parameter.sources, &[target]),
        None => parameter.sources.clone(),
    };
    Ok(Include { params: Some(params), ..all })
}
