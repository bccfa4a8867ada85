//! Whatever is asked, the answer is a plan or a refusal.

use proptest::prelude::*;

use super::*;
use crate::parse::{compartment_types, parse_types};

/// Names that are nearly right.
fn name() -> impl Strategy<Value = String> {
    let code = prop_oneof![
        4 => prop::sample::select(vec![
            "code", "subject", "date", "_id", "value-quantity", "url", "family", "near", "identifier",
            "code-value-quantity", "patient", "target", "partof", "questionnaire", "_tag", "version",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "_sort", "_elements", "_count", "_include", "_revinclude", "_filter", "_text", "_content",
            "_list", "_type", "_contained", "_containedType", "_query", "_summary", "_total", "_has",
        ]).prop_map(str::to_owned),
        1 => r"\PC{0,12}",
    ];
    let modifier = prop_oneof![
        3 => Just(String::new()),
        2 => prop::sample::select(vec![
            ":not", ":exact", ":missing", ":Patient", ":identifier", ":below", ":above", ":in",
            ":of-type", ":iterate", ":text", ":contains",
        ]).prop_map(str::to_owned),
        1 => r":\PC{0,6}",
    ];
    let before = prop_oneof![
        4 => Just(String::new()),
        1 => prop::sample::select(vec![
            "subject.", "subject:Patient.", "target.", "_has:Observation:subject:", "_has:",
            "_has:Provenance:target:", "partof.",
        ]).prop_map(str::to_owned),
        1 => r"\PC{0,8}[.:]",
    ];
    (prop::collection::vec(before, 0..4), code, modifier)
        .prop_map(|(before, code, modifier)| format!("{}{code}{modifier}", before.concat()))
}

/// Values that are nearly right.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        r"(eq|gt|ap|sa)?(\PC{0,20}|[0-9.eE|,\\$/:TZ+-]{0,40})",
        r"(true|false|both|-?[a-z]{1,6}|Patient/1|a\|b|http://x/y\|1|1\$2|0\|0\|1\|km|List/1)",
        r"(Patient|Observation|\*)?:(link|subject|\*|[a-z]{0,4})(:[A-Z][a-z]{0,6})?",
        r#"(not )?[(]?(family|code|subject\.name|date|_id)(\[code eq x\]\.a)? (eq|co|pr|ss|in|gt) ("[a-z ]{0,5}"|[a-z0-9]{0,4})[)]?( (and|or) code eq x)?"#,
        r#"[()\[\]". a-z\\]{0,60}"#,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_query_panics_and_what_is_understood_means_the_same(
        pairs in prop::collection::vec((name(), text()), 1..4),
    ) {
        let patient = compartment_types(ty("Patient"));
        for handling in [Handling::Strict, Handling::Lenient] {
            let reading = Reading { handling, ..STRICT };
            let read = |over: Option<&str>, pairs: &[(String, String)]| match over {
                None => parse_system(Registry::r4(), pairs, &reading),
                Some("*") => parse_types(Registry::r4(), &patient, pairs, &reading),
                Some(name) => parse(Registry::r4(), ty(name), pairs, &reading),
            };
            for over in [Some("Patient"), Some("Observation"), Some("ValueSet"), Some("*"), None] {
                match read(over, &pairs) {
                    Err(outcome) => prop_assert!(matches!(outcome.status(), 400 | 422)),
                    Ok((plan, _)) => {
                        let again = read(over, &plan.understood).map(|(plan, _)| plan);
                        prop_assert_eq!(again.ok(), Some(plan));
                    }
                }
            }
        }
    }
}
