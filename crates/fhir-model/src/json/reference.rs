//! `Reference.reference`: its form and what it may point to, <https://hl7.org/fhir/R4/references.html>.

use std::{borrow::Cow, collections::BTreeSet};

use crate::{IssueType, ResourceType, TypeId, primitive, tree::Kind};

use super::{
    ConditionalReferences,
    faults::{did_you_mean, nearest},
    lexer::Stop,
    parser::{Parser, shown},
};

/// The forms that a literal reference may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form<'t> {
    /// `#id`; `#` alone for the container.
    Fragment(&'t str),
    /// `Patient/1`, `Patient/1/_history/2`.
    Relative(ResourceType),
    /// `Patient?identifier=x`.
    Conditional(ResourceType),
    /// A URL or URN.
    Absolute,
}

impl<const CHECKED: bool> Parser<'_, CHECKED> {
    /// Checks a `Reference` whose members were read.
    pub(super) fn check_reference(&mut self, index: u32) -> Result<(), Stop> {
        let Some(place) = self.child(index, "reference") else { return Ok(()) };
        let Some(text) = self.text_of(place) else { return Ok(()) };
        let target = match form(&text) {
            Ok(Form::Fragment(_)) => {
                self.fragments.push(place);
                return Ok(());
            }
            Ok(Form::Absolute) => return Ok(()),
            Ok(Form::Relative(target)) => target,
            Ok(Form::Conditional(target))
                if self.limits.conditional_references == ConditionalReferences::Allowed =>
            {
                target
            }
            Ok(Form::Conditional(_)) => {
                let text = "A reference by search is allowed only within a transaction Bundle";
                return self.fault(IssueType::Value, place, text);
            }
            Err(expected) => return self.fault(IssueType::Value, place, expected),
        };
        let element = self.nodes.get(index as usize).and_then(|node| node.element);
        let Some(element) = element else { return Ok(()) };
        if element.targets.is_empty() || element.targets.contains(&target) {
            return Ok(());
        }
        let allowed: Vec<&str> = element.targets.iter().map(|target| target.name()).collect();
        let text = format!("This may refer to {}, not to {target}", allowed.join(", "));
        self.fault(IssueType::Value, place, text)
    }

    /// Checks that what the references from `fragments` on point to is contained in the resource.
    #[cold]
    pub(super) fn check_fragments(&mut self, resource: u32, fragments: usize) -> Result<(), Stop> {
        let places = self.fragments.split_off(fragments);
        let id_of = |index| self.child(index, "id").and_then(|id| self.text_of(id));
        let ids: BTreeSet<Cow<'_, str>> = self
            .children(resource)
            .filter(|child| self.is_contained(*child))
            .filter_map(id_of)
            .collect();
        let lost: Vec<u32> = places
            .into_iter()
            .filter(|place| {
                let text = self.text_of(*place).unwrap_or_default();
                let id = text.strip_prefix('#').unwrap_or_default();
                !id.is_empty() && !ids.contains(id)
            })
            .collect();
        for place in lost {
            let text = "Nothing in 'contained' has this id (ref-1)";
            self.fault(IssueType::Invariant, place, text)?;
        }
        Ok(())
    }

    fn is_contained(&self, index: u32) -> bool {
        self.nodes
            .get(index as usize)
            .and_then(|node| node.element)
            .is_some_and(|element| element.ty == TypeId::RESOURCE && element.name == "contained")
    }

    /// The text of a string node.
    pub(super) fn text_of(&self, index: u32) -> Option<Cow<'_, str>> {
        let node = self.nodes.get(index as usize).filter(|node| node.kind == Kind::String)?;
        let raw = self.lexer.slice(node.start as usize, node.stop as usize);
        Some(super::unquote(raw.as_bytes()))
    }
}

