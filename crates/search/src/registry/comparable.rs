//! Which elements each kind of parameter compares: <https://hl7.org/fhir/R4/search.html#table>.

use fhir_model::{ResourceType, TypeId, definitions::SearchKind};

use super::{
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
