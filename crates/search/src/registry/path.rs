//! The part of `FHIRPath` that search parameters are mostly written in: a path of element names with
//! casts and a few conditions. What is not recognised here goes to the `fhirpath` crate.

use fhir_model::{ResourceType, TypeId};

use super::Condition;

/// How deep parentheses may be nested.
const DEPTH_MAX: u8 = 8;

/// One branch of an expression: what stands between the `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Branch {
    /// It is about another resource type.
    Elsewhere,
    /// A path from the resource.
    Path(Vec<Step>),
    /// Something else, for the engine.
    Other,
}

/// From an element to its children of a name, those that satisfy the condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: Box<str>,
    pub(crate) condition: Condition,
}

/// The branches of an expression, split at the `|` that stand outside parentheses and quotes.
pub(super) fn branches(expression: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut from) = (0_u32, false, 0);
    let mut out = Vec::new();
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            b'|' if !quoted && depth == 0 => {
                out.extend(expression.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    out.extend(expression.get(from..));
    out.into_iter().map(str::trim).filter(|branch| !branch.is_empty()).collect()
}

/// Understands a branch as seen from a resource type.
pub(super) fn branch(text: &str, ty: ResourceType) -> Branch {
    let Some(steps) = path(text, DEPTH_MAX) else { return Branch::Other };
    if is_about(text, ty) { Branch::Path(steps) } else { Branch::Elsewhere }
}

/// As [`branch`], of the elements that a composite binds together: the resource itself may be one.
pub(super) fn base(text: &str, ty: ResourceType) -> Branch {
    match identifier(text) {
        (name, "") if TypeId::named(name).is_some() => {
            if is_about(text, ty) {
                Branch::Path(Vec::new())
            } else {
                Branch::Elsewhere
            }
        }
        _ => branch(text, ty),
    }
}

/// Whether the type that a path begins with, if it does, is this one or a general one.
fn is_about(text: &str, ty: ResourceType) -> bool {
    let (head, _) = identifier(text.trim_start_matches('('));
    let is_type = head.starts_with(|c: char| c.is_ascii_uppercase());
    !is_type || TypeId::named(head).is_some_and(|base| ty.ty().is_a(base))
}

/// `Patient.telecom.where(system='phone')`, `(Observation.value as Quantity)`, `name`.
fn path(text: &str, depth: u8) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = if let Some((inner, rest)) = parenthesised(text) {
        (path(inner, depth.checked_sub(1)?)?, rest)
    } else {
        let (head, rest) = identifier(text);
        let is_type = head.starts_with(|c: char| c.is_ascii_uppercase());
        let first = Step { name: head.into(), condition: Condition::Always };
        (if is_type { Vec::new() } else { vec![first] }, rest)
    };
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[0]") {
            restrict(&mut steps, Condition::First)?;
            rest = after;
        } else if let Some(ty) = rest.strip_prefix(" as ") {
            restrict(&mut steps, Condition::Type(type_named(ty.trim())?))?;
            rest = "";
        } else {
            let (name, after) = identifier(rest.strip_prefix('.')?);
            rest = match parenthesised(after) {
                None => {
                    steps.push(Step { name: name.into(), condition: Condition::Always });
                    after
                }
                Some((argument, after)) => {
                    call(&mut steps, name, argument)?;
                    after
                }
            };
        }
    }
    let is_path = steps.iter().all(|step| !step.name.is_empty());
    (is_path && !steps.is_empty()).then_some(steps)
}

/// `.as(Quantity)`, `.where(resolve() is Patient)`, `.extension('http://...')`
fn call(steps: &mut Vec<Step>, function: &str, argument: &str) -> Option<()> {
    match function {
        "as" | "ofType" => restrict(steps, Condition::Type(type_named(argument)?)),
        "where" => restrict(steps, condition(argument)?),
        "extension" => {
            let url = Condition::Member { name: "url".into(), text: literal(argument)?.into() };
            steps.push(Step { name: "extension".into(), condition: url });
            Some(())
        }
        _ => None,
    }
}

/// A type; `DateTime` too, as R4's definition of `code-value-date` has it.
fn type_named(name: &str) -> Option<TypeId> {
    match name {
        "DateTime" => Some(TypeId::DATE_TIME),
        _ => TypeId::named(name),
    }
}

