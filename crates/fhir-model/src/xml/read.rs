//! XML to JSON text, led by the definitions: which element repeats (an array), which is a number, what
//! is a resource. Members come in XML order: <https://hl7.org/fhir/R4/json.html>.

use super::{
    narrative, primitive,
    source::{Namespace, Open, Piece, Source},
};
use crate::{
    IssueType, Outcome,
    definitions::{ElementDef, Primitive, ResourceType, TypeId, TypeKind},
    json,
};

/// Turns a resource in XML into JSON text. Only what JSON could not express is refused here; the JSON
/// parser must check the result.
pub fn to_json(bytes: &[u8], limits: &json::Limits) -> Result<Vec<u8>, Outcome> {
    convert(bytes, limits, None).map(|(json, _)| json)
}

/// The same of a Bundle. What is wrong with its entries is for [`json::parse_bundle`] to judge.
///
/// # Errors
/// Those of the Bundle itself.
pub fn bundle_to_json(
    bytes: &[u8],
    limits: &json::Limits,
) -> Result<(Vec<u8>, json::EntryFaults), Outcome> {
    convert(bytes, limits, Some(json::EntryFaults::new()))
}

/// The type of the resource that the root element is of; `None` for other XML, and for what is none.
pub fn root_type(bytes: &[u8]) -> Option<ResourceType> {
    let mut source = Source::new(bytes, &json::Limits::default()).ok()?;
    loop {
        match source.next().ok()? {
            Piece::Open(open) if open.namespace == Namespace::Fhir => {
                return ResourceType::named(open.name);
            }
            Piece::Text(text) if is_blank(text) => {}
            Piece::Open(_) | Piece::Text(_) | Piece::Data(_) | Piece::Close | Piece::End => {
                return None;
            }
        }
    }
}

fn convert(
    bytes: &[u8],
    limits: &json::Limits,
    faults: Option<json::EntryFaults>,
) -> Result<(Vec<u8>, json::EntryFaults), Outcome> {
    let mut converter = Converter {
        source: Source::new(bytes, limits)?,
        out: Vec::with_capacity(bytes.len()),
        place: Vec::new(),
        faults,
        entries_max: limits.bundle_entries,
    };
    converter.document().map_err(|outcome| converter.placed(outcome))?;
    Ok((converter.out, converter.faults.unwrap_or_default()))
}

/// One step of the `FHIRPath` of the element being read.
#[derive(Debug)]
struct Step {
    name: &'static str,
    /// Of a repeating element: which item.
    item: Option<usize>,
}

#[derive(Debug)]
struct Converter<'x> {
    source: Source<'x>,
    out: Vec<u8>,
    place: Vec<Step>,
    /// Of a Bundle whose entries may stand for themselves.
    faults: Option<json::EntryFaults>,
    /// Entries that a Bundle may have.
    entries_max: usize,
}

/// The items of one element, as they come: `"given":["A",null],"_given":[null,{...}]`.
#[derive(Debug)]
struct Group {
    element: &'static ElementDef,
    items: usize,
    /// Length of the output before this group.
    start: usize,
    /// Of a primitive: whether any item has a value.
    has_value: bool,
    /// Of a primitive: the `_name` member's value, empty when no item needs one.
    companions: Vec<u8>,
}

impl<'x> Converter<'x> {
    fn document(&mut self) -> Result<(), Outcome> {
        let root = loop {
            match self.source.next()? {
                Piece::Open(open) => break open,
                Piece::Text(text) if is_blank(text) => {}
                Piece::End => return Err(self.source.fault("There is no XML in the body")),
                Piece::Text(_) | Piece::Data(_) | Piece::Close => {
                    return Err(self.source.fault("XML starts with `<`"));
                }
            }
        };
        self.resource(&root)?;
        loop {
            match self.source.next()? {
                Piece::End => return Ok(()),
                Piece::Text(text) if is_blank(text) => {}
                Piece::Text(_) | Piece::Data(_) | Piece::Open(_) | Piece::Close => {
                    return Err(self.source.fault("Nothing may follow the resource"));
                }
            }
        }
    }

