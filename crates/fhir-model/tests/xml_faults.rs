//! What XML is refused, where and how fast: <https://hl7.org/fhir/R4/xml.html>.

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use fhir_model::{Outcome, json, xml};
    use proptest::prelude::*;

    fn read(xml: &str) -> Result<Vec<u8>, Outcome> {
        xml::to_json(xml.as_bytes(), &json::Limits::default())
    }

    fn patient(inside: &str) -> String {
        format!(r#"<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>"#)
    }

    #[test]
    fn faults_name_the_place() {
        let cases = [
            ("<nam/>", "Patient", "`Patient` has no element `nam`"),
            ("<name><x/></name>", "Patient.name[0]", "no element `x`"),
            (
                "<name/><name><given value='a'/><family value='b'/><given value='c'/></name>",
                "Patient.name[1]",
                "`given` items must stand together",
            ),
            ("<active value='true'/><name/><active value='true'/>", "Patient", "only once"),
            ("<active value='yes'/>", "Patient.active", "not a valid boolean"),
            ("<multipleBirthInteger value='1,2'/>", "Patient.multipleBirth", "not a valid integer"),
            ("<active value='true'/><active value='true'/>", "Patient.active", "only once"),
            ("<birthDate/>", "Patient.birthDate", "neither a value nor extensions"),
            ("<birthDate>2020</birthDate>", "Patient.birthDate", "Text may not stand here"),
            ("<birthDate value='2020' x='y'/>", "Patient.birthDate", "`x` is not an attribute"),
            ("<extension><url value='x'/></extension>", "Patient.extension[0]", "is an attribute"),
            ("<contained/>", "Patient.contained[0]", "one resource and nothing else"),
            ("<contained><Basic/><Basic/></contained>", "Patient.contained[0]", "one resource"),
            ("<contained><Nope/></contained>", "Patient.contained[0]", "not a resource type"),
            ("<name xmlns='x'/>", "Patient", "not in the FHIR namespace"),
            ("<x:name/>", "Patient", "prefix `x` is not declared"),
            ("<text><div/></text>", "Patient.text.div", "not in the XHTML namespace"),
            ("<?php x?>", "Patient", "Processing instructions"),
            ("<birthDate value='&nbsp;'/>", "Patient", "Attribute `value`"),
            ("<birthDate value='&#1;'/>", "Patient", "forbidden character"),
            ("<birthDate value='<'/>", "Patient", "must be written `&lt;`"),
            ("<birthDate value='1' value='2'/>", "Patient", "given twice"),
            ("<name>", "Patient.name[0]", "This is not XML"),
            ("<!-- a -- b -->", "Patient", "This is not XML"),
        ];
        for (inside, expression, text) in cases {
            let outcome = read(&patient(inside)).expect_err(inside);
            let issue = &outcome.issues()[0];
            assert_eq!(issue.expression.as_deref(), Some(expression), "{inside}: {outcome}");
            assert!(issue.diagnostics.contains(text), "{inside}: {outcome}");
            assert_eq!(outcome.status(), 400);
        }
    }

    #[test]
    fn documents_that_are_not_one_resource_are_refused() {
        let whole = patient("");
        let cases = [
            (String::new(), "no XML"),
            ("{}".to_owned(), "starts with `<`"),
            ("<Patient/>".to_owned(), "add xmlns="),
            (format!("{whole}{whole}"), "Nothing may follow"),
            (format!("{whole}x"), "Nothing may follow"),
            (whole.replace("</Patient>", ""), "ends inside"),
            (whole.replace("</Patient>", "</Patien>"), "not XML"),
            (format!("<?xml version='1.1'?>{whole}"), "Only XML 1.0"),
            (format!("<?xml version='1.0' encoding='latin1'?>{whole}"), "must be UTF-8"),
            (format!(" <?xml version='1.0'?>{whole}"), "very start"),
            (format!("{whole}\u{0}"), "may not stand in XML"),
            (whole.replace("></", ">\u{FFFF}</"), "may not stand in XML"),
            (format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{whole}"), "document type"),
            ("<Resource xmlns='http://hl7.org/fhir'/>".to_owned(), "not a resource type"),
        ];
        for (xml, text) in cases {
            let outcome = read(&xml).expect_err(&xml);
            assert!(outcome.to_string().contains(text), "{xml}: {outcome}");
        }
        let outcome = xml::to_json(b"<a>\xff</a>", &json::Limits::default()).unwrap_err();
        assert!(outcome.to_string().contains("must be UTF-8"), "{outcome}");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[<>/a-z &;#='\"!?\\[\\]-]{0,200}", inside: bool) {
            let xml = if inside { patient(&text) } else { text };
            if let Err(outcome) = read(&xml) {
                prop_assert!(outcome.status() < 500);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(outcome) = xml::to_json(&bytes, &json::Limits::default()) {
                prop_assert!(outcome.status() < 500);
            }
        }
    }

    #[test]
    fn hostile_documents_are_refused_at_once() {
        use std::fmt::Write as _;
        let mut attributes = String::new();
        let mut namespaces = String::new();
        for n in 0..40_000 {
            let _infallible = write!(attributes, " a{n}='x'");
            let _infallible = write!(namespaces, " xmlns:a{n}='x'");
        }
        let mut bomb = "<!DOCTYPE lolz [<!ENTITY lol 'lol'>".to_owned();
        for n in 1..10 {
            let _infallible =
                write!(bomb, "<!ENTITY lol{n} '{}'>", format!("&lol{};", n - 1).repeat(10));
        }
        bomb.push_str("]>");
        let div = "<div xmlns='http://www.w3.org/1999/xhtml'>";
        let cases = [
            (patient(&format!("<name{attributes}/>")), 413),
            (patient(&format!("<name{namespaces}/>")), 413),
            (bomb + &patient("<name><text value='&lol9;'/></name>"), 400),
            (patient(&"<extension url='x'>".repeat(100_000)), 413),
            (patient(&format!("<text>{}", div.repeat(100_000))), 413),
            (patient(&format!("<text>{div}{}", "<b>".repeat(100_000))), 413),
            (patient(&"<name>".repeat(100_000)), 400),
            (patient(&"&amp;".repeat(100_000)), 400),
            (patient(&"<!--".repeat(100_000)), 400),
            ("<".repeat(100_000), 400),
        ];
        for (xml, status) in cases {
            let started = Instant::now();
            let outcome = read(&xml).unwrap_err();
            assert_eq!(outcome.status(), status, "{outcome}");
            assert!(started.elapsed() < Duration::from_secs(1), "{outcome}");
        }
    }
}
