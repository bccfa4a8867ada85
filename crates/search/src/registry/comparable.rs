//! Which elements each kind of parameter compares: <https://hl7.org/fhir/R4/search.html#table>.

use fhir_model::{ResourceType, TypeId, definitions::SearchKind};

use super::{
    Elements,
    path::{self, Branch},
    targets,
};

/// What the types of element are that each kind compares; of an extension its value counts.
const COMPARABLE: &[(SearchKind, &[&str])] = &[
    (SearchKind::Date, &["date", "dateTime", "instant", "Period", "Timing"]),
    (SearchKind::Number, &["decimal", "integer", "positiveInt", "unsignedInt", "Range"]),
    (SearchKind::Quantity, &["Quantity", "Age", "Duration", "Count", "Distance", "Money", "Range"]),
    (SearchKind::Reference, &["Reference", "canonical", "uri"]),
    (SearchKind::String, &["string", "markdown", "HumanName", "Address", "CodeableConcept"]),
    (
        SearchKind::Token,
        &[
            "CodeableConcept",
            "Coding",
            "Identifier",
            "ContactPoint",
            "code",
            "boolean",
            "string",
            "id",
            "uri",
            "canonical",
            "dateTime",
        ],
    ),
    (SearchKind::Uri, &["uri", "url", "canonical", "oid", "uuid"]),
];

/// Whether elements of this type give rows of the kind; composites bind elements of any type.
pub(super) fn is_comparable(kind: SearchKind, ty: TypeId) -> bool {
    let row = COMPARABLE.iter().find(|(other, _)| *other == kind);
    row.is_none_or(|(_, types)| types.contains(&ty.name()))
}

/// The types of element that an expression leads to on resources of this type, branch by branch; `None` where
/// that cannot be seen.
pub(super) fn types_of(expression: &str, ty: ResourceType) -> Option<Vec<TypeId>> {
    let mut types = Vec::new();
    for text in path::branches(expression) {
        match path::base(text, ty) {
            Branch::Elsewhere => {}
            Branch::Other => return None,
            Branch::Path(steps) => types.extend(
                steps.iter().fold(vec![ty.ty()], |types, step| targets::types_after(&types, step)),
            ),
        }
    }
    Some(types)
}

/// What the elements of a parameter are.
pub(super) fn elements_of(kind: SearchKind, expression: &str, ty: ResourceType) -> Elements {
    let is_text =
        |ty: &TypeId| matches!(*ty, TypeId::STRING | TypeId::MARKDOWN | TypeId::CONTACT_POINT);
    let is_canonical = |ty: &TypeId| matches!(*ty, TypeId::CANONICAL | TypeId::URI);
    match (kind, types_of(expression, ty)) {
        (SearchKind::Token, None) => Elements::SomeTexts,
        (SearchKind::Token, Some(types)) if types.is_empty() => Elements::Plain,
        (SearchKind::Token, Some(types)) if types.iter().all(is_text) => Elements::Texts,
        // the value of an extension may be anything
        (SearchKind::Token, Some(types))
            if types.iter().any(|ty| is_text(ty) || *ty == TypeId::EXTENSION) =>
        {
            Elements::SomeTexts
        }
        (SearchKind::Reference, Some(types)) if types.contains(&TypeId::RESOURCE) => {
            Elements::Resources
        }
        (SearchKind::Reference, Some(types))
            if !types.is_empty() && types.iter().all(is_canonical) =>
        {
            Elements::Canonicals
        }
        _ => Elements::Plain,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Elements, Registry};
    use fhir_model::ResourceType;

    #[test]
    fn elements_say_how_values_are_compared() {
        let cases = [
            ("Medication", "lot-number", Elements::Texts),
            ("ValueSet", "version", Elements::Texts),
            ("Patient", "email", Elements::Texts),
            ("Patient", "telecom", Elements::Texts),
            ("Patient", "identifier", Elements::Plain),
            ("Patient", "gender", Elements::Plain),
            ("Observation", "code", Elements::Plain),
            ("Observation", "value-concept", Elements::Plain),
            ("QuestionnaireResponse", "questionnaire", Elements::Canonicals),
            ("Library", "depends-on", Elements::Canonicals),
            ("Observation", "subject", Elements::Plain),
            ("Bundle", "composition", Elements::Resources),
            ("Bundle", "message", Elements::Resources),
        ];
        for (ty, code, expected) in cases {
            let ty = ResourceType::named(ty).unwrap();
            let parameter = Registry::r4().parameter(ty, code).unwrap();
            assert_eq!(parameter.elements, expected, "{ty} {code}");
        }
    }
}
