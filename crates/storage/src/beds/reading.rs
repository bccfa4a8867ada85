//! What resources say about beds, read from their trees.

use bytes::Bytes;
use fhir_model::{NodeRef, Tree, json};

use super::{
    claim::ClaimState,
    order_due::{Emergency, emergency},
};

/// The canonical base of this vault's own definitions.
pub(super) const CANONICAL: &str = "https://medvault.example/fhir";

/// What an Encounter says about beds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) patient: Option<String>,
    /// Beds that the patient has or is to have, those lain in first.
    pub(super) places: Vec<(String, ClaimState)>,
    /// What it says of an emergency and its orders.
    pub(super) emergency: Option<Emergency>,
}

/// What a Location that is a bed says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// `operationalStatus`
    pub(super) operational: Option<String>,
    /// `{c}/bed-state`
    pub(super) state: Option<String>,
    /// `status`
    pub(super) status: Option<String>,
}

/// What a Task that is a request for a bed says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) status: String,
    pub(super) business: String,
}

pub(super) fn tree(body: &Bytes) -> Tree {
    json::parse_trusted(body.clone())
}

/// Over are stays that ended or never were; what they say about beds is history.
const LIVE: [&str; 5] = ["planned", "arrived", "triaged", "in-progress", "onleave"];

/// The stay that an Encounter is. A place without a status counts as lain in when the patient is there and the
/// place's time is not over.
pub(super) fn stay(tree: &Tree, base: &str) -> Stay {
    let root = tree.root();
    let status = root.child_text("status").unwrap_or_default();
    if !LIVE.contains(&&*status) {
        return Stay::default();
    }
    let mut places: Vec<(String, ClaimState)> =
        root.named("location").filter_map(|place| place_of(place, &status, base)).collect();
    places.sort_by_key(|(_, state)| std::cmp::Reverse(*state));
    let patient = referred(root, "subject", "Patient", base);
    Stay { patient, places, emergency: emergency(tree, base) }
}

fn place_of(place: NodeRef<'_>, status: &str, base: &str) -> Option<(String, ClaimState)> {
    let state = match place.child_text("status").as_deref() {
        Some("active") => ClaimState::Occupied,
        Some("planned") => ClaimState::Planned,
        Some("reserved") => ClaimState::Held,
        Some(_) => return None,
        None => {
            let is_over = place.child("period").is_some_and(|period| period.child("end").is_some());
            (status != "planned" && !is_over).then_some(ClaimState::Occupied)?
        }
    };
    Some((referred(place, "location", "Location", base)?, state))
}

/// The id that a reference names, when it is to a resource of this type in this vault.
pub(super) fn referred(of: NodeRef<'_>, element: &str, ty: &str, base: &str) -> Option<String> {
    local(of.child(element)?, ty, base)
}

/// The same of a reference itself.
pub(super) fn local(reference: NodeRef<'_>, ty: &str, base: &str) -> Option<String> {
    let text = reference.child_text("reference")?;
    let local = text.strip_prefix(base).map_or(&*text, |rest| rest.trim_start_matches('/'));
    let mut pieces = local.split('/');
    let is_it = pieces.next() == Some(ty);
    pieces.next().filter(|id| is_it && !id.is_empty()).map(str::to_owned)
}

/// What a Location says, if it is a bed.
pub(super) fn bed(tree: &Tree) -> Option<Told> {
    let root = tree.root();
    let is_bed = has_code(root, "physicalType", "bd");
    let of_template = root.child_text("mode").as_deref() == Some("kind");
    if !is_bed || of_template {
        return None;
    }
    let text = |name: &str| root.child_text(name).map(Into::into);
    let operational = root.child("operationalStatus").and_then(|it| it.child_text("code"));
    let state = root.named("extension").find(|extension| {
        extension
            .child_text("url")
            .is_some_and(|url| url.strip_prefix(CANONICAL) == Some("/bed-state"))
    });
    Some(Told {
        operational: operational.map(Into::into),
        state: state.and_then(|it| it.child_text("value")).map(Into::into),
        status: text("status"),
    })
}

