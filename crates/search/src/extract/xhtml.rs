//! The text of a narrative: <https://hl7.org/fhir/R4/narrative.html>.

/// Elements inside a line: what stands before and after them may be one word.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "big", "cite", "code", "dfn", "em", "i", "kbd", "q", "samp",
    "small", "span", "strong", "sub", "sup", "tt", "u", "var",
];

/// The five entities of XML; narratives have no others, and characters by number.
const ENTITIES: &[(&str, char)] =
    &[("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];

/// Without tags and comments, entities resolved. Blocks are apart by a space.
pub(super) fn text(xhtml: &str) -> String {
    let mut out = String::with_capacity(xhtml.len() / 2);
    let mut rest = xhtml;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        rest = if let Some(comment) = from.strip_prefix("<!--") {
            comment.split_once("-->").map_or("", |(_, after)| after)
        } else if let Some(tag) = from.strip_prefix('<') {
            let (tag, after) = split_tag(tag);
            if !is_inline(tag) {
                out.push(' ');
            }
            after
        } else {
            let (c, after) = entity(from);
            out.push(c);
            after
        };
    }
    out.push_str(rest);
    out
}

/// What stands in a tag, and what follows it. A `>` in an attribute's value ends nothing.
fn split_tag(from: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, byte) in from.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => {
                return (from.get(..at).unwrap_or(""), from.get(at + 1..).unwrap_or(""));
            }
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    (from, "")
}

fn is_inline(tag: &str) -> bool {
    let name = tag.trim_start_matches('/');
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    name.get(..end).is_some_and(|name| INLINE.contains(&name))
}

/// The character that a text beginning with `&` stands for, and what follows; of no known one a space.
fn entity(from: &str) -> (char, &str) {
    let after_ampersand = from.get(1..).unwrap_or("");
    let end = after_ampersand.bytes().take(12).position(|byte| byte == b';');
    let Some((name, after)) =
        end.and_then(|end| Some((after_ampersand.get(..end)?, after_ampersand.get(end + 1..)?)))
    else {
        return (' ', after_ampersand);
    };
    let number = name.strip_prefix('#').and_then(|number| {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        char::from_u32(code.ok()?)
    });
    let named = || ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    (number.or_else(named).unwrap_or(' '), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_entities_become_characters() {
        let cases = [
            ("<div>a<p>b</p>c</div>", " a b c "),
            ("<b>D</b>iabetes<br/>x", "Diabetes x"),
            ("1 &lt; 2 &amp;&#233;&#xe9;", "1 < 2 &éé"),
            ("a&nbsp;b & c", "a b   c"),
            ("<img alt='a > b'/>c", " c"),
            ("a<!-- <b>no</b> -->b", "ab"),
            ("a <unfinished", "a  "),
            ("a<!-- unfinished", "a"),
            ("&#99999999;é&", " é "),
            ("", ""),
        ];
        for (xhtml, expected) in cases {
            assert_eq!(text(xhtml), expected, "{xhtml}");
        }
    }
}
