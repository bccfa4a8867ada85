//! A resource as XML, elements in the order of the definition: <https://hl7.org/fhir/R4/xml.html>.

use super::{FHIR, XHTML, narrative::escape_into};
use crate::{
    Kind, NodeRef,
    definitions::{Primitive, TypeKind},
};

/// The resource as XML in one line.
pub fn from_tree(root: NodeRef<'_>) -> Vec<u8> {
    write(root, Layout::Compact)
}

/// The resource as XML with a line for each element, indented by two spaces.
pub fn from_tree_pretty(root: NodeRef<'_>) -> Vec<u8> {
    write(root, Layout::Indented)
}

/// Where line breaks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Compact,
    Indented,
}

/// What is still to be written, the next thing last.
#[derive(Debug)]
enum Task<'t> {
    /// `<Patient>`
    Resource(NodeRef<'t>),
    /// `<name>`
    Element(NodeRef<'t>),
    /// `</name>`
    End(&'static str),
}

#[derive(Debug)]
struct Writer<'t> {
    out: String,
    layout: Layout,
    depth: usize,
    tasks: Vec<Task<'t>>,
}

fn write(root: NodeRef<'_>, layout: Layout) -> Vec<u8> {
    let mut out = String::with_capacity(root.span().len() * 5 / 4 + 128);
    out.push_str(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let mut writer = Writer { out, layout, depth: 0, tasks: vec![Task::Resource(root)] };
    while let Some(task) = writer.tasks.pop() {
        match task {
            Task::Resource(node) => writer.resource(node),
            Task::Element(node) => writer.element(node),
            Task::End(name) => writer.end(name),
        }
    }
    if layout == Layout::Indented {
        writer.out.push('\n');
    }
    writer.out.into_bytes()
}

impl<'t> Writer<'t> {
    fn resource(&mut self, node: NodeRef<'t>) {
        let name = node.ty().name();
        self.open(name);
        if self.depth == 0 {
            self.attribute("xmlns", FHIR);
        }
        self.content(name, node);
    }

    fn element(&mut self, node: NodeRef<'t>) {
        let Some(element) = node.element() else { return };
        let name = element.json_name;
        if node.ty().primitive() == Some(Primitive::Xhtml) {
            self.break_line();
            self.narrative(node);
            return;
        }
        self.open(name);
        if node.ty().kind() == TypeKind::Resource {
            self.out.push('>');
            self.depth += 1;
            self.tasks.extend([Task::End(name), Task::Resource(node)]);
            return;
        }
        self.content(name, node);
    }

    /// Writes the attributes of an open tag and plans the rest of the element.
    fn content(&mut self, name: &'static str, node: NodeRef<'t>) {
        let mut children: Vec<NodeRef<'t>> = Vec::new();
        for child in node.children() {
            match child.element() {
                Some(element) if element.is_xml_attribute => {
                    self.attribute(element.json_name, &child.text().unwrap_or_default());
                }
                Some(_) => children.push(child),
                None => {}
            }
        }
        if let (Some(value), true) = (node.text(), node.kind() != Kind::Object) {
            self.attribute("value", &value);
        }
        if children.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        self.depth += 1;
        self.tasks.push(Task::End(name));
        // the order of JSON members is free, that of XML elements is not
        children.sort_by_key(|child| child.element().map(|element| element.order));
        self.tasks.extend(children.into_iter().rev().map(Task::Element));
    }

    fn open(&mut self, name: &str) {
        self.break_line();
        self.out.push('<');
        self.out.push_str(name);
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.break_line();
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape_into(&mut self.out, value);
        self.out.push('"');
    }

    /// The narrative is XHTML already; only a missing namespace is added.
    fn narrative(&mut self, node: NodeRef<'t>) {
        let text = node.text().unwrap_or_default();
        let (tag, rest) = text.split_at(text.find(['/', '>']).unwrap_or(text.len()));
        match tag.trim_start().strip_prefix("<div") {
            Some(attributes) if !text.contains("xmlns=") => {
                self.out.push_str("<div");
                self.attribute("xmlns", XHTML);
                self.out.push_str(attributes);
                self.out.push_str(rest);
            }
            _ => self.out.push_str(text.trim()),
        }
    }

    fn break_line(&mut self) {
        if self.layout == Layout::Indented {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth.min(64)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn tree(text: &str) -> crate::Tree {
        json::parse_trusted(bytes::Bytes::copy_from_slice(text.as_bytes()))
    }

    fn xml(text: &str) -> String {
        String::from_utf8(from_tree(tree(text).root())).unwrap()
    }

    #[test]
    fn elements_stand_in_the_order_of_the_definition() {
        let json = r#"{"birthDate":"1974-12-25","_birthDate":{"extension":[{"valueCode":"a","url":"http://x"}],"id":"b"},
            "name":[{"given":["A",null],"_given":[null,{"id":"g"}],"family":"F"}],"resourceType":"Patient","id":"p",
            "contained":[{"resourceType":"Organization","active":true}],"multipleBirthInteger":2}"#;
        assert_eq!(
            xml(json),
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="p"/>"#,
                r#"<contained><Organization><active value="true"/></Organization></contained>"#,
                r#"<name><family value="F"/><given value="A"/><given id="g"/></name>"#,
                r#"<birthDate id="b" value="1974-12-25"><extension url="http://x"><valueCode value="a"/></extension>"#,
                r#"</birthDate><multipleBirthInteger value="2"/></Patient>"#,
            )
        );
    }

    #[test]
    fn what_xml_would_lose_is_escaped() {
        let json = r#"{"resourceType":"Basic","code":{"text":"a\n\t\r<&>\"'\u0001\ufffe"}}"#;
        let text = r#"<text value="a&#10;&#9;&#13;&lt;&amp;&gt;&quot;'��"/>"#;
        assert!(xml(json).contains(text), "{}", xml(json));
    }

    #[test]
    fn narratives_are_kept_and_given_their_namespace() {
        let outer = |div: &str| {
            format!(r#"{{"resourceType":"Basic","text":{{"status":"empty","div":"{div}"}}}}"#)
        };
        let cases = [
            (r#"<div xmlns=\"http://www.w3.org/1999/xhtml\">a<br/></div>"#, ">a<br/></div></text>"),
            ("<div>a</div>", r#"<div xmlns="http://www.w3.org/1999/xhtml">a</div></text>"#),
            ("<div/>", r#"<div xmlns="http://www.w3.org/1999/xhtml"/></text>"#),
        ];
        for (div, expected) in cases {
            let written = xml(&outer(div));
            assert!(written.contains(expected), "{written}");
        }
    }

    #[test]
    fn the_indented_form_has_a_line_for_each_element() {
        let tree = tree(r#"{"resourceType":"Basic","code":{"text":"a"}}"#);
        assert_eq!(
            String::from_utf8(from_tree_pretty(tree.root())).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Basic xmlns=\"http://hl7.org/fhir\">\n  <code>\n    \
             <text value=\"a\"/>\n  </code>\n</Basic>\n"
        );
    }
}
