//! fhirbolt as a second opinion: what we read, from JSON and from XML, and what we write as XML, it reads as
//! the same resource. Where it does not is listed in `fhirbolt-differs.tsv`, and the list is exact.
//! Why it is no more than that: `docs/adr/0001-fhirbolt.md`.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path, process::Command};

    use bytes::Bytes;
    use fhir_model::{
        Outcome, Valid,
        json::{self, Limits, Value},
        typed, xml,
    };
    use fhirbolt::model::r4::{
        Resource,
        resources::{Observation, ObservationValue, Patient},
        types::{Decimal, Quantity},
    };

    /// Rows of `file, what differs`, with the reasons.
    const DIFFERS: &str = include_str!("fhirbolt-differs.tsv");
    /// Examples that we refuse ourselves, with the reasons.
    const REFUSED: &str = include_str!("refused-examples.tsv");

    fn parse(bytes: impl Into<Bytes>) -> Result<Valid, Outcome> {
        json::parse(bytes.into(), &Limits::default())
    }

    /// Structs to JSON to a plain value.
    fn value_of(resource: &Resource) -> Result<Value, String> {
        let valid =
            typed::from_typed(resource, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(value(&valid))
    }

    fn value(valid: &Valid) -> Value {
        Value::parse(valid.tree().bytes(), &Limits::default()).unwrap()
    }

    fn by_fhirbolt(xml: &[u8]) -> Result<Value, String> {
        let read: Resource =
            fhirbolt::xml::from_slice(xml, None).map_err(|error| error.to_string())?;
        value_of(&read)
    }

    /// JSON to structs to JSON, and our XML to structs to JSON: what came out differently, and how.
    fn differences(valid: &Valid) -> Vec<(&'static str, String)> {
        let ours = value(valid);
        let through_structs = typed::to_typed(valid)
            .map_err(|outcome| outcome.to_string())
            .and_then(|read| value_of(&read));
        let through_xml = by_fhirbolt(&xml::from_tree(valid.tree().root()));
        let json = verdict(&ours, through_structs, ["JSON", "narrative spaces in JSON"]);
        let xml = verdict(&ours, through_xml, ["XML", "narrative spaces in XML"]);
        json.into_iter().chain(xml).collect()
    }

    /// The name of the difference: the second when nothing but spaces beside the tags of a narrative differs.
    fn verdict(
        ours: &Value,
        theirs: Result<Value, String>,
        [content, spaces]: [&'static str; 2],
    ) -> Option<(&'static str, String)> {
        let theirs = match theirs {
            Ok(theirs) => theirs,
            Err(text) => return Some((content, text)),
        };
        let text = difference(ours, &theirs, "")?;
        let trimmed = difference(&without_spaces(ours), &without_spaces(&theirs), "");
        Some(trimmed.map_or((spaces, text), |text| (content, text)))
    }

    /// The first place where two values differ. The order of members and the spelling of exponents (`E2`,
    /// `e+2`) are free; digits are not, `1.0` is not `1.00`.
    fn difference(ours: &Value, theirs: &Value, place: &str) -> Option<String> {
        match (ours, theirs) {
            (Value::Object(a), Value::Object(b)) => {
                let missing = a.iter().find(|(name, _)| theirs.get(name).is_none());
                let added = b.iter().find(|(name, _)| ours.get(name).is_none());
                if let Some((name, _)) = missing.or(added) {
                    return Some(format!("{place}.{name} is on one side only"));
                }
                a.iter().find_map(|(name, value)| {
                    difference(value, theirs.get(name)?, &format!("{place}.{name}"))
                })
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                let mut pairs = a.iter().zip(b).enumerate();
                pairs.find_map(|(n, (a, b))| difference(a, b, &format!("{place}[{n}]")))
            }
            (Value::Number(a), Value::Number(b)) if plain_exponent(a) == plain_exponent(b) => None,
            (a, b) => (a != b).then(|| format!("{place}: {a:?} and {b:?}")),
        }
    }

    fn plain_exponent(number: &str) -> String {
        number.to_ascii_lowercase().replace("e+", "e")
    }

    /// Narratives without the white space that stands beside a tag.
    fn without_spaces(value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| match value.as_str().filter(|_| name == "div") {
                        Some(div) => (name.clone(), Value::String(tags_and_words(div))),
                        None => (name.clone(), without_spaces(value)),
                    })
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.iter().map(without_spaces).collect()),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.clone()
            }
        }
    }

    fn tags_and_words(div: &str) -> String {
        let after_tags: Vec<&str> = div.split('>').map(str::trim_start).collect();
        let joined = after_tags.join(">");
        joined.split('<').map(str::trim_end).collect::<Vec<_>>().join("<")
    }

    /// Name and content of every official example in a format; none when the archive is not there.
    fn official_examples(format: &str) -> Vec<(String, Bytes)> {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/conformance/examples/r4-official-examples.tar.xz");
        if !archive.exists() {
            println!("not run: the official examples are not at {}", archive.display());
            return Vec::new();
        }
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fhirbolt-examples-{format}"));
        fs::create_dir_all(&folder).unwrap();
        let unpacked =
            Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
        assert!(unpacked.success(), "tar could not unpack {}", archive.display());
        let mut examples = Vec::new();
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == format) {
                    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                    examples.push((name, Bytes::from(fs::read(&path).unwrap())));
                }
            }
        }
        examples.sort();
        println!("{} {format} examples", examples.len());
        examples
    }

    /// What we refuse must be on the list of what we refuse.
    fn accepted(name: &str, parsed: Result<Valid, Outcome>) -> Option<Valid> {
        let json_name = name.replace(".xml", ".json");
        let is_known = REFUSED.lines().any(|row| row.starts_with(&format!("{json_name}\t")));
        parsed.map_err(|outcome| assert!(is_known, "{name}: {outcome}")).ok()
    }

    /// Holds what was found to the rows of the list for files of this format.
    fn assert_listed(format: &str, found: &[(String, &str, String)]) {
        for (name, what, text) in found {
            println!("{name}\t{what}\t{text}");
        }
        let found: BTreeSet<_> =
            found.iter().map(|(name, what, _)| format!("{name}\t{what}")).collect();
        let rows = DIFFERS.lines().filter(|row| !row.starts_with('#'));
        let listed: BTreeSet<_> = rows
            .map(|row| row.rsplit_once('\t').expect("a reason").0.to_owned())
            .filter(|row| row.split('\t').next().unwrap().ends_with(format))
            .collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn json_examples_are_the_same_to_fhirbolt() {
        let examples = official_examples("json");
        let mut found = Vec::new();
        for (name, source) in &examples {
            let valid = accepted(name, parse(source.clone()));
            let differences = valid.as_ref().map(differences).unwrap_or_default();
            found.extend(differences.into_iter().map(|(what, text)| (name.clone(), what, text)));
        }
        if !examples.is_empty() {
            assert_listed(".json", &found);
        }
    }

    #[test]
    fn xml_examples_are_the_same_to_fhirbolt() {
        let examples = official_examples("xml");
        let mut found = Vec::new();
        for (name, source) in &examples {
            let json = xml::to_json(source, &Limits::default()).unwrap();
            let Some(valid) = accepted(name, parse(json)) else { continue };
            let names = ["XML", "narrative spaces in XML"];
            let differs = verdict(&value(&valid), by_fhirbolt(source), names);
            found.extend(differs.map(|(what, text)| (name.clone(), what, text)));
        }
        if !examples.is_empty() {
            assert_listed(".xml", &found);
        }
    }

    #[test]
    fn own_samples_are_the_same_to_fhirbolt() {
        let samples = [
            // the type last, here and inside; both halves of primitives; a gap in each half of a list
            r##"{"id":"p1","_active":{"id":"a"},"birthDate":"1970-02","_birthDate":{"extension":[{
                "url":"urn:x","valueDateTime":"1970-02-28T13:28:17-05:00"}]},"name":[{"given":["A",null,"\u00e9"],
                "_given":[null,{"id":"g"},null]}],"contained":[{"id":"c","name":"Ward","resourceType":"Organization"}],
                "managingOrganization":{"reference":"#c"},"resourceType":"Patient"}"##,
            // the ends of integers, digits of decimals that an f64 does not keep
            r#"{"resourceType":"Parameters","parameter":[{"name":"a","valueInteger":2147483647},
                {"name":"b","valueInteger":-2147483648},{"name":"c","valueDecimal":1.10},
                {"name":"d","valueDecimal":-0.000000000000000000010},{"name":"e","valueDecimal":1E+2},
                {"name":"f","valueQuantity":{"value":123456789012345678.90}},{"name":"g","valueUnsignedInt":0},
                {"name":"h","resource":{"resourceType":"Basic","code":{"text":"\"<&>\" \\ \t"}}}]}"#,
            // an element that is called resourceType and is none
            r#"{"resourceType":"ExampleScenario","status":"draft","instance":[{"resourceId":"i","resourceType":
                "Patient","name":"x"}]}"#,
            r#"{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:0190a5c0-0000-7000-8000-000000000000",
                "resource":{"resourceType":"Observation","id":"o","text":{"status":"generated","div":
                "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p title=\"a &lt; b\">5 <b>mmol</b></p><br/></div>"},
                "status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},
                "valueQuantity":{"value":6.30,"unit":"mmol/l"},"dataAbsentReason":{"text":"x"}}}]}"#,
        ];
        let differing: Vec<_> =
            samples.iter().flat_map(|sample| differences(&parse(*sample).unwrap())).collect();
        // its XML reader trims all text, that of narratives too
        assert!(matches!(differing.as_slice(), [("narrative spaces in XML", _)]), "{differing:?}");
    }

    #[test]
    fn the_deepest_resource_that_we_accept_does_not_overflow_its_stack() {
        let nested = |levels: usize| {
            let (open, close) = (r#""extension":[{"url":"a","#, "}]");
            let inside = r#""valueInteger":1"#;
            let (open, close) = (open.repeat(levels), close.repeat(levels));
            parse(format!(
                r#"{{"resourceType":"Basic","code":{{"text":"x"}},{open}{inside}{close}}}"#
            ))
        };
        let deepest = (1..64).rev().find_map(|levels| nested(levels).ok()).unwrap();
        assert!(nested(64).is_err());
        assert_eq!(differences(&deepest), []);
        let bundles = (1..64).rev().find_map(|levels| {
            let open = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":"#;
            let inside = r#"{"resourceType":"Basic","code":{"text":"x"}}"#;
            parse(format!("{}{inside}{}", open.repeat(levels), "}]}".repeat(levels))).ok()
        });
        assert_eq!(differences(&bundles.unwrap()), []);
    }

    #[test]
    fn what_fhirbolt_falls_over_is_refused_before() {
        let cases = [
            r#"{"resourceType":"Patient","fhir_comments":["x"]}"#,
            r#"{"resourceType":"Patient","name":[{"fhir_comments":["x"]}]}"#,
            r#"{"resourceType":"Patient","name":[]}"#,
            r#"{"resourceType":"Patient","id":"a","id":"b"}"#,
            r#"{"resourceType":"Parameters","parameter":[{"name":"a","valueInteger":3000000000}]}"#,
        ];
        for case in cases {
            let outcome = parse(case).expect_err(case);
            assert_eq!(outcome.status(), 400, "{case}: {outcome}");
        }
    }

    #[test]
    fn structs_that_break_the_rules_are_refused_without_their_values() {
        let patient = Patient { gender: Some("Asha".into()), ..Default::default() };
        let quantity = Quantity { value: Some(Decimal::from("Asha")), ..Default::default() };
        let value = ObservationValue::Quantity(Box::new(quantity));
        let observation =
            Observation { status: "final".into(), value: Some(value), ..Default::default() };
        let cases = [
            (Resource::Patient(Box::new(patient)), "Patient.gender"),
            (Resource::Observation(Box::default()), "missing required field"),
            (Resource::Observation(Box::new(observation)), "missing required field"),
        ];
        for (resource, text) in cases {
            let outcome = typed::from_typed(&resource, &Limits::default()).unwrap_err().to_string();
            assert!(outcome.contains(text) && !outcome.contains("Asha"), "{outcome}");
        }
    }
}