/// `resolve() is Patient`, `system='phone'`
fn condition(text: &str) -> Option<Condition> {
    if let Some(ty) = text.strip_prefix("resolve() is ") {
        return ResourceType::named(ty.trim()).map(Condition::Resolves);
    }
    let (name, value) = text.split_once('=')?;
    let (name, rest) = identifier(name.trim());
    (rest.is_empty() && !name.is_empty()).then_some(())?;
    Some(Condition::Member { name: name.into(), text: literal(value.trim())?.into() })
}

/// Puts a condition on the last step; one is all it can have.
fn restrict(steps: &mut [Step], condition: Condition) -> Option<()> {
    let last = steps.last_mut().filter(|step| step.condition == Condition::Always)?;
    last.condition = condition;
    Some(())
}

/// `'text'` without escapes.
fn literal(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains(['\'', '\\'])).then_some(inner)
}

fn identifier(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or(("", text))
}

/// What stands in the parentheses that a text begins with, and what follows them.
fn parenthesised(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?;
    let (mut depth, mut quoted) = (1_u32, false);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((inner.get(..at)?.trim(), inner.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(steps: &[(&str, Condition)]) -> Branch {
        let step = |(name, condition): &(&str, Condition)| Step {
            name: (*name).into(),
            condition: condition.clone(),
        };
        Branch::Path(steps.iter().map(step).collect())
    }

    #[test]
    fn the_forms_of_the_registry_are_understood() {
        let any = Condition::Always;
        let member =
            |name: &str, text: &str| Condition::Member { name: name.into(), text: text.into() };
        let patient = ResourceType::named("Patient").unwrap();
        let cases = [
            ("Patient.name.given", steps(&[("name", any.clone()), ("given", any.clone())])),
            ("Resource.meta.tag", steps(&[("meta", any.clone()), ("tag", any.clone())])),
            ("name", steps(&[("name", any.clone())])),
            ("Observation.value", Branch::Elsewhere),
            ("(Observation.value as Quantity)", Branch::Elsewhere),
            (
                "(Patient.deceased as dateTime)",
                steps(&[("deceased", Condition::Type(TypeId::DATE_TIME))]),
            ),
            (
                "Patient.deceased.as(dateTime)",
                steps(&[("deceased", Condition::Type(TypeId::DATE_TIME))]),
            ),
            (
                "(Patient.deceased as CodeableConcept).text",
                steps(&[
                    ("deceased", Condition::Type(TypeId::CODEABLE_CONCEPT)),
                    ("text", any.clone()),
                ]),
            ),
            (
                "Patient.telecom.where(system='phone')",
                steps(&[("telecom", member("system", "phone"))]),
            ),
            (
                "Patient.link.other.where(resolve() is Patient)",
                steps(&[("link", any.clone()), ("other", Condition::Resolves(patient))]),
            ),
            (
                "Patient.extension('http://x.example/y')",
                steps(&[("extension", member("url", "http://x.example/y"))]),
            ),
            ("Patient.contact[0].name", steps(&[("contact", Condition::First), ("name", any)])),
            ("Patient.deceased.exists() and Patient.deceased != false", Branch::Other),
            ("Patient.where(", Branch::Other),
            ("Patient", Branch::Other),
            ("Patient..name", Branch::Other),
            ("Patient.name.where(a.b='x')", Branch::Other),
            ("(Person.name | Patient.name).given", Branch::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(branch(text, patient), expected, "{text}");
        }
    }

    #[test]
    fn branches_split_outside_parentheses_and_quotes() {
        let cases: [(&str, &[&str]); 3] = [
            ("a | b", &["a", "b"]),
            ("(a | b).c | d.where(x='|')", &["(a | b).c", "d.where(x='|')"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(branches(text), expected);
        }
    }

    #[test]
    fn a_composite_may_bind_the_resource_itself() {
        let patient = ResourceType::named("Patient").unwrap();
        let cases = [
            ("Patient", Branch::Path(Vec::new())),
            ("Resource", Branch::Path(Vec::new())),
            ("Observation", Branch::Elsewhere),
            ("Patient.contact", steps(&[("contact", Condition::Always)])),
            ("Observation.component", Branch::Elsewhere),
        ];
        for (text, expected) in cases {
            assert_eq!(base(text, patient), expected, "{text}");
        }
    }
}
