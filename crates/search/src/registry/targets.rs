//! What a reference parameter of one resource type can point to. The definitions are often shared: the
//! one of `patient` names Group too, but no Encounter has a group there.

use fhir_model::{ResourceType, TypeId, definitions::ElementDef};

use super::{
    Condition,
    path::{self, Branch, Step},
};

/// The types of the definition that the elements of the expression allow; all of the definition's where
/// that cannot be seen. Empty: any type.
pub(super) fn of(
    ty: ResourceType,
    expression: &str,
    defined: &[ResourceType],
) -> Vec<ResourceType> {
    let targets = allowed(ty, expression, defined);
    // the definitions list all types but Parameters, which is never stored
    if targets.len() + 1 >= ResourceType::all().len() { Vec::new() } else { targets }
}

fn allowed(ty: ResourceType, expression: &str, defined: &[ResourceType]) -> Vec<ResourceType> {
    let mut allowed = Vec::new();
    for branch in path::branches(expression) {
        match path::branch(branch, ty) {
            Branch::Elsewhere => {}
            Branch::Other => return defined.to_vec(),
            Branch::Path(steps) => match of_path(ty.ty(), &steps) {
                Some(targets) => allowed.extend(targets),
                None => return defined.to_vec(),
            },
        }
    }
    allowed.sort_unstable();
    allowed.dedup();
    allowed.retain(|target| defined.is_empty() || defined.contains(target));
    if allowed.is_empty() { defined.to_vec() } else { allowed }
}

/// `None`: any type.
fn of_path(ty: TypeId, steps: &[Step]) -> Option<Vec<ResourceType>> {
    let (last, before) = steps.split_last()?;
    if let Condition::Resolves(ty) = last.condition {
        return Some(vec![ty]);
    }
    let owners = before.iter().fold(vec![ty], |types, step| types_after(&types, step));
    let mut targets = Vec::new();
    for element in elements(&owners, last).filter(|element| element.ty == TypeId::REFERENCE) {
        if element.targets.is_empty() {
            return None;
        }
        targets.extend(&element.targets);
    }
    Some(targets)
}

/// The types that a step leads to from any of these.
pub(super) fn types_after(types: &[TypeId], step: &Step) -> Vec<TypeId> {
    elements(types, step).map(|element| element.ty).collect()
}

fn elements<'a>(
    types: &'a [TypeId],
    step: &'a Step,
) -> impl Iterator<Item = &'static ElementDef> + 'a {
    let named = types.iter().flat_map(|ty| ty.elements().iter());
    named.filter(|element| element.name == &*step.name && step.condition.allows(element.ty))
}

#[cfg(test)]
mod tests {
    use crate::Registry;
    use fhir_model::ResourceType;

    #[test]
    fn targets_are_those_of_the_type_that_is_searched() {
        let cases = [
            ("Encounter", "patient", "Patient"),
            ("Encounter", "subject", "Group Patient"),
            ("Patient", "general-practitioner", "Organization Practitioner PractitionerRole"),
            ("Patient", "link", "Patient RelatedPerson"),
            ("Person", "practitioner", "Practitioner"),
            ("Provenance", "target", ""),
            ("QuestionnaireResponse", "questionnaire", "Questionnaire"),
        ];
        for (ty, code, expected) in cases {
            let ty = ResourceType::named(ty).unwrap();
            let parameter = Registry::r4().parameter(ty, code).unwrap();
            let names: Vec<&str> = parameter.targets.iter().map(|ty| ty.name()).collect();
            assert_eq!(names.join(" "), expected, "{ty} {code}");
        }
    }
}
