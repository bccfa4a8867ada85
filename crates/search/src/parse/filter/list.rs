//! `_list`: <https://hl7.org/fhir/R4/search.html#list>.

use fhir_model::ResourceType;

use crate::{
    extract::{is_id, target},
    parse::{Context, Fault, chain::Place, value},
    plan::{Filter, TypePlan},
    rows::Target,
};

/// What is an item of one of these Lists.
pub(super) fn list(
    context: &Context<'_>,
    _: Place,
    (modifier, values): (Option<&str>, &str),
) -> Result<Filter, Fault> {
    if modifier.is_some() {
        return Err(Fault::Modifier("has no modifiers".to_owned()));
    }
    let items = ResourceType::named("List")
        .and_then(|ty| Some((ty, context.registry.parameter(ty, "item")?)));
    let Some((ty, items)) = items else {
        return Err(Fault::Unsupported("needs the search parameter 'item' of List".into()));
    };
    let mut ids = Vec::new();
    for text in context.values(values)?.into_iter().filter(|text| !text.is_empty()) {
        if text.starts_with('$') {
            return Err(Fault::Unsupported(
                "takes ids of Lists; lists by function ($current-...) are not kept here".into(),
            ));
        }
        let text = value::unescape(text);
        match target(&text, context.reading.base) {
            Some(Target::Local { ty: found, id }) if found == ty => ids.push(id),
            _ if is_id(&text) => ids.push(text.into()),
            _ => return Err(Fault::Value("takes ids of Lists".into())),
        }
    }
    if ids.is_empty() {
        return Err(Fault::Value("has commas but no value".into()));
    }
    let source = Box::new(TypePlan { ty, filters: vec![Filter::Id(ids)] });
    Ok(Filter::Has { params: items.sources.clone(), source })
}
