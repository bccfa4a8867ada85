//! Patches of all kinds: our own cases, and the official ones where they lie beside the repository.

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use bytes::Bytes;
    use fhir_model::{
        Outcome,
        json::{self, Limits, Value},
        xml,
    };
    use interactions::patch::Patch;

    const JSON_PATCH: &str = "application/json-patch+json; charset=utf-8";
    const FHIR_JSON: &str = "application/fhir+json;fhirVersion=4.0";

    fn value(json: &[u8]) -> Value {
        Value::parse(json, &Limits::default()).unwrap()
    }

    fn apply(content_type: &str, patch: &str, current: &str) -> Result<String, Outcome> {
        let patch = Patch::parse(content_type, Bytes::from(patch.to_owned()))?;
        Ok(String::from_utf8(patch.apply(current.as_bytes())?.to_vec()).unwrap())
    }

    /// An official file; none when it is not there.
    fn official(name: &str) -> Option<String> {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/patch");
        let path = folder.join(name);
        if !path.exists() {
            println!("{} is not there: nothing to test", path.display());
            return None;
        }
        Some(fs::read_to_string(path).unwrap())
    }

    fn items(value: &Value) -> &[Value] {
        let Value::Array(items) = value else { panic!("not an array: {value:?}") };
        items
    }

    /// Members sorted, so that their order does not count, nor how a narrative spells a quotation mark.
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> =
                    members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                Value::Object(members)
            }
            Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
            Value::String(text) if text.starts_with("<div") => {
                Value::String(text.replace("&quot;", "\""))
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }

    #[test]
    fn the_official_json_patches_hold() {
        let Some(text) = official("json-patch-tests.json") else { return };
        let cases = value(text.as_bytes());
        for case in items(&cases) {
            let comment = case.get("comment").unwrap();
            let patch = String::from_utf8(case.get("patch").unwrap().to_vec()).unwrap();
            let document = String::from_utf8(case.get("doc").unwrap().to_vec()).unwrap();
            let result = apply(JSON_PATCH, &patch, &document);
            match (case.get("expected"), result) {
                (Some(expected), Ok(result)) => {
                    assert_eq!(
                        sorted(value(result.as_bytes())),
                        sorted(expected.clone()),
                        "{comment:?}"
                    );
                }
                (None, Err(outcome)) => assert_eq!(outcome.status(), 422, "{comment:?}: {outcome}"),
                (_, result) => panic!("{comment:?}: {result:?}"),
            }
        }
        assert_eq!(items(&cases).len(), 16);
    }

    #[test]
    fn the_official_fhirpath_patches_hold() {
        let Some(text) = official("fhir-patch-tests.xml") else { return };
        let mut count = 0;
        for case in text.split("<case ").skip(1) {
            let name = between(case, "name=\"", "\"").unwrap();
            let read = |tag: &str| {
                let inside = between(case, &format!("<{tag}>"), &format!("</{tag}>"))?;
                Some(xml::to_json(inside.trim().as_bytes(), &Limits::default()).unwrap())
            };
            let patch = Patch::parse(FHIR_JSON, Bytes::from(read("diff").unwrap()));
            let result = patch.and_then(|patch| patch.apply(&read("input").unwrap()));
            match (read("output"), result) {
                (Some(expected), Ok(result)) => {
                    assert_eq!(sorted(value(&result)), sorted(value(&expected)), "{name}");
                    json::parse(result, &Limits::default())
                        .unwrap_or_else(|outcome| panic!("{name}: {outcome}"));
                }
                (None, Err(outcome)) => {
                    assert_eq!(outcome.status(), 422, "{name}: {outcome}");
                    let place = outcome.issues()[0].expression.as_deref();
                    assert_eq!(place, Some("Parameters.parameter[0]"), "{name}");
                }
                (_, result) => panic!("{name}: {result:?}"),
            }
            count += 1;
        }
        assert_eq!(count, 33);
    }

    fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
        let (_, rest) = text.split_once(start)?;
        rest.split_once(end).map(|(inside, _)| inside)
    }

    /// A `FHIRPath` Patch with one operation; `parts` are the members of its parts, a part a line.
    fn operation(parts: &[&str]) -> String {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| {
                let (name, rest) = part.split_once(' ').unwrap();
                format!(r#"{{"name":"{name}",{rest}}}"#)
            })
            .collect();
        format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"operation","part":[{}]}}]}}"#,
            parts.join(",")
        )
    }

    #[test]
    fn primitives_keep_their_halves_in_step() {
        let given = r#""given":["A",null,"C"],"_given":[null,{"id":"b"},{"id":"c"}]"#;
        let current = format!(
            r#"{{"resourceType":"Patient","id":"p","name":[{{{given}}}],"birthDate":"2020-01-01"}}"#
        );
        let cases: [(&[&str], &str); 8] = [
            (
                &[r#"type "valueCode":"delete""#, r#"path "valueString":"Patient.name.given[0]""#],
                r#""name":[{"given":[null,"C"],"_given":[{"id":"b"},{"id":"c"}]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[r#"type "valueCode":"delete""#, r#"path "valueString":"Patient.name.given[1]""#],
                r#""name":[{"given":["A","C"],"_given":[null,{"id":"c"}]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[
                    r#"type "valueCode":"delete""#,
                    r#"path "valueString":"Patient.name.given[1].id""#,
                ],
                r#""name":[{"given":["A","C"],"_given":[null,{"id":"c"}]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[
                    r#"type "valueCode":"delete""#,
                    r#"path "valueString":"Patient.name.given[2].id""#,
                ],
                r#""name":[{"given":["A",null,"C"],"_given":[null,{"id":"b"},null]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[
                    r#"type "valueCode":"replace""#,
                    r#"path "valueString":"Patient.name.given[2]""#,
                    r#"value "valueString":"D","_valueString":{"id":"d"}"#,
                ],
                r#""name":[{"given":["A",null,"D"],"_given":[null,{"id":"b"},{"id":"d"}]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[
                    r#"type "valueCode":"move""#,
                    r#"path "valueString":"Patient.name.given""#,
                    r#"source "valueInteger":1"#,
                    r#"destination "valueInteger":0"#,
                ],
                r#""name":[{"given":[null,"A","C"],"_given":[{"id":"b"},null,{"id":"c"}]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[
                    r#"type "valueCode":"insert""#,
                    r#"path "valueString":"Patient.name.given""#,
                    r#"index "valueInteger":3"#,
                    r#"value "valueString":"D""#,
                ],
                r#""name":[{"given":["A",null,"C","D"],"_given":[null,{"id":"b"},{"id":"c"},null]}],"birthDate":"2020-01-01"}"#,
            ),
            (
                &[
                    r#"type "valueCode":"add""#,
                    r#"path "valueString":"Patient.birthDate""#,
                    r#"name "valueString":"extension""#,
                    r#"value "part":[{"name":"url","valueUri":"http://x"},{"name":"value","valueCode":"y"}]"#,
                ],
                &format!(
                    r#""name":[{{{given}}}],"birthDate":"2020-01-01","_birthDate":{{"extension":[{{"url":"http://x","valueCode":"y"}}]}}}}"#
                ),
            ),
        ];
        for (parts, expected) in cases {
            let result = apply(FHIR_JSON, &operation(parts), &current);
            let expected = format!(r#"{{"resourceType":"Patient","id":"p",{expected}"#);
            assert_eq!(result.as_deref(), Ok(expected.as_str()), "{parts:?}");
        }
    }

    #[test]
    fn deleting_leaves_nothing_empty_behind() {
        let current = r#"{"resourceType":"Patient","contact":[{"name":{"text":"A"}}],"birthDate":"2020","_birthDate":{"extension":[{"url":"http://x","valueCode":"y"}]}}"#;
        let cases = [
            ("Patient.photo", current.to_owned()),
            ("Patient.contact.name.text", current.replace(r#""contact":[{"name":{"text":"A"}}],"#, "")),
            (
                "Patient.birthDate.extension('http://x')",
                r#"{"resourceType":"Patient","contact":[{"name":{"text":"A"}}],"birthDate":"2020"}"#.to_owned(),
            ),
        ];
        for (path, expected) in cases {
            let path = format!(r#"path "valueString":"{path}""#);
            let delete = operation(&[r#"type "valueCode":"delete""#, &path]);
            assert_eq!(
                apply(FHIR_JSON, &delete, current).as_deref(),
                Ok(expected.as_str()),
                "{path}"
            );
        }
    }

    #[test]
    fn choices_are_named_by_the_type_of_the_value() {
        let current = r#"{"resourceType":"Patient","deceasedBoolean":true,"active":true}"#;
        let replace = operation(&[
            r#"type "valueCode":"replace""#,
            r#"path "valueString":"Patient.deceased""#,
            r#"value "valueDateTime":"2021""#,
        ]);
        let expected = r#"{"resourceType":"Patient","deceasedDateTime":"2021","active":true}"#;
        assert_eq!(apply(FHIR_JSON, &replace, current).as_deref(), Ok(expected));
        for name in ["multipleBirth", "multipleBirth[x]", "multipleBirthInteger"] {
            let add = operation(&[
                r#"type "valueCode":"add""#,
                r#"path "valueString":"Patient""#,
                &format!(r#"name "valueString":"{name}""#),
                r#"value "valueInteger":2"#,
            ]);
            let expected =
                format!("{},\"multipleBirthInteger\":2}}", &current[..current.len() - 1]);
            assert_eq!(apply(FHIR_JSON, &add, current).as_deref(), Ok(expected.as_str()), "{name}");
        }
    }

    const NAMES: &str = r#"{"resourceType":"Patient","id":"p","name":[{"family":"A"},{"family":"B"}],"deceasedBoolean":true}"#;

    fn expect_refusal(content_type: &str, patch: &str, status: u16, text: &str) {
        let outcome = apply(content_type, patch, NAMES).expect_err(patch);
        assert_eq!(outcome.status(), status, "{patch}: {outcome}");
        assert!(outcome.to_string().contains(text), "{patch}: {outcome}");
    }

    #[test]
    fn what_a_json_or_merge_patch_may_not_do_is_refused() {
        let json = |text: &str| (JSON_PATCH, text.to_owned());
        let merge = |text: &str| ("application/merge-patch+json", text.to_owned());
        let cases = [
            (json(r#"[{"op":"remove","path":"/id"}]"#), 422, "may not change `id`"),
            (json(r#"[{"op":"replace","path":"","value":{}}]"#), 422, "`resourceType`"),
            (json(r#"[{"op":"remove","path":"/name/2"}]"#), 422, "Operation 0 (from 0), remove"),
            (json(r#"[{"op":"add","path":"/name/3","value":1}]"#), 422, "past the end"),
            (json(r#"[{"op":"add","path":"/name/01","value":1}]"#), 422, "digits"),
            (json(r#"[{"op":"move","from":"/name","path":"/name/0"}]"#), 422, "into itself"),
            (json(r#"[{"op":"jump","path":"/name"}]"#), 400, "none of add"),
            (json(r#"[{"op":"add","path":"name","value":1}]"#), 400, "not a JSON Pointer"),
            (json(r#"[{"op":"add","path":"/name"}]"#), 400, "needs a \"value\""),
            (json(r#"[{"op":"add","op":"remove","path":"/name"}]"#), 400, ""),
            (json("{}"), 400, "array of operations"),
            (merge(r#"{"id":"q"}"#), 422, "may not change `id`"),
            (merge(r#"{"resourceType":null}"#), 422, "`resourceType`"),
            (merge("[]"), 400, "a JSON object"),
            (("application/xml-patch+xml", String::new()), 415, "application/json-patch+json"),
            (
                (FHIR_JSON, r#"{"resourceType":"Basic","code":{"text":"x"}}"#.to_owned()),
                400,
                "not Basic",
            ),
        ];
        for ((content_type, patch), status, text) in cases {
            expect_refusal(content_type, &patch, status, text);
        }
    }

    #[test]
    fn what_a_fhirpath_patch_may_not_do_is_refused() {
        let patch = |kind: &str, path: &str, more: &[&str]| {
            let kind = format!(r#"type "valueCode":"{kind}""#);
            let path = format!(r#"path "valueString":"{path}""#);
            operation(&[&[&*kind, &*path], more].concat())
        };
        let delete = |path: &str| patch("delete", path, &[]);
        let insert = [r#"index "valueInteger":3"#, r#"value "valueHumanName":{"family":"C"}"#];
        let shift = [r#"source "valueInteger":0"#, r#"destination "valueInteger":0"#];
        let date = r#"value "valueDateTime":"2020""#;
        let deceased = [r#"name "valueString":"deceased""#, date];
        let nope = [r#"name "valueString":"nope""#, date];
        let wrong_type = [r#"name "valueString":"multipleBirth""#, date];
        let cases = [
            (delete("Patient.name"), 422, "There are 2 elements"),
            (delete("Patient.id"), 422, "may not change `id`"),
            (delete("Patient"), 422, "itself cannot be deleted"),
            (delete("1 + 1"), 400, "computed"),
            (delete("Patient."), 400, "The path:"),
            (patch("replace", "Patient", &[date]), 422, "itself cannot be replaced"),
            (patch("replace", "Patient.photo", &[date]), 422, "There is nothing"),
            (patch("add", "Patient", &deceased), 422, "is there already"),
            (patch("add", "Patient", &nope), 422, "has no element `nope`"),
            (patch("add", "Patient", &wrong_type), 422, "cannot have a value of this type"),
            (patch("add", "Patient", &[date]), 400, "needs a part `name`"),
            (patch("insert", "Patient.name", &insert), 422, "no index 3"),
            (patch("insert", "Patient.deceased", &insert), 422, "no list"),
            (patch("move", "Patient.name[0]", &shift), 422, "all of it"),
            (patch("jump", "Patient.name", &[]), 400, "none of add"),
            (operation(&[r#"type "valueCode":"delete""#]), 400, "needs a part `path`"),
        ];
        for (patch, status, text) in cases {
            expect_refusal(FHIR_JSON, &patch, status, text);
        }
    }

    #[test]
    fn plain_json_tells_by_itself_what_it_is() {
        let current = r#"{"resourceType":"Observation","valueQuantity":{"value":1.50}}"#;
        let parameters = operation(&[
            r#"type "valueCode":"add""#,
            r#"path "valueString":"Observation""#,
            r#"name "valueString":"language""#,
            r#"value "valueCode":"en""#,
        ]);
        let expected =
            r#"{"resourceType":"Observation","valueQuantity":{"value":1.50},"language":"en"}"#;
        for patch in [
            r#"[{"op":"add","path":"/language","value":"en"}]"#,
            r#"{"language":"en"}"#,
            &parameters,
        ] {
            assert_eq!(apply("Application/JSON", patch, current).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn patches_cannot_blow_a_resource_up() {
        let current = r#"{"resourceType":"Basic","a":[0]}"#;
        let doubling = r#"{"op":"copy","from":"/a","path":"/a/-"},"#.repeat(60);
        let doubling = format!("[{}]", doubling.trim_end_matches(','));
        let outcome = apply(JSON_PATCH, &doubling, current).unwrap_err();
        assert!(outcome.to_string().contains("copies too much"), "{outcome}");

        let nested = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let deep = format!(r#"{{"op":"add","path":"/a{}/-","value":{nested}}}"#, "/1".repeat(30));
        let patch = format!(
            r#"[{{"op":"replace","path":"/a","value":[0,{}0{}]}},{deep}]"#,
            "[0,".repeat(30),
            "]".repeat(30)
        );
        let outcome = apply(JSON_PATCH, &patch, current).unwrap_err();
        assert!(outcome.to_string().contains("nested too deep"), "{outcome}");

        let many = r#"{"op":"test","path":"/a","value":[0]},"#.repeat(1001);
        let outcome = apply(JSON_PATCH, &format!("[{}]", many.trim_end_matches(',')), current);
        assert_eq!(outcome.unwrap_err().status(), 413);
    }
}
