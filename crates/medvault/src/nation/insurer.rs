//! Insurers.

use serde_json::json;

use super::{
    bundle::{Bundle, hl7, uhid},
    dice::Dice,
    uhid::{Role, issue},
};

/// An insurer.
#[derive(Debug, Clone)]
pub(super) struct Insurer {
    pub(super) id: String,
    pub(super) name: &'static str,
    /// What its policies are called.
    pub(super) plan: &'static str,
}

const INSURERS: &[(&str, &str)] = &[
    ("Suraksha General Insurance (demo)", "Family Floater"),
    ("Ashray Health Assurance (demo)", "Silver Care"),
    ("Jan Arogya State Scheme (demo)", "Public Health Cover"),
];

pub(super) fn all(dice: &mut Dice) -> Vec<Insurer> {
    let insurer = |(name, plan): &(&'static str, &'static str)| Insurer {
        id: issue(Role::Insurer, dice),
        name,
        plan,
    };
    INSURERS.iter().map(insurer).collect()
}

pub(super) fn bundle(insurers: &[Insurer]) -> Bundle {
    let mut bundle = Bundle::default();
    for insurer in insurers {
        bundle.put(json!({
            "resourceType": "Organization",
            "id": insurer.id,
            "identifier": [uhid(&insurer.id)],
            "active": true,
            "type": [hl7("organization-type", "ins", "Insurance Company")],
            "name": insurer.name,
        }));
    }
    bundle
}
