//! `_type`: <https://hl7.org/fhir/R4/search.html#3.1.1.2.1>.

use fhir_model::ResourceType;

use super::{Scope, fault::Fault, suggest};

/// The parameter's name.
pub(super) const NAME: &str = "_type";

/// The types that the query names, if it names some, each of those given. Repeated, each narrows further.
pub(super) fn named(
    scope: Scope,
    among: &[ResourceType],
    pairs: &[(String, String)],
) -> Result<Option<Vec<ResourceType>>, Fault> {
    if scope == Scope::Type {
        return Ok(None);
    }
    let mut types: Option<Vec<ResourceType>> = None;
    for (_, value) in pairs.iter().filter(|(name, value)| name == NAME && !value.is_empty()) {
        let mut wanted = Vec::new();
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            wanted.push(one(among, name)?);
        }
        if let Some(before) = &types {
            wanted.retain(|ty| before.contains(ty));
        }
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Err(Fault::Value("names no type that can be searched".into()));
        }
        types = Some(wanted);
    }
    Ok(types)
}

fn one(among: &[ResourceType], name: &str) -> Result<ResourceType, Fault> {
    let Some(ty) = ResourceType::named(name) else { return Err(no_type(name)) };
    if among.contains(&ty) {
        Ok(ty)
    } else {
        Err(Fault::Value(format!("names {ty}, which cannot be found here").into()))
    }
}

/// There is no such type.
pub(super) fn no_type(name: &str) -> Fault {
    let known = ResourceType::all().iter().map(|ty| ty.name());
    let hint = suggest::hint(name, known);
    Fault::Value(format!("names a resource type that R4 does not have{hint}").into())
}
