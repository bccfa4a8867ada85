//! `ValueSet`s that bring their expansion along: <https://hl7.org/fhir/R4/valueset.html#expansion>.

use crate::world::{World, shown};

#[test]
fn an_expansion_stands_in_for_a_compose_that_is_not_there_or_not_known() {
    let contains = r#""contains":[{"system":"s","code":"a","contains":[{"system":"s","code":"b","inactive":true}]},
        {"system":"s","code":"group","abstract":true,"contains":[{"code":"c"}]},{"display":"heading"}]"#;
    let unclosed = r#""extension":[{"url":"http://hl7.org/fhir/StructureDefinition/valueset-unclosed","valueBoolean":true}],"#;
    let closed = unclosed.replace("true", "false");
    let snomed = r#""compose":{"include":[{"system":"sct","filter":[{"property":"concept","op":"is-a","value":"1"}]}]},"#;
    let listed = r#""compose":{"include":[{"system":"t","concept":[{"code":"x"}]}]},"#;
    let broken = r#""compose":{"include":[{}]},"#;
    let partial = "! The ValueSet vs has no compose, and its expansion is only a part";
    for (compose, expansion, expected) in [
        ("", format!("{{{contains}}}"), "-: c; s: a b"),
        ("", format!(r#"{{"total":5,{contains}}}"#), "-: c; s: a b"),
        ("", format!(r#"{{"total":6,{contains}}}"#), partial),
        ("", format!("{{{unclosed}{contains}}}"), partial),
        ("", format!("{{{closed}{contains}}}"), "-: c; s: a b"),
        ("", r#"{"total":0}"#.to_owned(), ""),
        (snomed, format!("{{{contains}}}"), "-: c; s: a b"),
        (listed, format!("{{{contains}}}"), "t: x"),
        (
            broken,
            format!("{{{contains}}}"),
            "! The ValueSet vs cannot be used: it has neither a system nor a ValueSet (ValueSet.compose.include[0])",
        ),
    ] {
        let text = format!(
            r#"{{"resourceType":"ValueSet","url":"vs","status":"active",{compose}"expansion":{expansion}}}"#
        );
        assert_eq!(shown(&World::of([&*text]).expand("vs")), expected, "{text}");
    }
    let bare = r#"{"resourceType":"ValueSet","url":"vs","status":"active"}"#;
    let expected = "! The ValueSet vs has neither compose nor expansion";
    assert_eq!(shown(&World::of([bare]).expand("vs")), expected);
}

#[test]
fn an_import_that_fails_leaves_the_way_free_for_another() {
    // inner cannot be expanded, outer falls back to its expansion and is imported twice
    let inner = r#"{"resourceType":"ValueSet","url":"inner","status":"active","compose":{"include":[
        {"system":"sct","filter":[{"property":"concept","op":"is-a","value":"1"}]}]}}"#;
    let outer = r#"{"resourceType":"ValueSet","url":"outer","status":"active","compose":{"include":[{"valueSet":["inner"]}]},
        "expansion":{"contains":[{"system":"s","code":"a"}]}}"#;
    let all = r#"{"resourceType":"ValueSet","url":"all","status":"active","compose":{"include":[
        {"valueSet":["outer"]},{"system":"s","concept":[{"code":"b"}],"valueSet":["outer"]}]}}"#;
    let world = World::of([inner, outer, all]);
    assert_eq!(shown(&world.expand("all")), "s: a");
    assert_eq!(
        shown(&world.expand("inner")),
        "! The concepts of the CodeSystem sct are needed for this, but are not stored here"
    );
}
