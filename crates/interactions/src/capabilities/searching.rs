//! What a search understands, for the statement: <https://hl7.org/fhir/R4/search.html>.

use std::{collections::BTreeSet, fmt::Write as _, sync::LazyLock};

use fhir_model::{
    Instant, ResourceType,
    definitions::{SearchKind, r4},
};
use search::{Elements, Handling, ParamId, Parameter, Reading, Registry};

/// The modifiers of each type of parameter, with a value that they take; `:missing` is for all but
/// composites. R4 has no element for them, so they stand in the documentation.
const MODIFIERS: &[(SearchKind, &[(&str, &str)])] = &[
    (SearchKind::String, &[("exact", "a"), ("contains", "abc")]),
    (
        SearchKind::Token,
        &[
            ("not", "a"),
            ("text", "a"),
            ("in", "http://a.example/vs"),
            ("not-in", "http://a.example/vs"),
            ("above", "s|a"),
            ("below", "s|a"),
            ("of-type", "s|t|a"),
        ],
    ),
    (
        SearchKind::Reference,
        &[("identifier", "s|a"), ("above", "Location/1"), ("below", "Location/1")],
    ),
    (SearchKind::Uri, &[("above", "http://a.example/b"), ("below", "http://a.example/b")]),
];

/// `CapabilityStatement.rest.documentation`
pub(super) fn documentation() -> String {
    let mut text = "Search: chains (`patient.name=`), `_has`, `_filter`, `_list`, `_type`, `_include` and \
        `_revinclude` with `:iterate`, `_sort` by any parameter, `_summary`, `_elements`, `_contained`, \
        `_total`. Modifiers: `:missing` for every parameter but composites"
        .to_owned();
    for (kind, modifiers) in MODIFIERS {
        let names: Vec<String> = modifiers.iter().map(|(name, _)| format!("`:{name}`")).collect();
        // writing to a String cannot fail
        let _written = write!(text, "; {}: {}", kind.code(), names.join(", "));
    }
    text.push_str("; reference also `:[type]`.");
    text
}

/// `searchInclude`: what resources of this type refer by.
pub(super) fn includes(registry: &Registry, ty: ResourceType) -> Vec<String> {
    let all = ["*".to_owned(), format!("{ty}:*")];
    let own = registry.of(ty).iter().filter(|parameter| refers(parameter));
    all.into_iter().chain(own.map(|parameter| format!("{ty}:{}", parameter.code))).collect()
}

/// `searchRevInclude`: what refers to resources of this type.
pub(super) fn reverse_includes(registry: &Registry, ty: ResourceType) -> Vec<String> {
    let references = registry.all().iter().filter(|parameter| refers(parameter));
    references
        .filter(|parameter| parameter.targets.is_empty() || parameter.targets.contains(&ty))
        .map(|parameter| format!("{}:{}", parameter.ty, parameter.code))
        .collect()
}

/// Whether there are references to follow.
fn refers(parameter: &Parameter) -> bool {
    parameter.kind == SearchKind::Reference && parameter.elements != Elements::Resources
}

/// Whether a search understands the parameter. Those beside R4's own are there because it does.
pub(super) fn is_answered(parameter: &Parameter) -> bool {
    static REFUSED: LazyLock<BTreeSet<ParamId>> = LazyLock::new(|| {
        let all = Registry::r4().all().iter();
        all.filter(|parameter| !takes_its_sample(parameter)).map(|parameter| parameter.id).collect()
    });
    !REFUSED.contains(&parameter.id)
}

/// It is asked with a value of its kind.
fn takes_its_sample(parameter: &Parameter) -> bool {
    let pair = (parameter.code.clone().into_owned(), sample(parameter));
    is_understood(Registry::r4(), parameter.ty, pair)
}

fn is_understood(registry: &Registry, ty: ResourceType, pair: (String, String)) -> bool {
    let reading = Reading {
        handling: Handling::Strict,
        base: "http://localhost",
        now: Instant::from_millis(0),
    };
    search::parse(registry, ty, &[pair], &reading).is_ok()
}

/// A value that a parameter takes.
fn sample(parameter: &Parameter) -> String {
    match &*parameter.code {
        "near" => return "17.4|78.5|10|km".to_owned(),
        "_filter" => return "_id eq 1".to_owned(),
        _ if parameter.components.is_empty() => return sample_of(parameter.kind).to_owned(),
        _ => {}
    }
    let kind_of =
        |url: &str| r4().search_parameters().iter().find(|one| one.url == url).map(|one| one.kind);
    let parts = parameter.components.iter().filter_map(|(url, _)| kind_of(url));
    parts.map(sample_of).collect::<Vec<&str>>().join("$")
}

fn sample_of(kind: SearchKind) -> &'static str {
    match kind {
        SearchKind::Number | SearchKind::Quantity => "1",
        SearchKind::Date => "2000",
        SearchKind::Reference => "Patient/1",
        SearchKind::Uri => "urn:oid:1.2",
        SearchKind::String | SearchKind::Token | SearchKind::Composite | SearchKind::Special => {
            "text"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(name: &str) -> ResourceType {
        ResourceType::named(name).unwrap()
    }

    #[test]
    fn everything_but_named_queries_and_what_is_inside_a_bundle_is_answered() {
        let registry = Registry::r4();
        let refused: Vec<String> = registry
            .all()
            .iter()
            .filter(|parameter| !is_answered(parameter))
            .filter(|parameter| parameter.code != "_query")
            .map(|parameter| format!("{}?{}", parameter.ty, parameter.code))
            .collect();
        assert_eq!(refused, ["Bundle?composition", "Bundle?message"]);
        assert_eq!(includes(registry, ty("Bundle")), ["*", "Bundle:*"]);
        assert!(!is_answered(registry.parameter(ty("Patient"), "_query").unwrap()));
    }

    #[test]
    fn every_modifier_that_is_named_is_understood() {
        let registry = Registry::r4();
        for (kind, modifiers) in MODIFIERS {
            for (modifier, value) in modifiers.iter().chain(&[("missing", "true")]) {
                let understood = |parameter: &&Parameter| {
                    let name = format!("{}:{modifier}", parameter.code);
                    is_understood(registry, parameter.ty, (name, (*value).to_owned()))
                };
                let of_kind = registry.all().iter().filter(|parameter| parameter.kind == *kind);
                assert!(of_kind.filter(understood).count() > 0, "{kind:?}:{modifier}");
            }
        }
        for (name, value) in
            [("subject:Patient", "1"), ("_has:Provenance:target:agent", "Patient/1")]
        {
            assert!(is_understood(
                registry,
                ty("Observation"),
                (name.to_owned(), value.to_owned())
            ));
        }
    }

    #[test]
    fn every_include_that_is_stated_is_understood() {
        let registry = Registry::r4();
        for ty in [ty("Patient"), ty("Observation"), ty("Binary")] {
            for include in includes(registry, ty) {
                assert!(
                    is_understood(registry, ty, ("_include".to_owned(), include.clone())),
                    "{include}"
                );
            }
            for include in reverse_includes(registry, ty) {
                assert!(
                    is_understood(registry, ty, ("_revinclude".to_owned(), include.clone())),
                    "{include}"
                );
            }
        }
    }
}
