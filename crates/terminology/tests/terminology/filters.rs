//! Every operator of <https://hl7.org/fhir/R4/valueset-filter-operator.html>.

use crate::world::{World, shown};

const SYSTEM: &str = r#"{"resourceType":"CodeSystem","url":"cs","status":"active","content":"complete","hierarchyMeaning":"is-a",
    "property":[{"code":"kind","type":"code"},{"code":"unused","type":"string"},
        {"code":"up","uri":"http://hl7.org/fhir/concept-properties#parent","type":"code"}],
    "concept":[
        {"code":"root","display":"The root","concept":[
            {"code":"a1","definition":"A one","property":[{"code":"kind","valueCode":"x"},{"code":"kind","valueCode":"y"}],
                "concept":[{"code":"a1-b","property":[{"code":"size","valueInteger":3}]}]},
            {"code":"a2","display":"A 2","property":[{"code":"kind","valueCoding":{"system":"cs","code":"a1-b"}},{"code":"notSelectable","valueBoolean":true}]}]},
        {"code":"z","property":[{"code":"up","valueCode":"a1"},{"code":"inactive","valueBoolean":true}]},
        {"code":"Z9","property":[{"code":"child","valueCode":"a2"},{"code":"kind","valueString":"say \"x\""}]}]}"#;

fn select(system: &str, filters: &[(&str, &str, &str)]) -> String {
    let filters: Vec<String> = filters
        .iter()
        .map(|(property, operator, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!(r#"{{"property":"{property}","op":"{operator}","value":"{value}"}}"#)
        })
        .collect();
    let value_set = format!(
        r#"{{"resourceType":"ValueSet","url":"vs","status":"active","compose":{{"include":[{{"system":"cs","filter":[{}]}}]}}}}"#,
        filters.join(",")
    );
    let shown = shown(&World::of([system, &*value_set]).expand("vs"));
    shown.strip_prefix("cs: ").unwrap_or(&shown).to_owned()
}

#[test]
fn operators_look_at_the_values_of_the_property() {
    for (property, operator, value, expected) in [
        ("concept", "=", "a1", "a1"),
        ("code", "=", "nobody", ""),
        ("concept", "is-a", "root", "a1 a1-b a2 root z"),
        ("code", "is-a", "a1", "a1 a1-b z"),
        ("concept", "is-a", "Z9", "Z9 a2"),
        ("concept", "descendent-of", "root", "a1 a1-b a2 z"),
        ("concept", "descendent-of", "z", ""),
        ("concept", "is-not-a", "a1", "Z9 a2 root"),
        ("concept", "generalizes", "a1-b", "a1 a1-b root"),
        ("concept", "generalizes", "a2", "Z9 a2 root"),
        ("concept", "in", "a1, z ,nobody", "a1 z"),
        ("concept", "not-in", "a1,z", "Z9 a1-b a2 root"),
        ("code", "regex", "a[0-9]", "a1 a2"),
        ("code", "regex", "a.*", "a1 a1-b a2"),
        ("code", "regex", "a1|z", "a1 z"),
        ("display", "=", "A 2", "a2"),
        ("display", "regex", "The.*", "root"),
        ("display", "exists", "true", "a2 root"),
        ("definition", "exists", "true", "a1"),
        ("parent", "=", "root", "a1 a2"),
        ("parent", "=", "a1", "a1-b z"),
        ("parent", "exists", "false", "Z9 root"),
        ("parent", "is-a", "a1", "a1-b z"),
        ("up", "=", "root", "a1 a2"),
        ("child", "=", "a2", "Z9 root"),
        ("child", "exists", "true", "Z9 a1 root"),
        ("kind", "=", "y", "a1"),
        ("kind", "=", "a1-b", "a2"),
        ("kind", "=", "say \"x\"", "Z9"),
        ("kind", "is-a", "a1", "a2"),
        ("kind", "in", "x,a1-b", "a1 a2"),
        ("kind", "not-in", "x", "Z9 a1-b a2 root z"),
        ("kind", "regex", "[xy]", "a1"),
        ("kind", "exists", "true", "Z9 a1 a2"),
        ("kind", "exists", "false", "a1-b root z"),
        ("size", "=", "3", "a1-b"),
        ("unused", "exists", "true", ""),
        ("notSelectable", "=", "true", "a2"),
        ("inactive", "=", "true", "z"),
        ("inactive", "=", "false", "Z9 a1 a1-b a2 root"),
        ("deprecated", "exists", "true", ""),
    ] {
        let selected = select(SYSTEM, &[(property, operator, value)]);
        assert_eq!(selected, expected, "{property} {operator} {value}");
    }
}

#[test]
fn all_filters_have_to_pass() {
    for (filters, expected) in [
        (&[("concept", "is-a", "root"), ("kind", "exists", "true")][..], "a1 a2"),
        (&[("concept", "is-a", "root"), ("kind", "exists", "true"), ("code", "regex", ".2")], "a2"),
        (&[("concept", "is-a", "Z9"), ("concept", "is-a", "a1")], ""),
    ] {
        assert_eq!(select(SYSTEM, filters), expected, "{filters:?}");
    }
}

#[test]
fn filters_that_make_no_sense_say_why() {
    for (property, operator, value, expected) in [
        ("nosuch", "=", "a", "the code system has no property 'nosuch'"),
        ("concept", "child-of", "a", "there is no filter operator 'child-of'"),
        ("concept", "is-a", "b", "the code system has no concept 'b' for the filter to start from"),
        ("kind", "exists", "yes", "the value of an exists filter is true or false"),
        ("code", "regex", "(", "'(' is not a regular expression"),
        ("code", "regex", "a{5000}{5000}", "the regular expression is too large"),
    ] {
        let expected = format!(
            "! The ValueSet vs cannot be used: {expected} (ValueSet.compose.include[0].filter[0])"
        );
        assert_eq!(select(SYSTEM, &[(property, operator, value)]), expected);
    }
}

#[test]
fn parts_and_groups_are_drawn_but_not_subsumed() {
    for (meaning, expected) in [
        ("is-a", "a1 a1-b z"),
        ("classified-with", "a1 a1-b z"),
        ("part-of", "a1"),
        ("grouped-by", "a1"),
    ] {
        let system = SYSTEM.replace("is-a", meaning);
        assert_eq!(select(&system, &[("concept", "is-a", "a1")]), expected, "{meaning}");
        assert_eq!(select(&system, &[("parent", "=", "a1")]), "a1-b z", "{meaning}");
    }
}

#[test]
fn case_counts_unless_the_code_system_says_no() {
    let lax = SYSTEM.replacen("\"content\"", "\"caseSensitive\":false,\"content\"", 1);
    for (property, operator, value, strict, ignoring) in [
        ("concept", "=", "A1", "", "a1"),
        ("concept", "in", "Z9,A1-B", "Z9", "Z9 a1-b"),
        ("concept", "is-a", "z9", "!", "Z9 a2"),
        ("concept", "descendent-of", "ROOT", "!", "a1 a1-b a2 z"),
        ("concept", "not-in", "ROOT,A1,A2,Z", "Z9 a1 a1-b a2 root z", "Z9 a1-b"),
    ] {
        let filter = [(property, operator, value)];
        let found = select(SYSTEM, &filter);
        assert_eq!(if found.starts_with('!') { "!" } else { &found }, strict);
        assert_eq!(select(&lax, &filter), ignoring, "{property} {operator} {value}");
    }
}