    /// Writes the resource whose start tag was just read.
    fn resource(&mut self, open: &Open<'x>) -> Result<(), Outcome> {
        self.expect_fhir(open)?;
        let Some(resource_type) = ResourceType::named(open.name) else {
            let why = format!("`{}` is not a resource type of FHIR R4", open.name);
            return Err(self.source.fault(why));
        };
        if self.place.is_empty() {
            self.place.push(Step { name: resource_type.name(), item: None });
        }
        self.out.extend_from_slice(br#"{"resourceType":""#);
        self.out.extend_from_slice(resource_type.name().as_bytes());
        self.out.push(b'"');
        self.attributes(resource_type.ty(), open, &[])?;
        self.members(resource_type.ty())?;
        self.out.push(b'}');
        Ok(())
    }

    /// Writes the child elements up to the end tag.
    fn members(&mut self, ty: TypeId) -> Result<(), Outcome> {
        let mut group: Option<Group> = None;
        let mut finished = Vec::new();
        loop {
            let open = match self.source.next()? {
                Piece::Open(open) => open,
                Piece::Text(text) if is_blank(text) => continue,
                Piece::Close | Piece::End => break,
                Piece::Text(_) | Piece::Data(_) => {
                    let why = "Text may not stand here: a value is written `<name value=\"...\"/>`";
                    return Err(self.source.fault(why));
                }
            };
            let element = self.element(ty, &open)?;
            let current = match group.take() {
                Some(same) if std::ptr::eq(same.element, element) => group.insert(same),
                previous => {
                    if let Some(previous) = previous {
                        self.close(&previous);
                        finished.push(previous.element);
                        self.expect_new(&finished, element)?;
                    }
                    group.insert(self.begin(element))
                }
            };
            self.item(current, &open)?;
        }
        if let Some(group) = group {
            self.close(&group);
        }
        Ok(())
    }

    /// Which element of the type this is.
    fn element(&self, ty: TypeId, open: &Open<'x>) -> Result<&'static ElementDef, Outcome> {
        let Some(element) = ty.member(open.name) else {
            let why = format!("`{}` has no element `{}`", ty.name(), open.name);
            return Err(self.source.fault(why));
        };
        if element.is_xml_attribute {
            let why = format!("`{0}` is an attribute here: write `{0}=\"...\"`", open.name);
            return Err(self.source.fault(why));
        }
        if element.ty.primitive() != Some(Primitive::Xhtml) {
            self.expect_fhir(open)?;
        }
        Ok(element)
    }

    /// Starts the member of a new element.
    fn begin(&mut self, element: &'static ElementDef) -> Group {
        let start = self.out.len();
        self.member_name("", element.json_name);
        if element.max > 1 {
            self.out.push(b'[');
        }
        Group { element, items: 0, start, has_value: false, companions: Vec::new() }
    }

    /// Writes one item of a group.
    fn item(&mut self, group: &mut Group, open: &Open<'x>) -> Result<(), Outcome> {
        let element = group.element;
        let repeats = element.max > 1;
        self.place.push(Step { name: element.name, item: repeats.then_some(group.items) });
        match (repeats, group.items) {
            (_, 0) => {}
            (true, _) => self.out.push(b','),
            (false, _) => {
                return Err(self.source.fault(format!("`{}` may stand only once", open.name)));
            }
        }
        match element.ty.primitive() {
            Some(Primitive::Xhtml) => {
                let div = narrative::read(&mut self.source, open)?;
                json::write_string(&mut self.out, &div);
                group.has_value = true;
            }
            Some(primitive) => self.primitive(group, open, primitive)?,
            None if element.ty.kind() == TypeKind::Resource => self.inner_resource(open)?,
            None if self.stands_for_itself() => self.entry(element.ty, (group.items, open))?,
            None => self.object(element.ty, open, &[])?,
        }
        group.items += 1;
        self.place.pop();
        Ok(())
    }

    /// Whether the element being read is an entry of a Bundle whose entries do.
    fn stands_for_itself(&self) -> bool {
        let is_entry = |place: &[Step]| match place {
            [root, step] => root.name == "Bundle" && step.name == "entry",
            _ => false,
        };
        self.faults.is_some() && is_entry(&self.place)
    }

    /// Writes an entry, or what stands for one that is at fault.
    fn entry(&mut self, ty: TypeId, (n, open): (usize, &Open<'x>)) -> Result<(), Outcome> {
        let (start, outside) = (self.out.len(), self.source.depth().saturating_sub(1));
        let Err(fault) = self.object(ty, open, &[]) else { return Ok(()) };
        let fault = self.placed(fault);
        if n >= self.entries_max {
            return Err(fault);
        }
        // what is not XML cannot be left
        self.source.leave(outside).map_err(|_| fault.clone())?;
        self.place.truncate(2);
        self.out.truncate(start);
        self.out.extend_from_slice(json::PLACEHOLDER.as_bytes());
        if let Some(faults) = &mut self.faults {
            faults.insert(n, fault);
        }
        Ok(())
    }

    /// Writes `{...}`: the attributes, then the child elements.
    fn object(&mut self, ty: TypeId, open: &Open<'x>, done: &[&str]) -> Result<(), Outcome> {
        self.out.push(b'{');
        self.attributes(ty, open, done)?;
        self.members(ty)?;
        self.out.push(b'}');
        Ok(())
    }

    /// Writes the value of a primitive, and `id` and extensions into its companion.
    fn primitive(
        &mut self,
        group: &mut Group,
        open: &Open<'x>,
        primitive: Primitive,
    ) -> Result<(), Outcome> {
        match open.attributes.iter().find(|(name, _)| *name == "value") {
            None => self.out.extend_from_slice(b"null"),
            Some((_, value)) if primitive::write(&mut self.out, primitive, value) => {
                group.has_value = true;
            }
            Some(_) => {
                let why = format!("The value is not a valid {}", group.element.ty.name());
                return Err(self.source.fault_of(IssueType::Value, why));
            }
        }
        let value_end = self.out.len();
        self.object(group.element.ty, open, &["value"])?;
        let companion = self.out.split_off(value_end);
        let has_companion = companion != b"{}";
        if !has_companion && !open.attributes.iter().any(|(name, _)| *name == "value") {
            let why = format!("`{}` has neither a value nor extensions", open.name);
            return Err(self.source.fault(why));
        }
        if has_companion && group.companions.is_empty() {
            group.companions.extend(b"null,".repeat(group.items));
            group.companions.extend_from_slice(&companion);
        } else if !group.companions.is_empty() {
            group.companions.push(b',');
            group.companions.extend_from_slice(if has_companion { &companion } else { b"null" });
        }
        Ok(())
    }

    /// Ends a group: its `]`, then the `_name` member.
    fn close(&mut self, group: &Group) {
        let element = group.element;
        let repeats = element.max > 1;
        if repeats {
            self.out.push(b']');
        }
        if element.ty.primitive().is_some() && !group.has_value {
            self.out.truncate(group.start);
        }
        if !group.companions.is_empty() {
            self.member_name("_", element.json_name);
            let (before, after): (&[u8], &[u8]) = if repeats { (b"[", b"]") } else { (b"", b"") };
            self.out.extend_from_slice(before);
            self.out.extend_from_slice(&group.companions);
            self.out.extend_from_slice(after);
        }
    }

    /// Writes the one resource inside `<contained>`, `<resource>` or `<outcome>`.
    fn inner_resource(&mut self, outer: &Open<'x>) -> Result<(), Outcome> {
        if let Some((name, _)) = outer.attributes.first() {
            return Err(self
                .source
                .fault(format!("`{name}` is not an attribute of `{}`", outer.name)));
        }
        let mut found = false;
        loop {
            match self.source.next()? {
                Piece::Open(open) if !found => {
                    self.resource(&open)?;
                    found = true;
                }
                Piece::Text(text) if is_blank(text) => {}
                Piece::Close if found => return Ok(()),
                Piece::Open(_) | Piece::Text(_) | Piece::Data(_) | Piece::Close | Piece::End => {
                    let why = format!("`{}` holds one resource and nothing else", outer.name);
                    return Err(self.source.fault(why));
                }
            }
        }
    }

    /// Writes the attributes that are elements (`id`, an extension's `url`), except those `done` already.
    fn attributes(&mut self, ty: TypeId, open: &Open<'x>, done: &[&str]) -> Result<(), Outcome> {
        for (name, value) in &open.attributes {
            if done.contains(name) || name.ends_with(":schemaLocation") {
                continue;
            }
            let Some(element) = ty.member(name).filter(|element| element.is_xml_attribute) else {
                let why = format!("`{name}` is not an attribute of `{}`", open.name);
                return Err(self.source.fault(why));
            };
            self.member_name("", element.json_name);
            json::write_string(&mut self.out, value);
        }
        Ok(())
    }

    /// Writes `"name":`, after a comma where one is needed.
    fn member_name(&mut self, prefix: &str, name: &str) {
        if !matches!(self.out.last(), None | Some(b'{')) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(prefix.as_bytes());
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn expect_fhir(&self, open: &Open<'x>) -> Result<(), Outcome> {
        if open.namespace == Namespace::Fhir {
            return Ok(());
        }
        let why =
            format!("`{}` is not in the FHIR namespace: add xmlns=\"{}\"", open.name, super::FHIR);
        Err(self.source.fault(why))
    }

    /// R4 wants elements in the order of the definition. Any order is understood, as long as the items of
    /// one element stand together: apart from each other they would have no one array.
    fn expect_new(&self, finished: &[&ElementDef], element: &ElementDef) -> Result<(), Outcome> {
        if !finished.iter().any(|other| std::ptr::eq(*other, element)) {
            return Ok(());
        }
        let rule =
            if element.max > 1 { "items must stand together" } else { "may stand only once" };
        Err(self.source.fault(format!("`{}` {rule}", element.json_name)))
    }

    /// A refusal at the element being read.
    fn placed(&self, outcome: Outcome) -> Outcome {
        match self.expression() {
            place if place.is_empty() => outcome,
            place => outcome.at(place),
        }
    }

    /// The `FHIRPath` of the element being read.
    fn expression(&self) -> String {
        let step = |step: &Step| match step.item {
            Some(item) => format!("{}[{item}]", step.name),
            None => step.name.to_owned(),
        };
        self.place.iter().map(step).collect::<Vec<_>>().join(".")
    }
}

/// Whether text between elements means nothing.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Result<String, Outcome> {
        let json = to_json(xml.as_bytes(), &json::Limits::default())?;
        Ok(String::from_utf8(json).unwrap())
    }

    fn patient(inside: &str) -> String {
        format!(r#"<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>"#)
    }

    #[test]
    fn each_kind_of_element_has_its_json_form() {
        let cases = [
            ("", ""),
            (r#"<id value="a"/>"#, r#","id":"a""#),
            (r#"<active value="true"/>"#, r#","active":true"#),
            (r#"<multipleBirthInteger value="3"/>"#, r#","multipleBirthInteger":3"#),
            (
                r#"<name id="n"><family value="F &amp; &#xE9;&#10;"/></name>"#,
                r#","name":[{"id":"n","family":"F & é\n"}]"#,
            ),
            (
                r#"<name><given id="g"/><given value="B"/><given value="C"><extension url="u"/></given></name>"#,
                r#","name":[{"given":[null,"B","C"],"_given":[{"id":"g"},null,{"extension":[{"url":"u"}]}]}]"#,
            ),
            (r#"<name><given id="g"/></name>"#, r#","name":[{"_given":[{"id":"g"}]}]"#),
            (r#"<birthDate id="b"/>"#, r#","_birthDate":{"id":"b"}"#),
            (
                r#"<birthDate id="b" value="2020"/><!-- unknown month -->"#,
                r#","birthDate":"2020","_birthDate":{"id":"b"}"#,
            ),
            (r#"<active value="true"/><id value="a"/>"#, r#","active":true,"id":"a""#),
            (
                r#"<contained><Basic><id value="x"/></Basic></contained>"#,
                r#","contained":[{"resourceType":"Basic","id":"x"}]"#,
            ),
        ];
        for (inside, members) in cases {
            let json =
                read(&patient(inside)).unwrap_or_else(|outcome| panic!("{inside}: {outcome}"));
            assert_eq!(json, format!(r#"{{"resourceType":"Patient"{members}}}"#));
        }
    }

    #[test]
    fn prefixes_and_narratives_come_out_as_json_has_them() {
        let xml = "\u{FEFF}<?xml version='1.0' encoding='utf-8'?>\r\n<f:Basic xmlns:f='http://hl7.org/fhir' \
            xmlns:h='http://www.w3.org/1999/xhtml' xmlns:xsi='x' xsi:schemaLocation='a b'><f:text>\
            <f:status value='empty'/><h:div><!-- no --><h:a title='\"' ></h:a>x\r\ny &lt;&#160;<h:br/>\
            <![CDATA[<&]]></h:div></f:text></f:Basic>";
        let div = r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a title=\"&quot;\"></a>x\ny &lt;&#160;<br/>&lt;&amp;</div>"#;
        let expected =
            format!(r#"{{"resourceType":"Basic","text":{{"status":"empty","div":"{div}"}}}}"#);
        assert_eq!(read(xml).unwrap(), expected);
    }

    #[test]
    fn faults_of_entries_are_told_at_their_lines() {
        let entry = |inside: &str| format!("\n<entry><resource>{inside}</resource></entry>");
        let faulty = entry("<Basic><x/></Basic>");
        let good = entry("<Basic><id value=\"é\"/></Basic>");
        let text = format!(
            "<Bundle xmlns=\"http://hl7.org/fhir\">{good}{faulty}{good}{faulty}{faulty}</Bundle>"
        );
        let (json, faults) = bundle_to_json(text.as_bytes(), &json::Limits::default()).unwrap();
        let told: Vec<String> =
            faults.values().map(|fault| fault.issues()[0].diagnostics.to_string()).collect();
        for (line, told) in [3, 5, 6].into_iter().zip(&told) {
            assert!(told.ends_with(&format!("(line {line}, column 25)")), "{told}");
        }
        assert_eq!(faults.keys().copied().collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(String::from_utf8(json).unwrap().matches("\"request\"").count(), 3);
        let few = json::Limits { bundle_entries: 3, ..json::Limits::default() };
        assert!(bundle_to_json(text.as_bytes(), &few).is_err());
        // many faults cost no more than their places
        let text = format!(
            "<Bundle xmlns=\"http://hl7.org/fhir\">{}</Bundle>",
            "<entry x=\"\"/>".repeat(10_000)
        );
        let (_, faults) = bundle_to_json(text.as_bytes(), &json::Limits::default()).unwrap();
        assert_eq!(faults.len(), 10_000);
    }
}
