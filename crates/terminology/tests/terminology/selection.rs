//! Include, exclude, import: <https://hl7.org/fhir/R4/valueset.html#compositions>.

use fhir_model::Outcome;
use terminology::{Limits, Refusal, Wanted};

use crate::world::{World, shown, tree};

const ANIMALS: &str = r#"{"resourceType":"CodeSystem","url":"animals","version":"2","status":"active","content":"complete",
    "property":[{"code":"gone","uri":"http://hl7.org/fhir/concept-properties#inactive","type":"boolean"}],
    "concept":[{"code":"animal","concept":[{"code":"dog","concept":[{"code":"beagle"}]},{"code":"cat"}]},
        {"code":"dodo","property":[{"code":"gone","valueBoolean":true}]},
        {"code":"auk","property":[{"code":"status","valueCode":"retired"}]},
        {"code":"emu","property":[{"code":"gone","valueBoolean":false},{"code":"status","valueCode":"active"}]}]}"#;
const PLANTS: &str = r#"{"resourceType":"CodeSystem","url":"plants","status":"active","content":"fragment",
    "concept":[{"code":"oak"},{"code":"elm","property":[{"code":"inactive","valueBoolean":true}]}]}"#;
const STONES: &str =
    r#"{"resourceType":"CodeSystem","url":"stones","status":"active","content":"not-present"}"#;

fn value_set(url: &str, compose: &str) -> String {
    format!(
        r#"{{"resourceType":"ValueSet","url":"{url}","version":"1","status":"active","compose":{compose}}}"#
    )
}

/// A world with the code systems, some `ValueSet`s, and the one under test as `test`.
fn world(compose: &str) -> World {
    let dogs = value_set(
        "dogs",
        r#"{"include":[{"system":"animals","concept":[{"code":"dog"},{"code":"beagle"}]}]}"#,
    );
    let pets = value_set(
        "pets",
        r#"{"include":[{"system":"animals","concept":[{"code":"dog"},{"code":"cat"}]},{"system":"names","concept":[{"code":"rex"}]}]}"#,
    );
    let test = value_set("test", compose);
    World::of([ANIMALS, PLANTS, STONES, &*dogs, &*pets, &*test])
}

fn check(cases: &[(&str, &str)]) {
    for (compose, expected) in cases {
        assert_eq!(shown(&world(compose).expand("test")), *expected, "{compose}");
    }
}

