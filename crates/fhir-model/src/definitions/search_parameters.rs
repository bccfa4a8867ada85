//! Search parameters: <https://hl7.org/fhir/R4/searchparameter-registry.html>.

use std::sync::LazyLock;

use super::{
    Definitions, ResourceType,
    tsv::{list, rows},
};

const PARAMETERS: &str = include_str!("../../../../fhir-profiles/r4/search-parameters.tsv");
const COMPONENTS: &str = include_str!("../../../../fhir-profiles/r4/search-components.tsv");

/// One search parameter of the base specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchParameterDef {
    /// The canonical URL.
    pub url: &'static str,
    /// The name in a query: `birthdate`, `_id`.
    pub code: &'static str,
    /// How its values compare.
    pub kind: SearchKind,
    /// Types it is for; `Resource` and `DomainResource` among them.
    pub bases: Vec<&'static str>,
    /// `FHIRPath` of the values, for all bases in one; empty where the server has to know
    /// (`_text`, `_content`, `_query`, `_filter`).
    pub expression: &'static str,
    /// What a reference may point to; empty when the definition does not say.
    pub targets: Vec<ResourceType>,
    /// Of a composite: the URL of each part's parameter, and its path from `expression`.
    pub components: Vec<(&'static str, &'static str)>,
}

/// Search parameter types: <https://hl7.org/fhir/R4/search.html#ptypes>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub enum SearchKind {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    Special,
}

/// Every kind with its code.
const KINDS: [(SearchKind, &str); 9] = [
    (SearchKind::Number, "number"),
    (SearchKind::Date, "date"),
    (SearchKind::String, "string"),
    (SearchKind::Token, "token"),
    (SearchKind::Reference, "reference"),
    (SearchKind::Composite, "composite"),
    (SearchKind::Quantity, "quantity"),
    (SearchKind::Uri, "uri"),
    (SearchKind::Special, "special"),
];

impl SearchKind {
    /// The code in `SearchParameter.type`.
    pub fn code(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("special", |(_, code)| code)
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        KINDS.iter().find(|(_, other)| *other == code).map(|(kind, _)| *kind)
    }
}

impl Definitions {
    /// Every search parameter, in order of URL.
    pub fn search_parameters(&self) -> &'static [SearchParameterDef] {
        static PARAMETERS: LazyLock<Vec<SearchParameterDef>> = LazyLock::new(load);
        &PARAMETERS
    }
}

fn load() -> Vec<SearchParameterDef> {
    let mut components = rows(COMPONENTS).peekable();
    let mut parameters = Vec::new();
    for [url, code, kind, bases, expression, targets] in rows(PARAMETERS) {
        let Some(kind) = SearchKind::from_code(kind) else { continue };
        let mut parts = Vec::new();
        while let Some([_, definition, path]) = components.next_if(|[of, _, _]| *of == url) {
            parts.push((definition, path));
        }
        parameters.push(SearchParameterDef {
            url,
            code,
            kind,
            bases: list(bases).collect(),
            expression,
            targets: resource_types(targets),
            components: parts,
        });
    }
    parameters
}

/// `*` is every type but `Parameters`.
fn resource_types(targets: &'static str) -> Vec<ResourceType> {
    match targets {
        "*" => {
            let all = ResourceType::all().iter().copied();
            all.filter(|resource_type| resource_type.name() != "Parameters").collect()
        }
        some => list(some).filter_map(ResourceType::named).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::r4;

    #[test]
    fn every_row_loads() {
        let parameters = r4().search_parameters();
        assert_eq!(parameters.len(), 1376);
        assert_eq!(parameters.len(), rows::<1>(PARAMETERS).count());
        assert_eq!(
            parameters.iter().map(|it| it.components.len()).sum::<usize>(),
            rows::<1>(COMPONENTS).count()
        );
        assert!(parameters.windows(2).all(|pair| pair[0].url < pair[1].url));
        for parameter in parameters {
            assert_eq!(parameter.kind == SearchKind::Composite, !parameter.components.is_empty());
            assert!(!parameter.bases.is_empty(), "{}", parameter.url);
            for (definition, _) in &parameter.components {
                assert!(parameters.iter().any(|other| other.url == *definition), "{definition}");
            }
        }
        for row in rows::<6>(PARAMETERS).filter(|row| row[5] != "*") {
            let parameter = parameters.iter().find(|it| it.url == row[0]).unwrap();
            assert_eq!(parameter.targets.len(), list(row[5]).count(), "{}", row[0]);
        }
    }

    #[test]
    fn parameters_without_expression_are_the_servers_own() {
        let without: Vec<&str> = r4()
            .search_parameters()
            .iter()
            .filter(|parameter| parameter.expression.is_empty())
            .map(|parameter| parameter.code)
            .collect();
        assert_eq!(without, ["_text", "_content", "_query", "_filter"]);
    }

    #[test]
    fn a_parameter_may_serve_many_types() {
        let parameters = r4().search_parameters();
        let birthdate = parameters
            .iter()
            .find(|it| it.url == "http://hl7.org/fhir/SearchParameter/individual-birthdate")
            .unwrap();
        assert_eq!(birthdate.kind, SearchKind::Date);
        assert_eq!(birthdate.bases, ["Patient", "Person", "RelatedPerson"]);
        assert_eq!(
            birthdate.expression,
            "Patient.birthDate | Person.birthDate | RelatedPerson.birthDate"
        );
    }
}
