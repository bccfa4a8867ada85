//! `Narrative.div`: XHTML inside the XML, a string of XHTML in the JSON:
//! <https://hl7.org/fhir/R4/narrative.html>.

use super::{
    XHTML,
    source::{Namespace, Open, Piece, Source},
};
use crate::Outcome;

/// Reads a `div` whose start tag was just read, up to its end, and writes it without prefixes, without
/// comments and with the one namespace declaration that the JSON format wants.
pub(super) fn read<'x>(source: &mut Source<'x>, div: &Open<'x>) -> Result<String, Outcome> {
    let mut out = String::new();
    // the end tags still to be written; none for `<br/>`
    let mut ends = vec![open(source, &mut out, div)?];
    while !ends.is_empty() {
        match source.next()? {
            Piece::Open(element) => ends.push(open(source, &mut out, &element)?),
            Piece::Close => {
                if let Some(Some(name)) = ends.pop() {
                    out.push_str("</");
                    out.push_str(name);
                    out.push('>');
                }
            }
            // XML reads CR LF as LF
            Piece::Text(text) => out.push_str(&text.replace("\r\n", "\n").replace('\r', "\n")),
            Piece::Data(text) => escape_into(&mut out, text),
            Piece::End => return Err(source.fault("The document ends inside the narrative")),
        }
    }
    Ok(out)
}

/// Writes a start tag and tells the name of the end tag that it needs.
fn open<'x>(
    source: &Source<'x>,
    out: &mut String,
    element: &Open<'x>,
) -> Result<Option<&'x str>, Outcome> {
    if element.namespace != Namespace::Xhtml {
        let why = format!("`{}` is not in the XHTML namespace `{XHTML}`", element.name);
        return Err(source.fault(why));
    }
    let is_outermost = out.is_empty();
    out.push('<');
    out.push_str(element.name);
    if is_outermost {
        out.push_str(r#" xmlns=""#);
        out.push_str(XHTML);
        out.push('"');
    }
    for (name, value) in &element.attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape_into(out, value);
        out.push('"');
    }
    out.push_str(if element.is_empty { "/>" } else { ">" });
    Ok((!element.is_empty).then_some(element.name))
}

/// Appends text so that it means itself in an attribute and between tags.
pub(super) fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            // no XML can hold these
            '\0'..='\u{1f}' | '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}
