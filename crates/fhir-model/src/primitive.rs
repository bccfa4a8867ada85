//! The formats of the primitive types: <https://hl7.org/fhir/R4/datatypes.html#primitive>. Matchers by
//! hand: they run on every value that comes in.

mod calendar;

use crate::definitions::Primitive;

impl Primitive {
    /// Whether its values stand without quotes in JSON.
    #[inline]
    pub(crate) const fn is_number_or_boolean(self) -> bool {
        matches!(
            self,
            Self::Boolean | Self::Integer | Self::UnsignedInt | Self::PositiveInt | Self::Decimal
        )
    }
}

/// Checks a value that stands as a JSON string. The error says what would be right.
pub(crate) fn check_text(primitive: Primitive, text: &str) -> Result<(), &'static str> {
    let (fits, expected) = match primitive {
        Primitive::String | Primitive::Markdown | Primitive::Xhtml => (true, "text"),
        Primitive::Code => {
            (is_code(text), "a code: no whitespace at either end, single spaces within")
        }
        Primitive::Id => (is_id(text), "an id: 1 to 64 letters, digits, '-' and '.'"),
        Primitive::Uri | Primitive::Url | Primitive::Canonical => {
            (is_uri(text), "a URI: no whitespace")
        }
        Primitive::Oid => (is_oid(text), "an OID as 'urn:oid:1.2.3'"),
        Primitive::Uuid => (
            is_uuid(text),
            "a UUID as 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520', in lower case",
        ),
        Primitive::Base64Binary => {
            (is_base64(text), "base64: groups of four characters of its alphabet")
        }
        Primitive::Date => {
            (calendar::is_date(text), "a date as YYYY, YYYY-MM or YYYY-MM-DD that the calendar has")
        }
        Primitive::DateTime => (
            calendar::is_date_time(text),
            "a date, or a date and a time with seconds and time zone, as 2015-02-07T13:28:17+02:00",
        ),
        Primitive::Instant => (
            calendar::is_instant(text),
            "a date and a time with seconds and time zone, as 2015-02-07T13:28:17.239Z",
        ),
        Primitive::Time => (calendar::is_time(text), "a time as hh:mm:ss"),
        Primitive::Boolean
        | Primitive::Integer
        | Primitive::UnsignedInt
        | Primitive::PositiveInt
        | Primitive::Decimal => (false, "a JSON number or boolean"),
    };
    if !fits {
        return Err(expected);
    }
    if text.is_empty() {
        Err("text that is not empty; leave the element out if there is none")
    } else {
        Ok(())
    }
}

/// Whether there are no control characters but tab and line ends: XML could not carry them.
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// Checks a JSON number; `integer` holds its digits when it has neither fraction nor exponent.
pub(crate) fn check_number(
    primitive: Primitive,
    integer: Option<&str>,
) -> Result<(), &'static str> {
    // -0 is none of R4's integers
    let value = integer.filter(|digits| *digits != "-0").and_then(|digits| digits.parse().ok());
    let (range, expected) = if primitive == Primitive::Decimal {
        return Ok(());
    } else if primitive == Primitive::PositiveInt {
        (1..=i32::MAX, "a whole number from 1 to 2147483647")
    } else if primitive == Primitive::UnsignedInt {
        (0..=i32::MAX, "a whole number from 0 to 2147483647")
    } else {
        (i32::MIN..=i32::MAX, "a whole number from -2147483648 to 2147483647")
    };
    if value.is_some_and(|value| range.contains(&value)) { Ok(()) } else { Err(expected) }
}

/// 1 to 64 letters, digits, `-` and `.`.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

fn is_code(text: &str) -> bool {
    let mut after_space = true;
    for byte in text.bytes() {
        let is_space = byte <= b' ';
        if is_space && after_space {
            return false;
        }
        after_space = is_space;
    }
    !after_space
}

fn is_uri(text: &str) -> bool {
    // the least byte, not the first bad one: that compares many bytes at once
    text.bytes().min().is_none_or(|least| least > b' ')
}

