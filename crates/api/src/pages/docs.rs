//! The `OpenAPI` document as one page: a part for each tag, a line for each method of each address.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Methods in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Parts that stand before all others.
const FIRST: [&str; 2] = ["server", "system"];

/// Writes the page.
pub(super) fn render(document: &Value) -> String {
    let mut parts: BTreeMap<(usize, &str), Vec<Line<'_>>> = BTreeMap::new();
    for (path, item) in members(document, "paths") {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or_default();
            let rank = FIRST.iter().position(|first| *first == tag).unwrap_or(FIRST.len());
            parts.entry((rank, tag)).or_default().push(Line { method, path, operation });
        }
    }
    let mut page = include_str!("docs-head.html").to_owned();
    page.push_str("<nav>");
    for (_, tag) in parts.keys() {
        put(&mut page, format_args!("<a href=\"#{0}\">{0}</a>\n", Escaped(tag)));
    }
    page.push_str("</nav>\n");
    for ((_, tag), lines) in &parts {
        put(&mut page, format_args!("<section id=\"{0}\"><h2>{0}</h2><table>\n", Escaped(tag)));
        for line in lines {
            operation(&mut page, document, line);
        }
        page.push_str("</table></section>\n");
    }
    page.push_str("</main></body></html>\n");
    page
}

/// A method of an address.
struct Line<'d> {
    method: &'static str,
    path: &'d str,
    operation: &'d Value,
}

fn operation(page: &mut String, document: &Value, line: &Line<'_>) {
    let summary = text(line.operation, "summary");
    let summary = if summary.is_empty() { text(line.operation, "description") } else { summary };
    put(
        page,
        format_args!(
            "<tr><td class=\"{0}\">{1}</td><td><code>{2}</code></td><td>{3}",
            line.method,
            line.method.to_ascii_uppercase(),
            Escaped(line.path),
            Escaped(summary)
        ),
    );
    let parameters = line.operation.get("parameters").and_then(Value::as_array);
    if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
        put(page, format_args!("<details><summary>{} parameters</summary><dl>", parameters.len()));
        for parameter in parameters {
            let parameter = resolve(document, parameter);
            let (name, description) = (text(parameter, "name"), text(parameter, "description"));
            put(page, format_args!("<dt>{}</dt><dd>{}</dd>", Escaped(name), Escaped(description)));
        }
        page.push_str("</dl></details>");
    }
    page.push_str("</td></tr>\n");
}

/// What a `$ref` points to, or the thing itself.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer =
        value.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn members<'d>(value: &'d Value, name: &str) -> impl Iterator<Item = (&'d str, &'d Value)> {
    let members = value.get(name).and_then(Value::as_object);
    members.into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn text<'d>(value: &'d Value, name: &str) -> &'d str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    // writing to a String cannot fail
    let _ = page.write_fmt(text);
}

/// Text that is safe inside an element and inside quotes.
struct Escaped<'t>(&'t str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operation_has_a_line_and_nothing_breaks_out() {
        let document = json!({
            "paths": {
                "/fhir/Patient": { "get": {
                    "tags": ["Patient"],
                    "summary": "Search <script>",
                    "parameters": [{ "$ref": "#/components/parameters/id" }],
                } },
                "/health/live": { "get": { "tags": ["server"], "summary": "Alive" } },
            },
            "components": { "parameters": { "id": { "name": "id", "description": "Logical id" } } },
        });
        let page = render(&document);
        assert!(page.contains("<code>/fhir/Patient</code></td><td>Search &lt;script&gt;"));
        assert!(page.contains("<dt>id</dt><dd>Logical id</dd>"));
        assert!(page.find("id=\"server\"").unwrap() < page.find("id=\"Patient\"").unwrap());
        assert!(!page.contains("<script"));
    }
}
