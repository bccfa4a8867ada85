//! `_sort`: <https://hl7.org/fhir/R4/search.html#sort>.

use super::{Context, Scope, fault::Fault, suggest};
use crate::{
    SearchKind,
    plan::{Direction, Plan, Sort, SortKey},
    registry::{Elements, Parameter},
};

/// The most sort keys.
const KEYS_MAX: usize = 8;

/// `status,-date,category`
pub(super) fn sort(context: &Context<'_>, plan: &mut Plan, value: &str) -> Result<(), Fault> {
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if plan.sort.len() >= KEYS_MAX {
            return Err(Fault::TooCostly(format!("takes at most {KEYS_MAX} keys").into()));
        }
        let (name, direction) = match name.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (name, Direction::Ascending),
        };
        let key = match name {
            "_id" => SortKey::Id,
            "_lastUpdated" => SortKey::Updated,
            _ => by_value(context, plan, name)?,
        };
        plan.sort.push(Sort { key, direction });
    }
    Ok(())
}

/// A parameter that every type has, of one kind.
fn by_value(context: &Context<'_>, plan: &Plan, name: &str) -> Result<SortKey, Fault> {
    if context.scope == Scope::System && !name.starts_with('_') {
        return Err(Fault::Value(
            "sorts everything by parameters that all types have; name the types with _type".into(),
        ));
    }
    let (mut params, mut kind) = (Vec::new(), None);
    for of_type in &plan.types {
        let ty = of_type.ty;
        let known = context.registry.of(ty).iter().filter(|parameter| is_comparable(parameter));
        let parameter = context.registry.parameter(ty, name);
        let Some(parameter) = parameter.filter(|parameter| is_comparable(parameter)) else {
            let hint = suggest::hint(name, known.map(|parameter| &*parameter.code));
            let text = format!(
                "sorts by search parameters of {ty} that have values to compare, _id or \
                 _lastUpdated{hint}"
            );
            return Err(Fault::Value(text.into()));
        };
        if *kind.get_or_insert(parameter.kind) != parameter.kind {
            return Err(Fault::Value(
                format!("sorts by '{}', which is not of one kind for all types", parameter.code)
                    .into(),
            ));
        }
        params.extend_from_slice(&parameter.sources);
    }
    match kind {
        Some(kind) => Ok(SortKey::Value { params, kind }),
        None => Ok(SortKey::Id),
    }
}

fn is_comparable(parameter: &Parameter) -> bool {
    let is_words = matches!(&*parameter.code, "_text" | "_content" | "_query" | "_filter");
    let has_rows = parameter.elements != Elements::Resources;
    !is_words && has_rows && !matches!(parameter.kind, SearchKind::Composite | SearchKind::Special)
}