/// What a Task says, if it is a request for a bed.
pub(super) fn request(tree: &Tree) -> Option<Asked> {
    let root = tree.root();
    if !has_code(root, "code", "bed-allocation") {
        return None;
    }
    let business = root.child("businessStatus").and_then(|it| {
        it.named("coding").find_map(|coding| coding.child_text("code")).map(Into::into)
    });
    Some(Asked {
        status: root.child_text("status").unwrap_or_default().into(),
        business: business.unwrap_or_default(),
    })
}

/// What a Task that asks for an order says of it: its status, the stay and the patient.
pub(super) fn owed(tree: &Tree, base: &str) -> Option<[Option<String>; 3]> {
    let root = tree.root();
    if !has_code(root, "code", "bed-order-due") {
        return None;
    }
    Some([
        root.child_text("status").map(Into::into),
        referred(root, "focus", "Encounter", base),
        referred(root, "for", "Patient", base),
    ])
}

/// Whether a `CodeableConcept` has this code, whatever its system.
fn has_code(of: NodeRef<'_>, element: &str, code: &str) -> bool {
    of.named(element)
        .flat_map(|concept| concept.children().filter(|child| child.name() == "coding"))
        .any(|coding| coding.child_text("code").as_deref() == Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tree {
        tree(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn a_stay_says_which_beds_it_wants() {
        let of = |status: &str, places: &str| {
            let text = format!(
                r#"{{"resourceType":"Encounter","status":"{status}","class":{{"code":"IMP"}},"subject":{{"reference":"Patient/p"}},"location":[{places}]}}"#
            );
            stay(&read(&text), "http://here/fhir").places
        };
        let place =
            |id: &str, rest: &str| format!(r#"{{"location":{{"reference":"{id}"}}{rest}}}"#);
        let active = r#","status":"active""#;
        let cases = [
            ("in-progress", place("Location/a", active), vec![("a", ClaimState::Occupied)]),
            (
                "in-progress",
                place("http://here/fhir/Location/a", active),
                vec![("a", ClaimState::Occupied)],
            ),
            ("in-progress", place("http://there/fhir/Location/a", active), vec![]),
            ("in-progress", place("Location/a", ""), vec![("a", ClaimState::Occupied)]),
            ("in-progress", place("Location/a", r#","period":{"end":"2020"}"#), vec![]),
            ("planned", place("Location/a", ""), vec![]),
            (
                "planned",
                place("Location/a", r#","status":"reserved""#),
                vec![("a", ClaimState::Held)],
            ),
            ("in-progress", place("Location/a", r#","status":"completed""#), vec![]),
            ("finished", place("Location/a", active), vec![]),
            (
                "in-progress",
                format!(
                    "{},{}",
                    place("Location/b", r#","status":"planned""#),
                    place("Location/a", active)
                ),
                vec![("a", ClaimState::Occupied), ("b", ClaimState::Planned)],
            ),
        ];
        for (status, places, expected) in cases {
            let expected: Vec<(String, ClaimState)> =
                expected.into_iter().map(|(id, state)| (id.to_owned(), state)).collect();
            assert_eq!(of(status, &places), expected, "{status} {places}");
        }
    }

    #[test]
    fn only_beds_are_beds() {
        let bed_with = |rest: &str| bed(&read(&format!(r#"{{"resourceType":"Location"{rest}}}"#)));
        let physical = r#","physicalType":{"coding":[{"code":"bd"}]}"#;
        assert_eq!(bed_with(""), None);
        assert_eq!(bed_with(r#","physicalType":{"coding":[{"code":"wa"}]}"#), None);
        assert_eq!(bed_with(physical), Some(Told::default()));
        let told = bed_with(&format!(
            r#","extension":[{{"url":"{CANONICAL}/bed-state","valueCode":"held"}}],"status":"active","operationalStatus":{{"code":"U"}}{physical}"#
        ));
        let some = |text: &str| Some(text.to_owned());
        let expected = Told { operational: some("U"), state: some("held"), status: some("active") };
        assert_eq!(told, Some(expected));
    }
}
