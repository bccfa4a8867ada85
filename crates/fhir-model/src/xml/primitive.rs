//! A primitive's `value` attribute as a JSON scalar: <https://hl7.org/fhir/R4/json.html#primitive>.

use crate::{definitions::Primitive, json};

/// Writes the value, digits kept; `false` when it cannot be a value of this type. The JSON parser
/// checks the rest.
pub(super) fn write(out: &mut Vec<u8>, primitive: Primitive, value: &str) -> bool {
    let bare = match primitive {
        Primitive::Boolean => value == "true" || value == "false",
        Primitive::Integer
        | Primitive::UnsignedInt
        | Primitive::PositiveInt
        | Primitive::Decimal => is_number(value.as_bytes()),
        Primitive::String
        | Primitive::Markdown
        | Primitive::Code
        | Primitive::Id
        | Primitive::Uri
        | Primitive::Url
        | Primitive::Canonical
        | Primitive::Oid
        | Primitive::Uuid
        | Primitive::Base64Binary
        | Primitive::Date
        | Primitive::DateTime
        | Primitive::Instant
        | Primitive::Time
        | Primitive::Xhtml => {
            json::write_string(out, value);
            return true;
        }
    };
    if bare {
        out.extend_from_slice(value.as_bytes());
    }
    bare
}

/// Whether this is a number as JSON writes it: <https://www.rfc-editor.org/rfc/rfc8259#section-6>.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, text) = digits(text);
    let leading_zero = whole.len() > 1 && whole.starts_with(b"0");
    if whole.is_empty() || leading_zero {
        return false;
    }
    let text = match text.strip_prefix(b".").map(digits) {
        Some(([], _)) => return false,
        Some((_, rest)) => rest,
        None => text,
    };
    let Some(exponent) = text.strip_prefix(b"e").or_else(|| text.strip_prefix(b"E")) else {
        return text.is_empty();
    };
    let unsigned = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-"));
    let (power, rest) = digits(unsigned.unwrap_or(exponent));
    !power.is_empty() && rest.is_empty()
}

/// The leading digits and what follows them.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_bare_and_everything_else_quoted() {
        let cases = [
            (Primitive::Decimal, "1.50", Some("1.50")),
            (Primitive::Decimal, "-0.0E+10", Some("-0.0E+10")),
            (Primitive::Decimal, "+1", None),
            (Primitive::Decimal, "01", None),
            (Primitive::Decimal, "1.", None),
            (Primitive::Decimal, ".5", None),
            (Primitive::Decimal, "1e", None),
            (Primitive::Decimal, "1,\"a\":2", None),
            (Primitive::Decimal, "", None),
            (Primitive::Integer, "-7", Some("-7")),
            (Primitive::Boolean, "true", Some("true")),
            (Primitive::Boolean, "1", None),
            (Primitive::String, "a\"b", Some(r#""a\"b""#)),
            (Primitive::Date, "2020", Some(r#""2020""#)),
        ];
        for (primitive, value, json) in cases {
            let mut out = Vec::new();
            let written = write(&mut out, primitive, value);
            assert_eq!(
                written.then(|| String::from_utf8(out).unwrap()).as_deref(),
                json,
                "{primitive:?} {value}"
            );
        }
    }
}