#[test]
fn parts_are_united() {
    check(&[
        // listed
        (
            r#"{"include":[{"system":"s","concept":[{"code":"b"},{"code":"a"},{"code":"a"}]}]}"#,
            "s: a b",
        ),
        (
            r#"{"include":[{"system":"s","concept":[{"code":"a"}]},{"system":"t","concept":[{"code":"a"}]},{"system":"s","concept":[{"code":"c"}]}]}"#,
            "s: a c; t: a",
        ),
        (
            r#"{"include":[{"system":"animals","concept":[{"code":"unicorn"}]}]}"#,
            "animals: unicorn",
        ),
        (r#"{"include":[]}"#, ""),
        // whole systems: known, known in part, known by name, unknown
        (r#"{"include":[{"system":"animals"}]}"#, "animals: animal auk beagle cat dodo dog emu"),
        (
            r#"{"include":[{"system":"animals","version":"2"}]}"#,
            "animals: animal auk beagle cat dodo dog emu",
        ),
        (r#"{"include":[{"system":"animals","version":"1"}]}"#, "animals: *"),
        (
            r#"{"include":[{"system":"plants"},{"system":"stones"},{"system":"stars"}]}"#,
            "plants: *; stars: *; stones: *",
        ),
        (
            r#"{"include":[{"system":"stars"},{"system":"stars","concept":[{"code":"sun"}]}]}"#,
            "stars: *",
        ),
    ]);
}

#[test]
fn what_is_excluded_is_out() {
    check(&[
        (
            r#"{"include":[{"system":"s","concept":[{"code":"a"},{"code":"b"}]}],"exclude":[{"system":"s","concept":[{"code":"b"}]},{"system":"t","concept":[{"code":"a"}]}]}"#,
            "s: a",
        ),
        (
            r#"{"include":[{"system":"stars"}],"exclude":[{"system":"stars","concept":[{"code":"sun"},{"code":"vega"}]}]}"#,
            "stars: * - sun vega",
        ),
        (
            r#"{"include":[{"system":"animals"}],"exclude":[{"system":"animals","filter":[{"property":"concept","op":"is-a","value":"dog"}]}]}"#,
            "animals: animal auk cat dodo emu",
        ),
        (
            r#"{"include":[{"system":"s","concept":[{"code":"a"}]},{"system":"t","concept":[{"code":"a"}]}],"exclude":[{"system":"s"}]}"#,
            "t: a",
        ),
        (r#"{"include":[{"system":"animals"}],"exclude":[{"system":"animals"}]}"#, ""),
        (
            r#"{"include":[{"valueSet":["pets"]}],"exclude":[{"valueSet":["dogs"]}]}"#,
            "animals: cat; names: rex",
        ),
    ]);
}

#[test]
fn an_include_takes_what_is_in_all_of_its_imports() {
    check(&[
        (
            r#"{"include":[{"valueSet":["dogs"]},{"valueSet":["pets"]}]}"#,
            "animals: beagle cat dog; names: rex",
        ),
        (r#"{"include":[{"valueSet":["dogs","pets"]}]}"#, "animals: dog"),
        (r#"{"include":[{"valueSet":["pets|1"]}]}"#, "animals: cat dog; names: rex"),
        (r#"{"include":[{"system":"animals","valueSet":["pets"]}]}"#, "animals: cat dog"),
        (r#"{"include":[{"system":"names","valueSet":["pets"]}]}"#, "names: rex"),
        (
            r#"{"include":[{"system":"animals","concept":[{"code":"cat"},{"code":"emu"}],"valueSet":["pets"]}]}"#,
            "animals: cat",
        ),
        (
            r#"{"include":[{"system":"animals","filter":[{"property":"concept","op":"is-a","value":"dog"}],"valueSet":["dogs","pets"]}]}"#,
            "animals: dog",
        ),
        (r#"{"include":[{"system":"s","valueSet":["pets"]}]}"#, ""),
        (
            r#"{"include":[{"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender"]}]}"#,
            "http://hl7.org/fhir/administrative-gender: female male other unknown",
        ),
        (
            r#"{"include":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"},{"code":"x"}],"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"]}]}"#,
            "http://hl7.org/fhir/administrative-gender: male",
        ),
    ]);
}

#[test]
fn inactive_codes_can_be_left_out() {
    check(&[
        (
            r#"{"inactive":true,"include":[{"system":"animals"}]}"#,
            "animals: animal auk beagle cat dodo dog emu",
        ),
        (
            r#"{"inactive":false,"include":[{"system":"animals"}]}"#,
            "animals: animal beagle cat dog emu",
        ),
        (
            r#"{"inactive":false,"include":[{"system":"animals","concept":[{"code":"emu"},{"code":"dodo"},{"code":"unicorn"}]}]}"#,
            "animals: emu unicorn",
        ),
        (
            r#"{"inactive":false,"include":[{"system":"plants"},{"system":"s","concept":[{"code":"a"}]}]}"#,
            "plants: * - elm; s: a",
        ),
        (
            r#"{"inactive":false,"include":[{"system":"animals"}],"exclude":[{"system":"animals","concept":[{"code":"emu"}]}]}"#,
            "animals: animal beagle cat dog",
        ),
    ]);
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_the_place() {
    let include = "ValueSet.compose.include[0]";
    let cases = [
        (
            r#"{"include":[{}]}"#,
            format!(
                "! The ValueSet test cannot be used: it has neither a system nor a ValueSet ({include})"
            ),
        ),
        (
            r#"{"include":[{"concept":[{"code":"a"}]}]}"#,
            format!(
                "! The ValueSet test cannot be used: its concepts or filters need a system ({include})"
            ),
        ),
        (
            r#"{"include":[{"system":"animals","concept":[{"code":"a"}],"filter":[{"property":"concept","op":"is-a","value":"dog"}]}]}"#,
            format!(
                "! The ValueSet test cannot be used: it has both concepts and filters ({include})"
            ),
        ),
        (
            r#"{"include":[{"system":"animals","filter":[{"property":"concept","op":"is-a","value":"rock"}]}]}"#,
            format!(
                "! The ValueSet test cannot be used: the code system has no concept 'rock' for the filter to start from ({include}.filter[0])"
            ),
        ),
        (
            r#"{"include":[{"system":"animals","filter":[{"property":"colour","op":"=","value":"red"}]}]}"#,
            format!(
                "! The ValueSet test cannot be used: the code system has no property 'colour' ({include}.filter[0])"
            ),
        ),
        (
            r#"{"include":[{"system":"stars","filter":[{"property":"concept","op":"is-a","value":"sun"}]}]}"#,
            "! The concepts of the CodeSystem stars are needed for this, but are not stored here"
                .to_owned(),
        ),
        (
            r#"{"include":[{"system":"stones","filter":[{"property":"concept","op":"is-a","value":"flint"}]}]}"#,
            "! The concepts of the CodeSystem stones are needed for this, but are not stored here"
                .to_owned(),
        ),
        (
            r#"{"include":[{"system":"plants","filter":[{"property":"concept","op":"is-a","value":"ash"}]}]}"#,
            "! The concepts of the CodeSystem plants are needed for this, but are not stored here"
                .to_owned(),
        ),
        (
            r#"{"include":[{"valueSet":["dogs|9"]}]}"#,
            "! The ValueSet dogs|9 is not stored here".to_owned(),
        ),
        (
            r#"{"include":[{"valueSet":["test"]}]}"#,
            "! These ValueSets import one another: test -> test".to_owned(),
        ),
    ];
    for (compose, expected) in cases {
        assert_eq!(shown(&world(compose).expand("test")), expected, "{compose}");
    }
    assert_eq!(shown(&world("{}").expand("other")), "! The ValueSet other is not stored here");
}

#[test]
fn circles_are_named() {
    let import = |url: &str, next: &str| {
        value_set(url, &format!(r#"{{"include":[{{"valueSet":["{next}"]}}]}}"#))
    };
    let all = [import("a", "b"), import("b", "c"), import("c", "b|1")];
    let world = World::of(all.iter().map(String::as_str));
    let expected = "! These ValueSets import one another: c -> b|1 -> c";
    assert_eq!(shown(&world.expand("a")), expected);
    let itself = tree(&import("a", "b"));
    let (_, answer) = world.ask(Wanted::Resource(&itself), &Limits::default());
    assert!(matches!(answer, Err(Refusal::Cycle(_))));
}

#[test]
fn loading_takes_a_round_for_each_depth_of_imports() {
    let compose = r#"{"include":[{"system":"animals"},{"system":"s","concept":[{"code":"a"}]},{"valueSet":["dogs","pets"]}]}"#;
    let world = world(compose);
    // the ValueSet; its imports and its code system
    assert_eq!(world.ask(Wanted::Canonical("test"), &Limits::default()).0, 2);
    let tree = tree(&value_set("test", compose));
    assert_eq!(world.ask(Wanted::Resource(&tree), &Limits::default()).0, 1);
    let listed = tree_of_listed();
    assert_eq!(world.ask(Wanted::Resource(&listed), &Limits::default()).0, 0);
}

fn tree_of_listed() -> fhir_model::Tree {
    tree(&value_set("x", r#"{"include":[{"system":"animals","concept":[{"code":"dog"}]}]}"#))
}

#[test]
fn refusals_have_the_status_of_their_kind() {
    let status = |refusal: Refusal| Outcome::from(refusal).status();
    let canonical = || terminology::Canonical::new("x", None);
    assert_eq!(status(Refusal::UnknownValueSet(canonical())), 400);
    assert_eq!(status(Refusal::UnknownCodeSystem(canonical())), 400);
    assert_eq!(status(Refusal::TooManyCodes { max: 1 }), 422);
    let outcome = Outcome::from(Refusal::TooManyCodes { max: 10_000 });
    assert_eq!(outcome.to_string(), "This selects more than 10000 codes");
}
