//! The XHTML of narratives: well-formed, and nothing but text formatting:
//! <https://hl7.org/fhir/R4/narrative.html> (txt-1, txt-2). What is outside the list is refused, never
//! rewritten. Links may only lead where no script can stand.

mod allowed;
mod link;

use std::borrow::Cow;

use allowed::{is_allowed_attribute, is_allowed_element};

/// Elements may nest this deep.
const DEPTH_MAX: usize = 128;
/// An element may have this many attributes.
const ATTRIBUTES_MAX: usize = 32;

/// A sentence that says what is wrong.
type Fault = Cow<'static, str>;

/// Checks the value of `Narrative.div`.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    let mut reader =
        Reader { rest: text.trim_matches(SPACE), open: Vec::new(), has_content: false };
    if !reader.rest.starts_with("<div") {
        return Err("A narrative is one XHTML <div> element (txt-1)".into());
    }
    while !reader.rest.is_empty() {
        reader.step()?;
        if reader.open.is_empty() && !reader.rest.is_empty() {
            return Err("A narrative ends with its <div> element (txt-1)".into());
        }
    }
    if let Some(name) = reader.open.last() {
        return Err(format!("<{name}> is not closed in the narrative (txt-1)").into());
    }
    if reader.has_content {
        Ok(())
    } else {
        Err("A narrative needs some text or an image (txt-2)".into())
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A place in the text, and the elements that are open there.
struct Reader<'t> {
    rest: &'t str,
    open: Vec<&'t str>,
    has_content: bool,
}

impl<'t> Reader<'t> {
    /// Reads text up to the next tag, or a tag.
    fn step(&mut self) -> Result<(), Fault> {
        let Some(markup) = self.rest.strip_prefix('<') else { return self.text() };
        if let Some(end_tag) = markup.strip_prefix('/') {
            self.rest = end_tag;
            self.end_tag()
        } else if let Some(comment) = markup.strip_prefix("!--") {
            let Some((inner, after)) = comment.split_once("--") else {
                return Err("A comment is not closed in the narrative".into());
            };
            let _ = inner;
            self.rest =
                after.strip_prefix('>').ok_or("A comment may not hold '--' in the narrative")?;
            Ok(())
        } else if markup.starts_with(['!', '?']) {
            Err("A narrative has no declarations, CDATA sections or processing instructions (txt-1)"
                .into())
        } else {
            self.rest = markup;
            self.start_tag()
        }
    }

    fn text(&mut self) -> Result<(), Fault> {
        let end = memchr::memchr(b'<', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.has_content = self.has_content || !text.trim_matches(SPACE).is_empty();
        entities(text, |_| {})
    }

    fn start_tag(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        if !is_allowed_element(name) {
            return Err(format!("<{name}> is not among the elements of narratives (txt-1)").into());
        }
        if self.open.len() == DEPTH_MAX {
            return Err("The narrative's elements are nested too deep".into());
        }
        self.has_content = self.has_content || name == "img";
        let mut attributes: Vec<&str> = Vec::new();
        loop {
            let trimmed = self.rest.trim_start_matches(SPACE);
            if let Some(rest) = trimmed.strip_prefix('>') {
                self.rest = rest;
                self.open.push(name);
                break;
            }
            if let Some(rest) = trimmed.strip_prefix("/>") {
                self.rest = rest;
                break;
            }
            if trimmed.len() == self.rest.len() {
                return Err(format!("<{name}> is not closed in the narrative (txt-1)").into());
            }
            self.rest = trimmed;
            let attribute = self.attribute(name)?;
            if attributes.contains(&attribute) {
                return Err(format!("<{name}> has the attribute '{attribute}' twice").into());
            }
            attributes.push(attribute);
            if attributes.len() > ATTRIBUTES_MAX {
                return Err(format!("<{name}> has too many attributes").into());
            }
        }
        let is_root = self.open.len() <= 1 && name == "div";
        if is_root && self.open.len() == 1 && !attributes.contains(&"xmlns") {
            return Err(NAMESPACE.into());
        }
        Ok(())
    }

    /// Reads `name="value"`.
    fn attribute(&mut self, element: &str) -> Result<&'t str, Fault> {
        let name = self.name()?;
        let after = self.rest.trim_start_matches(SPACE).strip_prefix('=');
        let after = after.map(|rest| rest.trim_start_matches(SPACE));
        let quoted = after.and_then(|rest| {
            rest.strip_prefix('"')
                .and_then(|rest| rest.split_once('"'))
                .or_else(|| rest.strip_prefix('\'').and_then(|rest| rest.split_once('\'')))
        });
        let Some((raw, rest)) = quoted else {
            return Err(
                format!("The attribute '{name}' of <{element}> needs a value in quotes").into()
            );
        };
        self.rest = rest;
        if raw.contains('<') {
            return Err(format!("'<' in the attribute '{name}' must be written as '&lt;'").into());
        }
        if !is_allowed_attribute(element, name) {
            return Err(format!(
                "The attribute '{name}' of <{element}> is not allowed in narratives (txt-1)"
            )
            .into());
        }
        let mut value = String::with_capacity(raw.len());
        entities(raw, |part| value.push_str(part))?;
        check_value(element, name, &value)?;
        Ok(name)
    }

    fn end_tag(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        let Some(rest) = self.rest.trim_start_matches(SPACE).strip_prefix('>') else {
            return Err(format!("</{name}> lacks its '>' in the narrative").into());
        };
        self.rest = rest;
        match self.open.pop() {
            Some(open) if open == name => Ok(()),
            Some(open) => Err(format!("</{name}> closes <{open}> in the narrative (txt-1)").into()),
            None => Err(format!("</{name}> closes nothing in the narrative (txt-1)").into()),
        }
    }

