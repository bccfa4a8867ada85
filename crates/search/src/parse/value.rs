//! Values and their escapes: <https://hl7.org/fhir/R4/search.html#escaping>.

/// Splits at every separator that no backslash stands before. The parts keep their escapes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut out, mut from, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == separator => {
                out.extend(text.get(from..at));
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    out.extend(text.get(from..));
    out
}

/// Takes the escapes of `\,` `\|` `\$` `\\` away; other backslashes stay.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = chars.next_if(|next| c == '\\' && matches!(next, ',' | '|' | '$' | '\\'));
        out.push(escaped.unwrap_or(c));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_can_be_escaped() {
        let cases: [(&str, &[&str]); 6] = [
            ("a,b", &["a", "b"]),
            (r"a\,b,c", &["a,b", "c"]),
            (r"a\\,b", &[r"a\", "b"]),
            (r"a\|b\$c\d", &[r"a|b$c\d"]),
            (r"a\", &[r"a\"]),
            (",", &["", ""]),
        ];
        for (text, expected) in cases {
            let parts: Vec<String> = split(text, ',').into_iter().map(unescape).collect();
            assert_eq!(parts, expected, "{text}");
        }
    }
}
