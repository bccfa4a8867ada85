//! What XHTML may be in a narrative: the formatting chapters of HTML 4 that
//! <https://hl7.org/fhir/R4/narrative.html#xhtml> names, without forms, scripts, frames and objects.

/// Sorted, for binary search.
const ELEMENTS: [&str; 56] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

/// Attributes that every element may have.
const EVERYWHERE: [&str; 10] = [
    "accesskey",
    "class",
    "dir",
    "id",
    "lang",
    "style",
    "tabindex",
    "title",
    "xml:lang",
    "xml:space",
];

/// Attributes of tables, their parts, lists and rules.
const LAYOUT: [&str; 13] = [
    "abbr", "align", "axis", "char", "charoff", "colspan", "headers", "rowspan", "scope", "span",
    "valign", "width", "border",
];

/// Attributes of one element only.
const SPECIFIC: [(&str, &[&str]); 15] = [
    ("a", &["charset", "coords", "href", "hreflang", "name", "rel", "rev", "shape", "type"]),
    ("area", &["alt", "coords", "href", "nohref", "shape"]),
    ("blockquote", &["cite"]),
    ("br", &["clear"]),
    ("del", &["cite", "datetime"]),
    ("div", &["xmlns"]),
    ("hr", &["noshade", "size"]),
    ("img", &["alt", "height", "hspace", "ismap", "longdesc", "src", "usemap", "vspace"]),
    ("ins", &["cite", "datetime"]),
    ("map", &["name"]),
    ("ol", &["start", "type"]),
    ("q", &["cite"]),
    ("table", &["bgcolor", "cellpadding", "cellspacing", "frame", "rules", "summary"]),
    ("td", &["bgcolor", "height", "nowrap"]),
    ("th", &["bgcolor", "height", "nowrap"]),
];

pub(super) fn is_allowed_element(name: &str) -> bool {
    ELEMENTS.binary_search(&name).is_ok()
}

pub(super) fn is_allowed_attribute(element: &str, name: &str) -> bool {
    EVERYWHERE.contains(&name)
        || LAYOUT.contains(&name)
        || SPECIFIC.iter().any(|(owner, names)| *owner == element && names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_elements_is_sorted() {
        assert!(ELEMENTS.is_sorted());
        assert!(is_allowed_element("div") && !is_allowed_element("script"));
        assert!(is_allowed_attribute("a", "href") && !is_allowed_attribute("p", "href"));
    }
}
