//! Which scopes are read, and what they open.

use fhir_model::ResourceType;
use proptest::prelude::{any, proptest};

use super::*;

fn ty(name: &str) -> ResourceType {
    ResourceType::named(name).unwrap()
}

#[test]
fn scopes_open_what_the_table_says() {
    use Action::{Create, Delete, Read, Search, Update};
    let cases: &[(&str, &str, &[Action])] = &[
        ("patient/Observation.rs", "Observation", &[Read, Search]),
        ("patient/Observation.rs", "Patient", &[]),
        ("patient/Observation.read", "Observation", &[Read, Search]),
        ("patient/Observation.write", "Observation", &[Create, Update, Delete]),
        ("user/Observation.*", "Observation", &Action::ALL),
        ("user/*.cruds", "Patient", &Action::ALL),
        ("system/*.*", "Basic", &Action::ALL),
        ("system/Patient.c", "Patient", &[Create]),
        ("system/Patient.cud", "Patient", &[Create, Update, Delete]),
        ("patient%2FObservation.rs", "Observation", &[Read, Search]),
        ("patient/Observation%2Ers", "Observation", &[Read, Search]),
        ("patient/Observation.r patient/Observation.s", "Observation", &[Read, Search]),
        ("openid fhirUser launch/patient", "Patient", &[]),
    ];
    for (text, name, expected) in cases {
        let set = ScopeSet::parse(text).unwrap();
        let open: Vec<Action> =
            Action::ALL.into_iter().filter(|action| set.allows(ty(name), *action)).collect();
        assert_eq!(open, *expected, "{text} on {name}");
    }
}

#[test]
fn conditions_are_kept_beside_what_is_unconditional() {
    let text = "patient/Observation.rs?category=http://x%7Claboratory patient/Condition.r";
    let set = ScopeSet::parse(text).unwrap();
    let of = |name: &str, action| -> Vec<usize> {
        set.covering(ty(name), action).map(|scope| scope.filters().len()).collect()
    };
    assert_eq!(of("Observation", Action::Read), [1]);
    assert_eq!(of("Condition", Action::Read), [0]);
    assert_eq!(of("Condition", Action::Search), [0_usize; 0]);
    let both = ScopeSet::parse("user/Observation.rs?status=final&date=ge2020").unwrap();
    assert_eq!(both.scopes()[0].filters().len(), 2);
    assert_ne!(
        ScopeSet::parse("user/Observation.rs?status=final"),
        ScopeSet::parse("user/Observation.rs")
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    for text in [
        "patient/Observation",
        "patient/Observation.",
        "patient/Observation.sr",
        "patient/Observation.rrs",
        "patient/Observation.x",
        "patient/Observation.Read",
        "patient/observation.rs",
        "patient/Shoe.rs",
        "patient/.rs",
        "patient/Observation.rs?",
        "patient/Observation.rs?category",
        "patient/Observation.rs?category=",
        "patient/Observation.rs?shoe=43",
        "patient/Observation.rs?code:in=http://x",
        "patient/Observation.rs?code%3Ain=http://x",
        "patient/Observation.rs?subject.name=x",
        "patient/Observation.rs?subject%2Ename=x",
        "patient/Patient.rs?_has:Observation:patient:code=x",
        "patient/Observation.rs?_include=Observation:subject",
        "patient/Observation.rs?_revinclude=*",
        "patient/Observation.rs?_filter=code%20eq%20x",
        "patient/Observation.rs?_count=1",
        "patient/Observation.rs?_sort=date",
        "patient/Observation.rs?_content=x",
        "patient/Observation.rs?_list=x",
        "patient/Observation.rs?date=ap2020",
        "patient/Location.rs?near=1|2",
        "patient/*.rs?_tag=x",
        "patient/Observation.rs%00",
        "user/*.cruds system/*.rs",
        "patient/*.rs system/*.rs",
    ] {
        let refused = ScopeSet::parse(text).expect_err(text);
        assert!(refused.to_string().starts_with("The scope "), "{refused}");
    }
    assert!(ScopeSet::parse("patient/*.rs user/*.rs").is_ok());
    assert!(ScopeSet::parse(&"a ".repeat(9000)).is_err());
}

#[test]
fn what_was_asked_for_goes_back_as_it_came() {
    let text = "openid launch/patient patient/Observation.read patient/Condition.rs?category=x";
    let set = ScopeSet::parse(text).unwrap();
    assert_eq!(set.to_string(), text);
    assert!(set.has("openid") && !set.has("fhirUser"));
    let twice = ScopeSet::parse("openid openid user/*.rs user/*.rs").unwrap();
    assert_eq!(twice.to_string(), "openid user/*.rs");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), head in "(patient|user|system)/[A-Za-z*.]{0,12}") {
        let whole = format!("{head}?{text}");
        for text in [text, head, whole] {
            if let Ok(set) = ScopeSet::parse(&text) {
                assert_eq!(ScopeSet::parse(&set.to_string()), Ok(set));
            }
        }
    }
}