/// Tells the forms apart; the error is a sentence.
fn form(text: &str) -> Result<Form<'_>, Cow<'static, str>> {
    if let Some(id) = text.strip_prefix('#') {
        return if id.is_empty() || primitive::is_id(id) {
            Ok(Form::Fragment(id))
        } else {
            Err("After '#' stands the id of a contained resource".into())
        };
    }
    if text.bytes().any(|byte| byte <= b' ') {
        return Err("A reference has no whitespace".into());
    }
    let name_len = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, rest) = text.split_at_checked(name_len).unwrap_or_default();
    match rest.as_bytes().first() {
        Some(b'/') => named(name).and_then(|resource_type| {
            if is_instance(rest.get(1..).unwrap_or_default()) {
                Ok(Form::Relative(resource_type))
            } else {
                Err("After the type stands an id of 1 to 64 letters, digits, '-' and '.'; \
                     then only '/_history/' and a version may follow"
                    .into())
            }
        }),
        Some(b'?') => named(name).map(Form::Conditional),
        _ if is_absolute(text) => Ok(Form::Absolute),
        _ => {
            Err("A reference is 'Type/id', an absolute URL, 'urn:uuid:...', 'urn:oid:...' or '#id'"
                .into())
        }
    }
}

fn named(name: &str) -> Result<ResourceType, Cow<'static, str>> {
    ResourceType::named(name).ok_or_else(|| {
        let names = ResourceType::all().iter().map(|resource_type| resource_type.name());
        let hint = did_you_mean(nearest(name, names));
        format!("R4 has no resource type '{}'{hint}", shown(name)).into()
    })
}

/// `1` or `1/_history/2`.
fn is_instance(text: &str) -> bool {
    match text.split_once('/') {
        None => primitive::is_id(text),
        Some((id, rest)) => {
            primitive::is_id(id) && rest.strip_prefix("_history/").is_some_and(primitive::is_id)
        }
    }
}

/// A URL with an authority, or a URN.
fn is_absolute(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !is_scheme {
        return false;
    }
    if scheme.eq_ignore_ascii_case("urn") {
        return is_urn(text, rest);
    }
    rest.strip_prefix("//").is_some_and(|authority| !authority.is_empty())
}

/// Of the kinds that are known the form is, of others that there is a name.
fn is_urn(text: &str, rest: &str) -> bool {
    match rest.split_once(':') {
        Some(("uuid", uuid)) => {
            uuid.len() == 36
                && uuid.bytes().enumerate().all(|(at, byte)| match at {
                    8 | 13 | 18 | 23 => byte == b'-',
                    _ => byte.is_ascii_hexdigit(),
                })
        }
        Some(("oid", _)) => primitive::is_oid(text),
        Some((kind, name)) => !kind.is_empty() && !name.is_empty(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_a_known_form() {
        let patient = ResourceType::named("Patient").unwrap();
        let cases = [
            ("Patient/1", Ok(Form::Relative(patient))),
            ("Patient/1/_history/2", Ok(Form::Relative(patient))),
            ("Patient?identifier=a|b", Ok(Form::Conditional(patient))),
            ("#a", Ok(Form::Fragment("a"))),
            ("#", Ok(Form::Fragment(""))),
            ("http://example.org/fhir/Patient/1", Ok(Form::Absolute)),
            ("urn:uuid:C757873d-ec9a-4326-a141-556f43239520", Ok(Form::Absolute)),
            ("urn:oid:1.2.3", Ok(Form::Absolute)),
        ];
        for (text, expected) in cases {
            assert_eq!(form(text), expected, "{text}");
        }
        let bad = [
            "",
            "1",
            "Patient",
            "Patient/",
            "Patient/a_b",
            "Patient/1/2",
            "Patient/1/_history/",
            "Patients/1",
            "patient/1",
            "/Patient/1",
            "urn:uuid:1",
            "urn:oid:x",
            "urn:",
            "http://",
            "Patient/1 ",
            "#a b",
            "Foo?x=y",
            "javascript:x",
        ];
        for text in bad {
            assert!(form(text).is_err(), "{text}");
        }
    }
}
