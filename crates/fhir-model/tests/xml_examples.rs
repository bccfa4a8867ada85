//! The specification's own examples through XML and back: <https://hl7.org/fhir/R4/xml.html>.
//! They lie beside the repository; without them the tests say so and pass.

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
        process::Command,
    };

    use bytes::Bytes;
    use fhir_model::{json, xml};
    use json::Value;
    use quick_xml::{Reader, XmlVersion, events::Event};

    /// Examples that break their own rules, with the reasons.
    const REFUSED: &str = include_str!("refused-examples.tsv");

    /// The files of one format, unpacked; none when the archive is not there.
    fn examples(format: &str) -> Vec<PathBuf> {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/conformance/examples/r4-official-examples.tar.xz");
        if !archive.exists() {
            println!("{} is not there: nothing to test", archive.display());
            return Vec::new();
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("xml-examples-{format}"));
        fs::create_dir_all(&folder).unwrap();
        let unpacked =
            Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
        assert!(unpacked.success());
        let mut folders = vec![folder];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == format) {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }

    fn to_json(xml: &[u8], from: &Path) -> Vec<u8> {
        let limits = json::Limits::default();
        xml::to_json(xml, &limits).unwrap_or_else(|outcome| panic!("{}: {outcome}", from.display()))
    }

    fn to_xml(json: Vec<u8>) -> Vec<u8> {
        xml::from_tree(json::parse_trusted(Bytes::from(json)).root())
    }

    fn value(json: &[u8]) -> Value {
        Value::parse(json, &json::Limits::default()).unwrap()
    }

    /// The same value with members sorted and narratives written as XML would write them.
    fn canonical(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let canonical_member = |(name, value): (String, Value)| {
                    let div = value.as_str().filter(|_| name == "div").map(narrative);
                    (name, div.unwrap_or_else(|| canonical(value)))
                };
                let mut members: Vec<_> = members.into_iter().map(canonical_member).collect();
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                Value::Object(members)
            }
            Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }

    fn narrative(div: &str) -> Value {
        let document = format!(r#"<Basic xmlns="http://hl7.org/fhir"><text>{div}</text></Basic>"#);
        let json = value(&to_json(document.as_bytes(), Path::new(div)));
        json.get("text").and_then(|text| text.get("div")).unwrap().clone()
    }

    /// Tags with their attributes sorted, and text; without comments and what only lays the text out.
    fn content(xml: &[u8]) -> Vec<String> {
        let mut reader = Reader::from_str(std::str::from_utf8(xml).unwrap());
        reader.config_mut().expand_empty_elements = true;
        let mut content = Vec::new();
        let mut text = String::new();
        loop {
            let piece = match reader.read_event().unwrap() {
                Event::Eof => return content,
                Event::Start(tag) | Event::Empty(tag) => {
                    let attributes = tag.attributes().map(Result::unwrap);
                    let mut attributes: Vec<String> = attributes
                        .map(|attribute| {
                            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                            format!(" {}={:?}", attribute.key.as_ref(), value.unwrap())
                        })
                        .collect();
                    attributes.sort();
                    format!("<{}{}>", tag.name().as_ref(), attributes.concat())
                }
                Event::End(tag) => format!("</{}>", tag.name().as_ref()),
                Event::Text(raw) => {
                    text.push_str(&raw.xml10_content());
                    continue;
                }
                Event::GeneralRef(raw) => {
                    let raw = format!("&{};", raw.xml10_content());
                    text.push_str(&quick_xml::escape::unescape(&raw).unwrap());
                    continue;
                }
                Event::CData(raw) => {
                    text.push_str(&raw.xml10_content());
                    continue;
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => continue,
            };
            let words = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            content.extend((!words.is_empty()).then_some(words));
            content.push(piece);
            text.clear();
        }
    }

    #[test]
    fn json_examples_survive_xml() {
        let files = examples("json");
        for file in &files {
            let original = fs::read(file).unwrap();
            let written = to_xml(original.clone());
            let back = value(&to_json(&written, file));
            let (back, original) = (canonical(back), canonical(value(&original)));
            assert!(back == original, "{}", file.display());
        }
        println!("{} JSON examples", files.len());
    }

    #[test]
    fn xml_examples_survive_json() {
        let files = examples("xml");
        for file in &files {
            let original = fs::read(file).unwrap();
            let json = to_json(&original, file);
            if let Err(outcome) = json::parse(Bytes::from(json.clone()), &json::Limits::default()) {
                let name = file.file_stem().unwrap().to_string_lossy();
                let is_known =
                    REFUSED.lines().any(|row| row.starts_with(&format!("{name}.json\t")));
                assert!(is_known, "{}: {outcome}", file.display());
            }
            let written = to_xml(json.clone());
            assert!(content(&written) == content(&original), "{}", file.display());
            let again = to_json(&written, file);
            assert!(value(&again) == value(&json), "{}", file.display());
            assert!(to_xml(again) == written, "{}", file.display());
        }
        println!("{} XML examples", files.len());
    }
}
