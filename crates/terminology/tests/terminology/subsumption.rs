//! `:below` and `:above`: <https://hl7.org/fhir/R4/search.html#token>.

use terminology::{Limits, Refusal, above, below};

use crate::world::tree;

fn system(more: &str) -> fhir_model::Tree {
    let text = format!(r#"{{"resourceType":"CodeSystem","url":"cs","status":"active",{more}}}"#);
    tree(&text)
}

#[test]
fn relations_come_from_nesting_and_from_properties() {
    let nested = r#""content":"complete","concept":[{"code":"a","concept":[{"code":"b","concept":[{"code":"c"}]},{"code":"d"}]},{"code":"e"}]"#;
    let parents = r#""content":"complete","concept":[{"code":"c","property":[{"code":"parent","valueCode":"b"}]},
        {"code":"b","property":[{"code":"parent","valueCode":"a"},{"code":"parent","valueCode":"nobody"}]},{"code":"a"},
        {"code":"d","property":[{"code":"parent","valueCoding":{"code":"a"}}]},{"code":"e"}]"#;
    let children = r#""content":"complete","concept":[{"code":"a","property":[{"code":"child","valueCode":"b"},{"code":"child","valueCode":"d"}]},
        {"code":"b","property":[{"code":"child","valueString":"c"}]},{"code":"c"},{"code":"d"},{"code":"e"}]"#;
    let subsumed = r#""content":"complete","hierarchyMeaning":"part-of","concept":[{"code":"c","property":[{"code":"subsumedBy","valueCode":"b"}]},
        {"code":"b","property":[{"code":"subsumedBy","valueCode":"a"}]},{"code":"a"},{"code":"e","concept":[
        {"code":"d","property":[{"code":"subsumedBy","valueCode":"a"}]}]}]"#;
    let renamed = parents.replace(r#""code":"parent""#, r#""code":"isKindOf""#).replacen(
        "\"concept\"",
        r#""property":[{"code":"isKindOf","uri":"http://hl7.org/fhir/concept-properties#parent","type":"code"}],"concept""#,
        1,
    );
    let partial = nested.replace("complete", "fragment");
    for form in [nested, parents, children, subsumed, &renamed, &partial] {
        let system = system(form);
        for (code, lower, upper) in [
            ("a", "a b c d", "a"),
            ("b", "b c", "a b"),
            ("c", "c", "a b c"),
            ("d", "d", "a d"),
            ("e", "e", "e"),
            ("unknown", "unknown", "unknown"),
            ("A", "A", "A"),
        ] {
            let shown = |codes: Result<std::collections::BTreeSet<String>, Refusal>| {
                codes.unwrap().into_iter().collect::<Vec<_>>().join(" ")
            };
            assert_eq!(shown(below(&system, code, &Limits::default())), lower, "{code} {form}");
            assert_eq!(shown(above(&system, code, &Limits::default())), upper, "{code} {form}");
        }
    }
}

#[test]
fn the_spelling_asked_for_and_the_one_of_the_code_system_are_both_in() {
    let system = system(
        r#""content":"complete","caseSensitive":false,"concept":[{"code":"Flu","concept":[{"code":"H1N1"}]}]"#,
    );
    let codes = below(&system, "FLU", &Limits::default()).unwrap();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["FLU", "Flu", "H1N1"]);
}

#[test]
fn without_concepts_there_is_no_answer() {
    for more in [
        r#""content":"not-present""#,
        r#""content":"example""#,
        r#""content":"supplement","concept":[{"code":"a"}]"#,
    ] {
        let answer = below(&system(more), "a", &Limits::default());
        assert!(matches!(answer, Err(Refusal::UnknownCodeSystem(name)) if name.url == "cs"));
    }
}
