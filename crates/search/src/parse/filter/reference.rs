//! `[id]`, `[type]/[id]`, `[url]`: <https://hl7.org/fhir/R4/search.html#reference>.

use fhir_model::ResourceType;

use super::{Asked, no_modifier, token};
use crate::{
    extract::{is_id, target},
    parse::{fault::Fault, value},
    plan::{ReferenceTest, Test, Version},
    rows::Target,
};

const LATER: &[&str] = &["above", "below", "text", "in", "not-in", "code-text"];

/// A URL under the server's own base may stand in the index as a local reference or, where it is a
/// canonical, as a URL: two tests.
pub(super) fn parse(asked: &Asked<'_>, value: &str) -> Result<Vec<Test>, Fault> {
    match asked.modifier {
        Some("identifier") => return Ok(vec![Test::Identifier(token::token(value)?)]),
        Some(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            let text = value::unescape(value);
            return typed(asked, name, &text).map(|test| vec![Test::Reference(test)]);
        }
        Some(name) => return Err(no_modifier(name, &["identifier", "[type]"], LATER)),
        None => {}
    }
    let text = value::unescape(value);
    if is_id(&text) {
        let types = asked.parameter.targets.clone();
        return Ok(vec![Test::Reference(ReferenceTest::Id { types, id: text.into() })]);
    }
    let tests = [target(&text, asked.reading.base), target(&text, "")];
    let mut tests: Vec<Test> = tests.into_iter().flatten().map(wanted).collect();
    tests.dedup();
    if tests.is_empty() {
        return Err(Fault::Value("takes [id], [type]/[id] or a URL".into()));
    }
    Ok(tests)
}

/// `subject:Patient=1`
fn typed(asked: &Asked<'_>, name: &str, text: &str) -> Result<ReferenceTest, Fault> {
    let Some(ty) = ResourceType::named(name) else {
        let name: String = name.chars().take(100).collect();
        return Err(Fault::Modifier(format!(
            "has the modifier ':{name}', which is no resource type of R4"
        )));
    };
    let id = match target(text, asked.reading.base) {
        Some(Target::Local { ty: found, id }) if found == ty => id,
        _ if is_id(text) => text.into(),
        _ => return Err(Fault::Value(format!("with ':{ty}' takes the id of a {ty}").into())),
    };
    Ok(ReferenceTest::Local { ty, id })
}

fn wanted(target: Target) -> Test {
    Test::Reference(match target {
        Target::Local { ty, id } => ReferenceTest::Local { ty, id },
        Target::Url { url, version } => {
            ReferenceTest::Url { url, version: version.map_or(Version::Any, Version::Is) }
        }
        // no query names what is inside a resource
        Target::Contained { id, .. } => ReferenceTest::Id { types: Vec::new(), id },
    })
}
