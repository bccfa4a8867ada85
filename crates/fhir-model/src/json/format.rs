//! The same JSON with less or more whitespace.

use super::string;

/// Appends well-formed JSON without the whitespace between its tokens.
pub fn minify_into(out: &mut Vec<u8>, source: &[u8]) {
    let mut rest = source;
    while let Some(at) = rest.iter().position(|&byte| byte <= b' ' || byte == b'"') {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        if tail.first() == Some(&b'"') {
            let (text, after) = tail.split_at_checked(string::raw_len(tail)).unwrap_or((tail, &[]));
            out.extend_from_slice(text);
            rest = after;
        } else {
            rest = tail.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
}

/// Well-formed JSON with a line for each member and item, indented by two spaces.
pub fn pretty(source: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len() * 2);
    let mut depth = 0_usize;
    let mut rest = source;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                let inner = tail.trim_ascii_start();
                if let Some((&close @ (b'}' | b']'), after)) = inner.split_first() {
                    out.push(close);
                    rest = after;
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                break_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b'"' => {
                let whole = source.get(source.len() - tail.len() - 1..).unwrap_or_default();
                let len = string::raw_len(whole);
                let (text, after) = whole.split_at_checked(len).unwrap_or((whole, &[]));
                out.extend_from_slice(text);
                rest = after;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => out.push(byte),
        }
    }
    out.push(b'\n');
    out
}

/// A new line, indented; not deeper than 64 levels, so that hostile nesting cannot blow the answer up.
fn break_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth.min(64), b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_goes_and_comes_back() {
        let source = br#" { "a" : [ 1 , {} , [ ] , " x \" y " ] ,"b":{"c":null} } "#;
        let mut small = Vec::new();
        minify_into(&mut small, source);
        assert_eq!(small, br#"{"a":[1,{},[]," x \" y "],"b":{"c":null}}"#);
        let expected = "{\n  \"a\": [\n    1,\n    {},\n    [],\n    \" x \\\" y \"\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}\n";
        assert_eq!(String::from_utf8(pretty(&small)).unwrap(), expected);
        assert_eq!(pretty(source), pretty(&small));
    }

    #[test]
    fn broken_input_is_passed_through_without_panic() {
        for source in ["", "\"", "\"\\", "}", "{\"a", "[[[", "\"a\\\""] {
            let mut out = Vec::new();
            minify_into(&mut out, source.as_bytes());
            assert_eq!(out, source.as_bytes());
            assert!(pretty(source.as_bytes()).len() < 100);
        }
    }
}
