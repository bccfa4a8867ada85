//! Cases by hand, and resources made by R4's definitions with a secret in every place that can hold one.

use fhir_model::{
    ElementDef, Instant, TypeId,
    json::{Limits, Value},
};

use super::*;
use crate::research::person::StudyKey;

const BASES: &[&str] = &["http://own.example/fhir"];

fn parsed(text: &str) -> Value {
    Value::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn ty(name: &str) -> ResourceType {
    ResourceType::named(name).unwrap()
}

fn printed(value: &Value) -> String {
    String::from_utf8(value.to_vec()).unwrap()
}

/// Of a patient whose dates move by ten days; a patient and an encounter are shown.
fn view(text: &str) -> Option<String> {
    let shown = BTreeMap::from([
        ((ty("Patient"), "a".into()), "p1".to_owned()),
        ((ty("Encounter"), "e".into()), "p2".to_owned()),
    ]);
    let person = Person { days: 10, since: None };
    let lens = Lens { person, shown: &shown, bases: BASES };
    let body = parsed(text);
    let name = ty(body.get("resourceType").unwrap().as_str().unwrap());
    let shown = deidentified((name, "x"), &body, &lens)?;
    let head = printed(&treat::label());
    let rest = printed(&shown).replace(&format!(r#""meta":{head}"#), "meta");
    Some(rest.trim_start_matches(&format!(r#"{{"resourceType":"{name}","id":"x",meta"#)).to_owned())
}

#[test]
fn what_stands_in_the_table_stays() {
    let cases = [
        (
            r#"{"resourceType":"Patient","id":"a","meta":{"lastUpdated":"2020-01-01T00:00:00Z"},
                "text":{"status":"generated","div":"<div>Rao</div>"},
                "extension":[{"url":"http://x","valueString":"Rao"}],
                "identifier":[{"value":"p482"}],"name":[{"family":"Rao"}],
                "telecom":[{"value":"+91"}],"gender":"female","birthDate":"1980-02-20",
                "_birthDate":{"extension":[{"url":"http://x","valueDateTime":"1980-02-20T10:00:00Z"}]},
                "address":[{"line":["1 Road"],"city":"Pune","state":"Maharashtra",
                    "postalCode":"411001","country":"IN"}]}"#,
            r#","gender":"female","birthDate":"1980-03-01","address":[{"state":"Maharashtra","postalCode":"411","country":"IN"}]}"#,
        ),
        (
            r#"{"resourceType":"Observation","status":"final","code":{"text":"weight",
                "coding":[{"system":"http://loinc.org","code":"29463-7","display":"Weight of Rao"},
                    {"system":"http://own.example","code":"1"}]},
                "subject":{"reference":"Patient/a","display":"Rao"},
                "encounter":{"reference":"http://own.example/fhir/Encounter/e/_history/2"},
                "performer":[{"reference":"Practitioner/d"}],
                "effectiveDateTime":"2020-02-25T10:00:00+05:30",
                "valueQuantity":{"value":61.50,"unit":"kg of Rao","system":"http://unitsofmeasure.org","code":"kg{Rao}"},
                "note":[{"text":"Rao"}],
                "referenceRange":[{"text":"Rao"},{"low":{"value":40,"unit":"kg"}}]}"#,
            r#","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/p2"},"effectiveDateTime":"2020-03-06T04:00:00Z","valueQuantity":{"value":61.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}"#,
        ),
        // what R4 demands is masked, what is not shown is not referred to
        (
            r##"{"resourceType":"Condition","code":{"text":"Rao's"},"subject":{"reference":"Patient/other"},
                "encounter":{"reference":"#inside"},"onsetAge":{"value":93,"system":"http://unitsofmeasure.org","code":"a"}}"##,
            r#","subject":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}}"#,
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(view(body).as_deref(), Some(expected));
    }
}

#[test]
fn what_cannot_be_understood_in_part_is_not_shown() {
    let modifier = r#""modifierExtension":[{"url":"http://x","valueBoolean":true}]"#;
    assert_eq!(view(&format!(r#"{{"resourceType":"Patient","gender":"male",{modifier}}}"#)), None);
    assert_eq!(view(r#"{"resourceType":"Patient","implicitRules":"http://x"}"#), None);
    assert_eq!(view(r#"{"resourceType":"Practitioner","gender":"male"}"#), None);
    let part = format!(
        r#"{{"resourceType":"Encounter","status":"finished","hospitalization":{{"admitSource":{{"coding":[{{"system":"http://loinc.org","code":"x"}}]}},{modifier}}}}}"#
    );
    let masked = r#""class":"#;
    assert_eq!(view(&part).as_deref(), Some(r#","status":"finished"}"#), "{masked}");
}

#[test]
fn postal_codes_keep_three_digits_where_many_live() {
    for (code, country, expected) in [
        ("12345", Some("US"), Some("123")),
        ("12345-6789", Some("usa"), Some("123")),
        ("03601", Some("US"), Some("000")),
        ("03601", None, Some("000")),
        ("90210", None, Some("000")),
        ("411001", Some("India"), Some("411")),
        ("12345", Some("FR"), Some("000")),
        ("SW1A 1AA", Some("GB"), None),
        ("123", Some("US"), None),
    ] {
        assert_eq!(treat::postcode(code, country).as_deref(), expected, "{code} {country:?}");
    }
}

/// Whether an observation says its value.
fn measured(code: &str, value: &str) -> bool {
    let body = format!(
        r#"{{"resourceType":"Observation","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},{value}}}"#
    );
    // what stands for a code that is not told has a value of its own
    view(&body).unwrap().replace(&printed(&treat::masked()), "").contains(r#""value"#)
}

#[test]
fn nothing_tells_an_age_over_ninety() {
    let ucum = r#""system":"http://unitsofmeasure.org""#;
    for (value, unit, expected) in [
        ("61.5", "kg", true),
        ("90", "a", true),
        ("93", "a", false),
        ("93", "a_j", false),
        ("93", "a_g", false),
        ("93", "a_t", false),
        ("1120", "mo", false),
        ("1080", "mo", true),
        ("4900", "wk", false),
        ("34000", "d", false),
        ("3e9", "s", false),
        ("93", "{years}", false),
        ("88", "{score}", true),
        ("120", "{copies}/mL", true),
        ("5", "stones of Rao", false),
        ("5", "VIP-Irani", false),
    ] {
        let value = format!(r#""valueQuantity":{{"value":{value},{ucum},"code":"{unit}"}}"#);
        assert_eq!(measured("29463-7", &value), expected, "{value}");
        assert!(!measured("30525-0", &value), "{value}");
    }
    assert!(!measured("30525-0", r#""valueInteger":93"#));
}

#[test]
fn no_number_and_no_word_tells_who_somebody_is() {
    for (value, expected) in [
        (r#""valueInteger":7"#, true),
        (r#""valueInteger":10000"#, true),
        (r#""valueInteger":10001"#, false),
        (r#""valueInteger":482113907"#, false),
        (r#""component":[{"code":{"text":"Aadhaar"},"valueInteger":7}]"#, false),
        (
            r#""valueQuantity":{"value":482113907,"system":"http://unitsofmeasure.org","code":"1"}"#,
            false,
        ),
        (
            r#""valueQuantity":{"value":250000,"system":"http://unitsofmeasure.org","code":"/uL"}"#,
            true,
        ),
    ] {
        assert_eq!(measured("29463-7", value), expected, "{value}");
    }
    // of what nobody knows
    assert!(!measured("IRANI-ANJALI", r#""valueInteger":7"#));
    let word = r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"IRANI-ANJALI"}]}}"#;
    assert!(!view(word).unwrap().contains("IRANI"));
    for (rank, expected) in [("1", true), ("987654321", false)] {
        let body = format!(
            r#"{{"resourceType":"Encounter","diagnosis":[{{"rank":{rank}}}],"length":{{"value":178213,"system":"http://unitsofmeasure.org","code":"s"}}}}"#
        );
        let told = view(&body).unwrap();
        assert_eq!(told.contains(&format!(r#""rank":{rank}"#)), expected, "{told}");
        assert!(!told.contains("178213"), "{told}");
    }
    for (period, expected) in [("1", true), ("0.5", true), ("0.482113907", false)] {
        let body = format!(
            r#"{{"resourceType":"MedicationRequest","dosageInstruction":[{{"timing":{{"repeat":{{"period":{period}}}}}}}]}}"#
        );
        let told = format!(r#""period":{period}"#);
        assert_eq!(view(&body).unwrap().contains(&told), expected, "{period}");
    }
}

#[test]
fn systems_and_regions_are_those_that_are_known() {
    for (system, code, expected) in [
        ("http://loinc.org", "1-8", true),
        ("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", true),
        ("http://terminology.hl7.org/CodeSystem/ours", "active", false),
        ("http://hl7.org/fhir/sid/us-ssn", "1-8", false),
        ("http://hl7.org/fhir/sid/icd-10", "E11", true),
        ("http://hl7.org/fhir/ours", "active", false),
    ] {
        assert_eq!(Table::vault().shows_code(system, code), expected, "{system}");
    }
    for (state, expected) in
        [("Maharashtra", true), ("MH", true), ("IRANI", false), ("House of Irani", false)]
    {
        let body = format!(r#"{{"resourceType":"Patient","address":[{{"state":"{state}"}}]}}"#);
        assert_eq!(view(&body).unwrap().contains(state), expected, "{state}");
    }
}

/// Numbers that look drawn and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// Makes resources, and remembers what must not come out of the view.
struct Maker {
    dice: Dice,
    secrets: Vec<String>,
    dates: usize,
}

impl Maker {
    fn secret(&mut self, form: &str) -> Value {
        let secret = format!("s3cret{}", self.secrets.len());
        let text = form.replace('*', &secret);
        self.secrets.push(secret);
        Value::String(text)
    }

    fn object(&mut self, owner: TypeId, depth: usize) -> Value {
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut choices = BTreeSet::new();
        for element in owner.elements() {
            let is_modifier = matches!(element.json_name, "modifierExtension" | "implicitRules");
            let is_new = element.choice == 0 || choices.insert(element.choice);
            if is_modifier || !is_new || self.dice.next(4) == 0 || depth > 5 {
                continue;
            }
            let value = self.value(element, depth);
            members.push((
                element.json_name.to_owned(),
                if element.max > 1 { Value::Array(vec![value]) } else { value },
            ));
        }
        Value::Object(members)
    }

    fn value(&mut self, element: &ElementDef, depth: usize) -> Value {
        let fixed = |text: &str| Value::String(text.to_owned());
        match element.ty.name() {
            "boolean" => Value::Bool(true),
            "integer" | "positiveInt" | "unsignedInt" | "decimal" => Value::Number("7".into()),
            "date" | "dateTime" | "instant" => {
                // so far from each other that no moved one is another
                self.dates += 1;
                let date = format!("{:04}-05-1{}", 1000 + 3 * self.dates, self.dice.next(10));
                self.secrets.push(date.clone());
                Value::String(date)
            }
            "code" => match element.required {
                Some(list) => fixed(list.codes[self.dice.next(list.codes.len())].1),
                None => self.secret("* of"),
            },
            "uri" | "url" | "canonical" | "oid" | "uuid" => self.secret("http://*.example"),
            "Coding" if self.dice.next(2) == 0 => {
                let Value::String(display) = self.secret("*") else { unreachable!() };
                parsed(&format!(
                    r#"{{"system":"http://loinc.org","code":"1-8","display":"{display}"}}"#
                ))
            }
            "Reference" if self.dice.next(2) == 0 => {
                let Value::String(id) = self.secret("*") else { unreachable!() };
                let name = if self.dice.next(2) == 0 { "Patient" } else { "Encounter" };
                parsed(&format!(r#"{{"reference":"{name}/{id}","display":"{id}"}}"#))
            }
            "Resource" => {
                let Value::String(id) = self.secret("*") else { unreachable!() };
                parsed(&format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#))
            }
            _ if element
                .ty
                .elements()
                .iter()
                .any(|one| !matches!(one.json_name, "id" | "extension"))
                && !element.ty.name().starts_with(char::is_lowercase) =>
            {
                self.object(element.ty, depth + 1)
            }
            _ => self.secret("*"),
        }
    }
}

#[test]
fn no_secret_comes_out_of_any_resource() {
    let key = StudyKey::new(b"study");
    let today = Instant::from_date(2026, 11, 22);
    let mut shown_members = 0;
    for seed in 0..600 {
        for (ty, _) in Table::vault().types() {
            let mut maker = Maker { dice: Dice(seed * 131 + 7), secrets: Vec::new(), dates: 0 };
            let Value::Object(mut members) = maker.object(TypeId::named(ty.name()).unwrap(), 0)
            else {
                unreachable!()
            };
            members.insert(0, ("resourceType".to_owned(), Value::String(ty.name().to_owned())));
            let body = Value::Object(members);
            // everything that it refers to is shown, under its pseudonym
            let targets = targets(ty, &body, BASES);
            let shown: BTreeMap<Target, String> = (targets.into_iter())
                .map(|to| (to.clone(), key.pseudonym(to.0.name(), &to.1)))
                .collect();
            let person = key.person(&seed.to_string(), None, today);
            let lens = Lens { person, shown: &shown, bases: BASES };
            let Some(out) = deidentified((ty, "pseudonym"), &body, &lens) else {
                panic!("{}", printed(&body));
            };
            let out = printed(&out);
            for secret in &maker.secrets {
                assert!(!out.contains(secret.as_str()), "{secret} of {}\nin {out}", printed(&body));
            }
            shown_members += out.matches(':').count();
        }
    }
    // and what may be shown is
    assert!(shown_members > 100_000, "{shown_members}");
}
