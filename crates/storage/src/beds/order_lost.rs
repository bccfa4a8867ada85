//! Orders that count no more: revoked, deleted, or made something else. Emergencies that have a bed on one of them owe
//! another.

use std::collections::BTreeSet;

use fhir_model::{Outcome, Tree};

use super::{
    claim::Role,
    hook,
    ledger::Ledger,
    order_due::{self, Asking},
    reading::{self, Stay, referred},
};
use crate::{Change, Key, Tx};

/// The patient of an order whose emergencies may stand on it no more.
pub(super) fn whose(before: &Tree, after: Option<&Tree>, base: &str) -> Option<String> {
    let subject = |tree: &Tree| referred(tree.root(), "subject", "Patient", base);
    let patient = subject(before)?;
    let holds = after.is_some_and(|tree| {
        let status = tree.root().child_text("status");
        let is_in_force = ["active", "completed"].iter().any(|it| status.as_deref() == Some(*it));
        is_in_force && order_due::is_order(tree.root()) && subject(tree).as_ref() == Some(&patient)
    });
    (!holds).then_some(patient)
}

/// Emergencies with a bed that were based on these orders of these patients, and stand on no order now.
pub(super) async fn bereft(
    tx: &mut Tx<'_>,
    (changes, lost): (&[Change], &[(&str, &str)]),
    ledger: &Ledger,
) -> Result<Vec<Asking>, Outcome> {
    let (Some((_, encounter, _)), base) = (hook::shown(), tx.index_base()) else {
        return Ok(Vec::new());
    };
    let mut stays: BTreeSet<(String, &str, &str)> = BTreeSet::new();
    for (order, patient) in lost {
        let claims = [Role::Current, Role::Next].map(|role| ledger.of_patient(patient, role));
        let of = claims.into_iter().flatten().filter_map(|claim| claim.encounter.clone());
        stays.extend(of.map(|stay| (stay, *order, *patient)));
    }
    let mut asking: Vec<Asking> = Vec::new();
    for (id, order, patient) in stays {
        let key = Key::new(encounter, id.as_str());
        // a stay that is written with the order was looked at
        if changes.iter().any(|change| change.key == key)
            || asking.iter().any(|it| it.encounter == id)
        {
            continue;
        }
        let Some(tree) = order_due::current(tx, changes, key).await? else { continue };
        let Stay { emergency: Some(mut stay), .. } = reading::stay(&tree, &base) else { continue };
        if !stay.is_one || !stay.orders.iter().any(|it| it == order) {
            continue;
        }
        stay.before.clone_from(&stay.orders);
        if order_due::stands_on_an_order(tx, changes, (&stay, Some(patient))).await? {
            continue;
        }
        let mut owner = stay.owner;
        for claim in ledger.of_encounter(&id) {
            owner = match owner {
                Some(owner) => Some(owner),
                None => order_due::unit(tx, changes, &claim.bed).await?.hospital,
            };
        }
        asking.push(Asking { encounter: id, patient: patient.to_owned(), owner });
    }
    Ok(asking)
}
