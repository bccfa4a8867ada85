//! Parameters on their way out, checked against the definition.

use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json};

use super::definition::{Definition, Parameter};
use crate::Answer;

/// What an operation gives, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: &'static str,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// The type's name and the value as JSON.
    Value(&'static str, String),
    Resource(Bytes),
    Parts(Output),
}

impl Output {
    /// A value of a type that JSON writes as a text.
    pub(crate) fn text(&mut self, name: &'static str, ty: &'static str, text: &str) {
        self.value(name, ty, quoted(text));
    }

    /// A value of a type that JSON writes as a number.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and short texts of digits")]
    pub(crate) fn number(&mut self, name: &'static str, ty: &'static str, number: impl ToString) {
        self.value(name, ty, number.to_string());
    }

    /// A value as JSON.
    pub(crate) fn value(&mut self, name: &'static str, ty: &'static str, json: String) {
        self.parts.push(Part { name, content: Content::Value(ty, json) });
    }

    /// A reference such as `Patient/1`.
    pub(crate) fn reference(&mut self, name: &'static str, ty: &str, id: &str) {
        self.value(name, "Reference", reference(ty, id));
    }

    pub(crate) fn resource(&mut self, name: &'static str, body: Bytes) {
        self.parts.push(Part { name, content: Content::Resource(body) });
    }

    pub(crate) fn parts(&mut self, name: &'static str, parts: Self) {
        self.parts.push(Part { name, content: Content::Parts(parts) });
    }

    /// The answer.
    ///
    /// # Errors
    /// `exception` when it is not what the definition promises: our fault.
    pub(crate) fn answer(&self, definition: &Definition) -> Result<Answer, Outcome> {
        self.check(&definition.outputs).map_err(|name| {
            let text =
                format!("${} gave a {name} that its definition does not have", definition.code);
            Outcome::new(IssueType::Exception, text)
        })?;
        let mut out = br#"{"resourceType":"Parameters""#.to_vec();
        if !self.parts.is_empty() {
            out.extend_from_slice(br#","parameter":"#);
            self.write(&mut out);
        }
        out.push(b'}');
        Ok(Answer::ok(out))
    }

    fn check(&self, allowed: &[Parameter]) -> Result<(), &str> {
        for part in &self.parts {
            let Some(parameter) = allowed.iter().find(|it| it.name == part.name) else {
                return Err(part.name);
            };
            match &part.content {
                Content::Value(ty, _) if *ty == parameter.ty => {}
                Content::Resource(_) if parameter.parts.is_empty() => {}
                Content::Parts(parts) => parts.check(&parameter.parts)?,
                Content::Value(..) | Content::Resource(_) => return Err(part.name),
            }
        }
        let count = |name: &str| self.parts.iter().filter(|part| part.name == name).count();
        let missing = allowed.iter().find(|parameter| {
            let count = count(&parameter.name);
            let is_over = parameter.max != u16::MAX && count > usize::from(parameter.max);
            count < usize::from(parameter.min) || is_over
        });
        missing
            .map_or(Ok(()), |parameter| Err(&parameter.name))
            .map_err(|_| "parameter too often or not at all")
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(br#"{"name":""#);
            out.extend_from_slice(part.name.as_bytes());
            match &part.content {
                Content::Value(ty, json) => {
                    let mut letters = ty.chars();
                    let first = letters.next().map(|it| it.to_ascii_uppercase());
                    let ty: String = first.into_iter().chain(letters).collect();
                    out.extend_from_slice(format!(r#"","value{ty}":"#).as_bytes());
                    out.extend_from_slice(json.as_bytes());
                }
                Content::Resource(body) => {
                    out.extend_from_slice(br#"","resource":"#);
                    out.extend_from_slice(body);
                }
                Content::Parts(parts) => {
                    out.extend_from_slice(br#"","part":"#);
                    parts.write(out);
                }
            }
            out.push(b'}');
        }
        out.push(b']');
    }
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// A Reference as JSON.
pub(crate) fn reference(ty: &str, id: &str) -> String {
    format!(r#"{{"reference":"{ty}/{id}"}}"#)
}

/// A Coding as JSON.
pub(crate) fn coding(system: &str, code: &str) -> String {
    format!(r#"{{"system":{},"code":{}}}"#, quoted(system), quoted(code))
}