/// `urn:oid:`, then numbers without leading zeros, the first of them 0, 1 or 2.
pub(crate) fn is_oid(text: &str) -> bool {
    let Some(numbers) = text.strip_prefix("urn:oid:") else { return false };
    let is_arc = |arc: &str| {
        arc.bytes().all(|byte| byte.is_ascii_digit())
            && !arc.is_empty()
            && (arc == "0" || !arc.starts_with('0'))
    };
    matches!(numbers.as_bytes(), [b'0'..=b'2', b'.', ..]) && numbers.split('.').all(is_arc)
}

fn is_uuid(text: &str) -> bool {
    text.strip_prefix("urn:uuid:").is_some_and(|uuid| {
        uuid.len() == 36
            && uuid.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            })
    })
}

/// Whitespace may stand between the characters.
fn is_base64(text: &str) -> bool {
    let mut characters = 0_usize;
    let mut padding = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'=' => padding += 1,
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            _ if padding > 0 || !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')) => {
                return false;
            }
            _ => {}
        }
        characters += 1;
    }
    characters.is_multiple_of(4) && padding <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_held_to_their_type() {
        use Primitive::{Base64Binary, Code, Id, Markdown, Oid, String, Uri, Uuid};
        let long = "a".repeat(65);
        let cases: [(Primitive, &str, bool); 33] = [
            (String, "a", true),
            (String, " a\n\tb ", true),
            (String, "", false),
            (Markdown, "", false),
            (Code, "a", true),
            (Code, "a b c", true),
            (Code, " a", false),
            (Code, "a ", false),
            (Code, "a  b", false),
            (Code, "", false),
            (Id, "A-z.0", true),
            (Id, "a_b", false),
            (Id, "", false),
            (Id, &long, false),
            (Id, &long[1..], true),
            (Uri, "http://a/b?c#d", true),
            (Uri, "http://a b", false),
            (Oid, "urn:oid:1.2.840.0", true),
            (Oid, "urn:oid:1", false),
            (Oid, "urn:oid:1.02", false),
            (Oid, "urn:oid:3.1", false),
            (Oid, "urn:oid:1..2", false),
            (Oid, "1.2.3", false),
            (Uuid, "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", true),
            (Uuid, "urn:uuid:C757873d-ec9a-4326-a141-556f43239520", false),
            (Uuid, "c757873d-ec9a-4326-a141-556f43239520", false),
            (Base64Binary, "QUJD", true),
            (Base64Binary, "QUI=", true),
            (Base64Binary, "QQ==", true),
            (Base64Binary, "QU JD\nQUJD", true),
            (Base64Binary, "QUJ", false),
            (Base64Binary, "Q===", false),
            (Base64Binary, "QQ=Q", false),
        ];
        for (primitive, text, fits) in cases {
            assert_eq!(check_text(primitive, text).is_ok(), fits, "{primitive:?} {text:?}");
        }
    }

    #[test]
    fn control_characters_are_not_printable() {
        assert!(is_printable("a\t\r\n\u{e9}") && !is_printable("a\u{1}") && !is_printable("\0"));
    }

    #[test]
    fn numbers_are_held_to_their_range() {
        use Primitive::{Decimal, Integer, PositiveInt, UnsignedInt};
        let cases: [(Primitive, Option<&str>, bool); 12] = [
            (Decimal, None, true),
            (Integer, Some("2147483647"), true),
            (Integer, Some("2147483648"), false),
            (Integer, Some("-2147483648"), true),
            (Integer, Some("-0"), false),
            (Integer, None, false),
            (UnsignedInt, Some("0"), true),
            (UnsignedInt, Some("-1"), false),
            (PositiveInt, Some("0"), false),
            (PositiveInt, Some("1"), true),
            (PositiveInt, Some("99999999999999999999"), false),
            (PositiveInt, None, false),
        ];
        for (primitive, integer, fits) in cases {
            assert_eq!(check_number(primitive, integer).is_ok(), fits, "{primitive:?} {integer:?}");
        }
    }
}
