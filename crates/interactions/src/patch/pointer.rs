//! JSON Pointer: <https://www.rfc-editor.org/rfc/rfc6901>.

use fhir_model::json::Value;

/// A place in a JSON document: member names and array positions, escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Reads `/name/0/given`; `None` when it is not a pointer.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/');
        tokens.map(unescape).collect::<Option<_>>().map(Self)
    }

    /// How deep the place lies.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether the other place is this one or inside it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The place that holds this one, and the name in it; `None` for the whole document.
    pub(super) fn split(&self) -> Option<(&[String], &str)> {
        self.0.split_last().map(|(last, parents)| (parents, last.as_str()))
    }

    /// The value at this place.
    pub(super) fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, token| match value {
            Value::Object(_) => value.get(token),
            Value::Array(items) => items.get(index(token)?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }
}

/// The value at this place, to be changed.
pub(super) fn find_mut<'v>(document: &'v mut Value, tokens: &[String]) -> Option<&'v mut Value> {
    tokens.iter().try_fold(document, |value, token| child_mut(value, token))
}

/// The member or item of this name, to be changed.
pub(super) fn child_mut<'v>(value: &'v mut Value, token: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(_) => value.get_mut(token),
        Value::Array(items) => items.get_mut(index(token)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// An array position: digits without leading zeros.
pub(super) fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit());
    let padded = token.len() > 1 && token.starts_with('0');
    if plain && !padded { token.parse().ok() } else { None }
}

/// `~1` is `/`, `~0` is `~`, any other `~` is a mistake.
fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (escape, rest) = (part.get(..1)?, part.get(1..)?);
        text.push(match escape {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        text.push_str(rest);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use fhir_model::json::Limits;

    use super::*;

    #[test]
    fn pointers_of_the_rfc_find_their_values() {
        let text = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2," ":7,"m~n":8}"#;
        let document = Value::parse(text, &Limits::default()).unwrap();
        let cases = [
            ("/foo/0", Some(r#""bar""#)),
            ("/", Some("0")),
            ("/a~1b", Some("1")),
            ("/c%d", Some("2")),
            ("/ ", Some("7")),
            ("/m~0n", Some("8")),
            ("/foo/00", None),
            ("/foo/2", None),
            ("/foo/-", None),
            ("/foo/+1", None),
            ("/foo/0/x", None),
            ("/nope", None),
        ];
        for (text, expected) in cases {
            let found = Pointer::parse(text).unwrap().find(&document).map(Value::to_vec);
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{text}");
        }
        for text in ["foo", "/~", "/~2", "/a~"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }
}