    /// The name of an element or attribute.
    fn name(&mut self) -> Result<&'t str, Fault> {
        let end = self
            .rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_')))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        if name.is_empty() {
            return Err("'<' in the narrative's text must be written as '&lt;'".into());
        }
        if name.len() > 32 {
            return Err("The narrative has an unknown element or attribute (txt-1)".into());
        }
        self.rest = rest;
        Ok(name)
    }
}

const NAMESPACE: &str = "A narrative's <div> needs xmlns=\"http://www.w3.org/1999/xhtml\" (txt-1)";

/// Values that could lead out of the page.
fn check_value(element: &str, name: &str, value: &str) -> Result<(), Fault> {
    let fits = match name {
        "href" | "cite" | "longdesc" => link::is_safe_link(value),
        "src" | "usemap" => link::is_safe_image(value),
        "style" => link::is_safe_style(value),
        "xmlns" if value != "http://www.w3.org/1999/xhtml" => return Err(NAMESPACE.into()),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    Err(match name {
        "style" => format!("The style of <{element}> may not load or run anything"),
        "src" | "usemap" => {
            format!("The '{name}' of <{element}> must be '#id' or a data URL of a PNG, JPEG or GIF")
        }
        _ => format!(
            "The '{name}' of <{element}> must be a http, https, mailto, tel or relative link"
        ),
    }
    .into())
}

/// Hands over text with its references resolved; refuses unknown ones.
fn entities(text: &str, mut part: impl FnMut(&str)) -> Result<(), Fault> {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        part(before);
        let window = after.get(..after.floor_char_boundary(12)).unwrap_or_default();
        let Some(end) = window.find(';') else {
            return Err("'&' in the narrative must be written as '&amp;'".into());
        };
        let name = window.get(1..end).unwrap_or_default();
        let Some(character) = entity(name) else {
            return Err(format!(
                "'&{}' in the narrative is neither one of XML's five entities nor a character number",
                super::parser::shown(name)
            )
            .into());
        };
        part(character.encode_utf8(&mut [0; 4]));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    part(rest);
    Ok(())
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?).filter(|c| *c >= ' ' || SPACE.contains(c))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn div(inner: &str) -> String {
        format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inner}</div>")
    }

    #[test]
    fn formatting_is_allowed() {
        for inner in [
            "text",
            "<p>a<br/>b</p>",
            "a &lt; b &amp; c &#233; &#xe9;",
            "<!-- note -->x",
            "<table border='1'><tr><td colspan = \"2\">x</td></tr></table>",
            "<img src=\"#pic\" alt=\"x\"/>",
            "<img src=\"data:image/png;base64,QUJD\"/>",
            "<a href=\"http://example.org/?a=1&amp;b=2\">x</a>",
            "<a href=\"#x\" name='y'>x</a>",
            "<a href=\"Patient/1\">x</a>",
            "<p style=\"color: red\">x</p>",
            "<a href=\"mailto:a@b\">x</a>",
        ] {
            assert_eq!(check(&div(inner)), Ok(()), "{inner}");
        }
        assert_eq!(check(&format!(" {} ", div("x"))), Ok(()));
    }

    #[test]
    fn all_else_is_refused() {
        for (inner, why) in [
            ("", "txt-2"),
            (" \n ", "txt-2"),
            ("<p/>", "txt-2"),
            ("<script>x</script>", "<script>"),
            ("<object>x</object>", "<object>"),
            ("<p onclick=\"x\">x</p>", "onclick"),
            ("<form>x</form>", "<form>"),
            ("<p>x", "</div> closes <p>"),
            ("</p>", "</p> closes <div>"),
            ("<p", "not closed"),
            ("<p a>x</p>", "'a'"),
            ("<p title=x>x</p>", "in quotes"),
            ("a < b", "&lt;"),
            ("a & b", "&amp;"),
            ("&nbsp;x", "five entities"),
            ("&#0;", "five entities"),
            ("<![CDATA[x]]>", "CDATA"),
            ("<?php x?>", "processing"),
            ("<!-- x", "comment"),
            ("<p title=\"a\" title=\"b\">x</p>", "twice"),
            ("<p title=\"<\">x</p>", "&lt;"),
            ("<a href=\"javascript:x\">x</a>", "'href'"),
            ("<a href=\"&#106;avascript:x\">x</a>", "'href'"),
            ("<a href=\" java\tscript:x\">x</a>", "'href'"),
            ("<a href=\"JAVASCRIPT:x\">x</a>", "'href'"),
            ("<a href=\"data:text/html,x\">x</a>", "'href'"),
            ("<a href=\"&#1;javascript:x\">x</a>", "five"),
            ("<img src=\"data:image/svg+xml;base64,x\"/>", "'src'"),
            ("<img src=\"javascript:x\"/>", "'src'"),
            ("<p style=\"background: url(http://x)\">x</p>", "style"),
            ("<p style=\"width: expression(1)\">x</p>", "style"),
            ("<p style=\"a\\62 c\">x</p>", "style"),
        ] {
            let fault = check(&div(inner)).unwrap_err();
            assert!(fault.contains(why), "{inner}: {fault}");
        }
        for text in [
            "",
            "text",
            "<p>x</p>",
            "<div>x</div>",
            "<div xmlns=\"http://x\">x</div>",
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>y",
            "<divx>x</divx>",
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div><div>y</div>",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(&div(&"<b>".repeat(100_000))).unwrap_err().contains("too deep"));
    }
}
