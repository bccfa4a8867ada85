//! Input that means harm ends soon, with an answer or a refusal.

use std::{fmt::Write as _, time::Instant};

use terminology::{Limits, Refusal, Wanted, above, below};

use crate::world::{World, shown, tree};

const CONCEPTS: usize = 100_000;

/// 100,000 concepts, ten below each.
fn large_system() -> String {
    let mut text =
        r#"{"resourceType":"CodeSystem","url":"cs","status":"active","content":"complete","concept":[{"code":"c0"}"#
            .to_owned();
    for at in 1..CONCEPTS {
        write!(
            text,
            r#",{{"code":"c{at}","display":"Concept {at}","property":[{{"code":"parent","valueCode":"c{}"}},{{"code":"odd","valueBoolean":{}}}]}}"#,
            at / 10,
            at % 2 == 1
        )
        .unwrap();
    }
    text.push_str("]}");
    text
}

fn value_set(url: &str, include: &str) -> String {
    format!(
        r#"{{"resourceType":"ValueSet","url":"{url}","status":"active","compose":{{"include":[{include}]}}}}"#
    )
}

#[test]
fn a_large_code_system_is_read_once_and_only_the_answer_is_limited() {
    let cases = [
        (r#"{"property":"concept","op":"is-a","value":"c12"}"#, Some(1 + 10 + 100 + 1000)),
        (r#"{"property":"concept","op":"generalizes","value":"c99999"}"#, Some(6)),
        (r#"{"property":"code","op":"regex","value":"c99..."}"#, Some(1_000)),
        (
            r#"{"property":"code","op":"regex","value":"c99[0-9]{3}"},{"property":"odd","op":"=","value":"true"}"#,
            Some(500),
        ),
        (r#"{"property":"odd","op":"=","value":"true"}"#, None),
        (r#"{"property":"concept","op":"is-a","value":"c0"}"#, None),
    ];
    let system = large_system();
    let mut world = World::of([&*system]);
    for (filters, count) in cases {
        world.store(tree(&value_set("vs", &format!(r#"{{"system":"cs","filter":[{filters}]}}"#))));
        let answer = world.expand("vs").map(|concepts| concepts.len());
        assert_eq!(answer, count.ok_or(Refusal::TooManyCodes { max: 10_000 }), "{filters}");
    }
    let system = tree(&system);
    let limits = Limits::default();
    assert_eq!(below(&system, "c12", &limits).unwrap().len(), 1111);
    assert_eq!(above(&system, "c99999", &limits).unwrap().len(), 6);
    assert_eq!(below(&system, "c0", &limits), Err(Refusal::TooManyCodes { max: 10_000 }));
}

#[test]
fn the_time_for_a_large_code_system_is_linear() {
    // generous: it is some 100 ms even without optimisation on a busy machine
    let system = tree(&large_system());
    let start = Instant::now();
    let codes = below(&system, "c1", &Limits { codes: CONCEPTS, ..Limits::default() }).unwrap();
    assert_eq!(codes.len(), 11_111);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn work_is_counted_and_ends() {
    let system = large_system();
    let repeated = |part: &str, times: usize| vec![part; times].join(",");
    let odd = r#"{"system":"cs","filter":[{"property":"odd","op":"=","value":"true"}]}"#;
    let filters = format!(
        r#"{{"system":"cs","filter":[{}]}}"#,
        repeated(r#"{"property":"concept","op":"is-a","value":"c0"}"#, 50_000)
    );
    let regexes = format!(
        r#"{{"system":"small","filter":[{}]}}"#,
        repeated(r#"{"property":"code","op":"regex","value":"(a|b|[ab]{50})*c?"}"#, 50_000)
    );
    let slow = format!(
        r#"{{"system":"long","filter":[{}]}}"#,
        repeated(r#"{"property":"code","op":"regex","value":".*b[ab]{600}a.*c?"}"#, 10)
    );
    let imports = format!(r#"{{"valueSet":[{}]}}"#, repeated("\"many\"", 50_000));
    let many = value_set(
        "many",
        &format!(
            r#"{{"system":"s","concept":[{}]}}"#,
            (0..9_000).map(|n| format!(r#"{{"code":"{n}"}}"#)).collect::<Vec<_>>().join(",")
        ),
    );
    let small = r#"{"resourceType":"CodeSystem","url":"small","status":"active","content":"complete","concept":[{"code":"ab"}]}"#;
    let long =
        small.replace("small", "long").replace("\"ab\"", &format!("\"{}\"", "ab".repeat(200_000)));
    let mut world = World::of([&*system, small, &*long, &*many]);
    for include in [repeated(odd, 1_000), filters, regexes, slow, imports] {
        world.store(tree(&value_set("vs", &include)));
        let limits = Limits { steps: 1_500_000, ..Limits::default() };
        let (_, answer) = world.ask(Wanted::Canonical("vs"), &limits);
        assert_eq!(answer, Err(Refusal::TooManySteps { max: 1_500_000 }), "{include:.80}");
    }
}

#[test]
fn imports_do_not_multiply() {
    // each imports the next one twice: 2^30 ways to the last
    let import = |n: usize| {
        value_set(
            &format!("v{n}"),
            &format!(r#"{{"valueSet":["v{0}","v{0}"]}},{{"valueSet":["v{0}"]}}"#, n + 1),
        )
    };
    let last = value_set("v30", r#"{"system":"s","concept":[{"code":"a"}]}"#);
    let all: Vec<String> = (0..30).map(import).chain([last]).collect();
    let world = World::of(all.iter().map(String::as_str));
    assert_eq!(shown(&world.expand("v0")), "s: a");
}

#[test]
fn depth_and_number_of_imports_are_limited() {
    let import =
        |n: usize| value_set(&format!("v{n}"), &format!(r#"{{"valueSet":["v{}"]}}"#, n + 1));
    let chain: Vec<String> = (0..10_000).map(import).collect();
    let world = World::of(chain.iter().map(String::as_str));
    assert_eq!(world.expand("v0"), Err(Refusal::TooManyResources { max: 100 }));
    let limits = Limits { resources: usize::MAX, ..Limits::default() };
    let (_, answer) = world.ask(Wanted::Canonical("v9900"), &limits);
    assert_eq!(answer, Err(Refusal::TooManyResources { max: 32 }));
    let wide: Vec<String> = (0..50_000).map(|n| format!(r#"{{"valueSet":["w{n}"]}}"#)).collect();
    let world = World::of([&*value_set("wide", &wide.join(","))]);
    assert_eq!(world.expand("wide"), Err(Refusal::TooManyResources { max: 100 }));
}

#[test]
fn circles_and_repetitions_in_a_code_system_end() {
    let system = r#"{"resourceType":"CodeSystem","url":"cs","status":"active","content":"complete","concept":[
        {"code":"a","property":[{"code":"parent","valueCode":"b"},{"code":"parent","valueCode":"a"}]},
        {"code":"b","property":[{"code":"parent","valueCode":"a"}],"concept":[{"code":"a","concept":[{"code":"c"}]}]},
        {"concept":[{"code":"d"}]},{"code":"b"},{"display":"no code"}]}"#;
    let (tree, limits) = (tree(system), Limits::default());
    let codes = |code| below(&tree, code, &limits).unwrap().into_iter().collect::<String>();
    assert_eq!(
        (codes("a"), codes("b"), codes("c"), codes("d")),
        ("abc".into(), "abc".into(), "c".into(), "d".into())
    );
    let whole = value_set("vs", r#"{"system":"cs"}"#);
    assert_eq!(shown(&World::of([system, &*whole]).expand("vs")), "cs: a b c d");
}

#[test]
fn what_is_no_resource_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"resourceType":"Patient"}"#,
        r#"{"resourceType":"ValueSet","compose":[1]}"#,
    ] {
        let tree = tree(text);
        let (_, answer) = World::default().ask(Wanted::Resource(&tree), &Limits::default());
        assert!(matches!(answer, Err(Refusal::NoDefinition(_))), "{text} {}", shown(&answer));
        assert!(below(&tree, "a", &Limits::default()).is_err(), "{text}");
    }
}
