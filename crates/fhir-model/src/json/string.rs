//! JSON strings in and out: <https://www.rfc-editor.org/rfc/rfc8259#section-7>.

use std::borrow::Cow;

/// Appends `text` as a JSON string, quotes included.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    // of all bytes at once, which takes a fraction of asking one after the other; nearly all texts are plain
    if bytes.iter().fold(true, |is_plain, byte| is_plain & is_itself(*byte)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if is_itself(byte) {
            continue;
        }
        out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
        done = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[
                    b'\\',
                    b'u',
                    b'0',
                    b'0',
                    digit(byte >> 4),
                    digit(byte & 15),
                ]);
            }
        }
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out.push(b'"');
}

/// Whether a byte stands for itself in a JSON string.
fn is_itself(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// The text of a raw JSON string, quotes included, that was checked before. Of a string that was not,
/// broken escapes and bytes become U+FFFD.
pub fn unquote(raw: &[u8]) -> Cow<'_, str> {
    let inner = raw.strip_prefix(b"\"").unwrap_or(raw);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    match memchr::memchr(b'\\', inner) {
        // the strict check is the faster one
        None => match std::str::from_utf8(inner) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(inner),
        },
        Some(first) => Cow::Owned(unescape(inner, first)),
    }
}

/// Resolves escapes; `next` is where the first one stands.
fn unescape(inner: &[u8], mut next: usize) -> String {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let (plain, escape) = rest.split_at_checked(next).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        rest = push_escape(&mut out, escape);
        match memchr::memchr(b'\\', rest) {
            Some(at) => next = at,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Resolves the escape at the start of `escape` and returns what follows it.
fn push_escape<'a>(out: &mut Vec<u8>, escape: &'a [u8]) -> &'a [u8] {
    let simple = |out: &mut Vec<u8>, byte: u8, rest: &'a [u8]| {
        out.push(byte);
        rest
    };
    match escape {
        [b'\\', b'n', rest @ ..] => simple(out, b'\n', rest),
        [b'\\', b'r', rest @ ..] => simple(out, b'\r', rest),
        [b'\\', b't', rest @ ..] => simple(out, b'\t', rest),
        [b'\\', b'b', rest @ ..] => simple(out, 8, rest),
        [b'\\', b'f', rest @ ..] => simple(out, 12, rest),
        [b'\\', b'u', rest @ ..] => {
            let (character, rest) = read_unicode(rest);
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest
        }
        [b'\\', other, rest @ ..] => simple(out, *other, rest),
        _ => &[],
    }
}

/// Reads what follows `\u`: four digits, or a surrogate pair. `None` for a lone surrogate.
pub(super) fn read_unicode(text: &[u8]) -> (Option<char>, &[u8]) {
    let Some((high, rest)) = read_hex4(text) else { return (None, text) };
    if !(0xD800..0xE000).contains(&high) {
        return (char::from_u32(high), rest);
    }
    let low = rest.strip_prefix(b"\\u").and_then(read_hex4);
    match low {
        Some((low, after)) if high < 0xDC00 && (0xDC00..0xE000).contains(&low) => {
            (char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), after)
        }
        _ => (None, rest),
    }
}

/// Four hexadecimal digits.
fn read_hex4(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let mut value = 0;
    for &digit in digits {
        value = value * 16 + char::from(digit).to_digit(16)?;
    }
    Some((value, rest))
}

/// Length of the string that `text` starts with, quotes included; all of `text` when it has no end.
pub(super) fn raw_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_survive_writing_and_reading() {
        for text in ["", "a", "\"\\/\n\r\t\u{1}\u{1f}", "na\u{ef}ve \u{1F600} \u{0}", "\\u0041"] {
            let mut raw = Vec::new();
            write_string(&mut raw, text);
            assert_eq!(unquote(&raw), text);
        }
    }

    #[test]
    fn escapes_are_resolved_and_broken_ones_replaced() {
        let cases: [(&str, &str); 9] = [
            (r#""\u0041\u00e9""#, "A\u{e9}"),
            (r#""\ud83d\ude00!""#, "\u{1F600}!"),
            (r#""\/\b\f""#, "/\u{8}\u{c}"),
            (r#""\ud83d""#, "\u{FFFD}"),
            (r#""\ud83dx""#, "\u{FFFD}x"),
            (r#""\ude00\ud83d\ude00""#, "\u{FFFD}\u{1F600}"),
            (r#""\u00""#, "\u{FFFD}00"),
            (r#""a\"#, "a"),
            (r#"""#, ""),
        ];
        for (raw, text) in cases {
            assert_eq!(unquote(raw.as_bytes()), text, "{raw}");
        }
    }
}
