//! `[id]`, `[type]/[id]`, `[url]`: <https://hl7.org/fhir/R4/search.html#reference>.

use fhir_model::ResourceType;

use super::{Asked, any_of, no_modifier, token};
use crate::{
    extract::{is_id, target},
    parse::{Fault, budget, types, value},
    plan::{Filter, ReferenceTest, Test, Version, Way},
    registry::ParamId,
    rows::Target,
};

/// What leads from a part to the whole, by the names that R4 gives it.
const PART_OF: &[&str] = &["partof", "part-of", "parent"];

/// One of the values; where their types are known, by the rows that may refer to them.
pub(super) fn filter(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    let tests: Vec<Test> = asked.each(values, parse)?.into_iter().flatten().collect();
    budget::tests(tests.len())?;
    let types: Option<Vec<&[ResourceType]>> = tests.iter().map(types_of).collect();
    let sources = &asked.parameter.sources;
    Ok(match types {
        Some(types) => any_of(&asked.context.registry.referring(sources, &types.concat()), tests),
        None => any_of(sources, tests),
    })
}

/// The types of what a test finds references to; `None` when any will do.
fn types_of(test: &Test) -> Option<&[ResourceType]> {
    let Test::Reference(test) = test else { return None };
    match test {
        ReferenceTest::Local { ty, .. } | ReferenceTest::Hierarchy { ty, .. } => {
            Some(std::slice::from_ref(ty))
        }
        ReferenceTest::Id { types, .. } if !types.is_empty() => Some(types),
        ReferenceTest::Id { .. } | ReferenceTest::Url { .. } => None,
    }
}

/// A URL under the server's own base may stand in the index as a local reference or, where it is a
/// canonical, as a URL: two tests.
fn parse(asked: &Asked<'_>, value: &str) -> Result<Vec<Test>, Fault> {
    let tests = match asked.modifier {
        Some("identifier") => return Ok(vec![Test::Identifier(token::token(value)?)]),
        Some("above") => within(asked, &value::unescape(value), Way::Above)?,
        Some("below") => within(asked, &value::unescape(value), Way::Below)?,
        Some(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            vec![typed(asked, name, &value::unescape(value))?]
        }
        Some(name) => {
            let known = ["[type]", "identifier", "above", "below"];
            return Err(no_modifier(asked.parameter, name, &known));
        }
        None => plain(asked, &value::unescape(value))?,
    };
    Ok(tests.into_iter().map(Test::Reference).collect())
}

pub(in crate::parse) fn plain(asked: &Asked<'_>, text: &str) -> Result<Vec<ReferenceTest>, Fault> {
    if is_id(text) {
        let types = asked.parameter.targets.clone();
        return Ok(vec![ReferenceTest::Id { types, id: text.into() }]);
    }
    let tests = [target(text, asked.context.reading.base), target(text, "")];
    let mut tests: Vec<ReferenceTest> = tests.into_iter().flatten().map(wanted).collect();
    tests.dedup();
    if tests.is_empty() {
        return Err(Fault::Value("takes [id], [type]/[id] or a URL".into()));
    }
    Ok(tests)
}

/// `subject:Patient=1`
fn typed(asked: &Asked<'_>, name: &str, text: &str) -> Result<ReferenceTest, Fault> {
    let ty = ResourceType::named(name).ok_or_else(|| types::no_type(name))?;
    let id = match target(text, asked.context.reading.base) {
        Some(Target::Local { ty: found, id }) if found == ty => id,
        _ if is_id(text) => text.into(),
        _ => return Err(Fault::Value(format!("with ':{ty}' takes the id of a {ty}").into())),
    };
    Ok(ReferenceTest::Local { ty, id })
}

fn wanted(target: Target) -> ReferenceTest {
    match target {
        Target::Local { ty, id } => ReferenceTest::Local { ty, id },
        Target::Url { url, version } => {
            ReferenceTest::Url { url, version: version.map_or(Version::Any, Version::Is) }
        }
        // no query names what is inside a resource
        Target::Contained { id, .. } => ReferenceTest::Id { types: Vec::new(), id },
    }
}

/// `:above` and `:below`: hierarchies of resources, and versions of canonicals.
fn within(asked: &Asked<'_>, text: &str, way: Way) -> Result<Vec<ReferenceTest>, Fault> {
    let hierarchy = |ty: ResourceType, id: &str| {
        part_of(asked, ty).map(|part_of| ReferenceTest::Hierarchy {
            ty,
            id: id.into(),
            part_of,
            way,
        })
    };
    if is_id(text) {
        let types = asked.parameter.targets.iter();
        let tests: Vec<ReferenceTest> = types.filter_map(|ty| hierarchy(*ty, text)).collect();
        return if tests.is_empty() {
            Err(Fault::Value("takes [type]/[id] of a type whose resources have parts".into()))
        } else {
            Ok(tests)
        };
    }
    match target(text, asked.context.reading.base) {
        Some(Target::Local { ty, id }) => match hierarchy(ty, &id) {
            Some(test) => Ok(vec![test]),
            None => Err(Fault::Value(
                format!("takes a type whose resources have parts, which {ty} is not").into(),
            )),
        },
        Some(Target::Url { url, version }) if way == Way::Below => {
            let version = version.map_or(Version::Any, Version::Below);
            Ok(vec![ReferenceTest::Url { url, version }])
        }
        _ => Err(Fault::Value("takes [id] or [type]/[id] for a hierarchy of resources".into())),
    }
}

/// The parameter by which a resource of this type names the one that it is part of.
fn part_of(asked: &Asked<'_>, ty: ResourceType) -> Option<ParamId> {
    let named = PART_OF.iter().filter_map(|code| asked.context.registry.parameter(ty, code));
    named.filter(|one| one.targets.contains(&ty)).map(|one| one.id).next()
}
