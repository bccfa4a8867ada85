//! Answers as somebody may see them: every resource of which they are shown a part, wherever it stands in an answer.

use auth::{Caller, View};
use bytes::Bytes;
use fhir_model::{
    ResourceType,
    json::{Limits, Value},
};

use crate::{Answer, elements};

/// How deep Bundles stand in each other; deeper ones are not answered with.
const DEPTH_MAX: usize = 4;

/// What no part leaves out.
const ALWAYS: &[&str] = &["resourceType", "id", "meta", "implicitRules", "modifierExtension"];

/// Whether somebody is shown less than all of some type.
pub(crate) fn is_narrow(caller: &Caller) -> bool {
    match caller {
        Caller::Bearer(who) => who.sees_in_part(),
        Caller::Operator | Caller::Anonymous => false,
    }
}

/// The answer with no more than may be seen. What cannot be read is not shown at all.
pub(crate) fn narrowed(caller: &Caller, answer: Answer) -> Answer {
    let body = answer.body.as_ref().map(|body| {
        let limits = Limits::default();
        let Ok(mut value) = Value::parse(body, &limits) else { return Bytes::new() };
        if narrow(caller, &mut value, 0) { Bytes::from(value.to_vec()) } else { body.clone() }
    });
    Answer { body, ..answer }
}

/// Whether something was left out.
fn narrow(caller: &Caller, resource: &mut Value, depth: usize) -> bool {
    let name = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(view) = view(caller, &name) {
        part(view, resource);
        return true;
    }
    let mut is_narrowed = false;
    for (list, inside) in [("entry", "resource"), ("parameter", "resource")] {
        if let Some(Value::Array(items)) = resource.get_mut(list) {
            for item in items {
                let Some(inner) = item.get_mut(inside) else { continue };
                if depth >= DEPTH_MAX {
                    *inner = Value::Null;
                    is_narrowed = true;
                } else {
                    is_narrowed |= narrow(caller, inner, depth + 1);
                }
            }
        }
    }
    if let Some(Value::Array(contained)) = resource.get_mut("contained") {
        for inner in contained {
            // as deep as the parser let it stand
            is_narrowed |= narrow(caller, inner, depth + 1);
        }
    }
    is_narrowed
}

fn view(caller: &Caller, ty: &str) -> Option<View> {
    match caller {
        Caller::Bearer(who) => who.view(ResourceType::named(ty)?),
        Caller::Operator | Caller::Anonymous => None,
    }
}

fn part(view: View, resource: &mut Value) {
    let Value::Object(members) = resource else { return };
    members.retain_mut(|(name, value)| match name.as_str() {
        "identifier" => {
            if let Value::Array(all) = value {
                all.retain(|one| is_shown(view, one));
            }
            !matches!(value, Value::Array(all) if all.is_empty())
        }
        name => ALWAYS.contains(&name) || view.elements.contains(&name),
    });
    elements::mark(members);
}

/// Whether an identifier is of a type that is shown.
fn is_shown(view: View, identifier: &Value) -> bool {
    let codings = identifier.get("type").and_then(|concept| concept.get("coding"));
    let Some(Value::Array(codings)) = codings else { return false };
    let code = |coding: &Value| {
        let code = coding.get("code").and_then(Value::as_str);
        code.is_some_and(|code| view.identifiers.contains(&code))
    };
    codings.iter().any(code)
}
