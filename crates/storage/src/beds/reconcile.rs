//! Whether everything shows what the claims say: looked at when a vault is opened, and by `medvault doctor`. Claims
//! and what shows them are written together, so there is nothing to find unless somebody wrote past this server.

use fhir_model::{Outcome, ResourceType};

use super::{
    About,
    claim::{COLUMNS, Claim, ClaimState, read},
    hook,
    ledger::{End, Step},
    projection::face_of,
    reading,
};
use crate::{Change, Lock, Tx, Vault, Work, row::ask};
use auth::{Action, Caller, authorize};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// Live claims.
    pub claims: usize,
    /// `Location/[id]` and `Encounter/[id]` that do not show their claim.
    pub adrift: Vec<String>,
}

/// Beds of one look.
const AT_ONCE: usize = 2_000;

impl Vault {
    /// Compares all live claims, and all beds without one, with what Locations and Encounters show.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn beds_adrift(&self) -> Result<Drift, Outcome> {
        let permit = authorize(&Caller::Operator, Action::Read, None)?;
        let Some((location, encounter, _)) = hook::shown() else { return Ok(Drift::default()) };
        let sql = format!(
            "select b.id, {COLUMNS}
             from   bed b
             left   join bed_claim c on c.bed_id = b.id and c.state <> 'ended'
             where  b.is_gone = 0
             order  by b.id"
        );
        let rows = self.rows(ask(&sql, [])).await?;
        let mut drift = Drift::default();
        for some in rows.chunks(AT_ONCE) {
            let beds: Vec<(String, Option<Claim>)> =
                some.iter().map(|row| (row.text(0).to_owned(), read(row, 1))).collect();
            let ids: Vec<&str> = beds.iter().map(|(id, _)| id.as_str()).collect();
            let bodies = self.bodies(&permit, location, &ids).await?;
            let stays: Vec<&str> =
                beds.iter().filter_map(|(_, claim)| claim.as_ref()?.encounter.as_deref()).collect();
            let stays = self.bodies(&permit, encounter, &stays).await?;
            for (id, claim) in &beds {
                drift.claims += usize::from(claim.is_some());
                let told = bodies.get(id).and_then(|body| reading::bed(&reading::tree(body)));
                if !told.is_some_and(|told| face_of(claim.as_ref()).agrees_with(&told)) {
                    drift.adrift.push(format!("Location/{id}"));
                }
                let Some(claim) = claim else { continue };
                let Some(stay) = &claim.encounter else { continue };
                let shows = stays.get(stay).is_some_and(|body| {
                    let stay = reading::stay(&reading::tree(body), &self.index_base());
                    stay.places.contains(&(id.clone(), claim.state))
                });
                if claim.state.is_patients() && !shows {
                    drift.adrift.push(format!("Encounter/{stay}"));
                }
            }
        }
        Ok(drift)
    }

    async fn bodies(
        &self,
        permit: &auth::Permit,
        ty: ResourceType,
        ids: &[&str],
    ) -> Result<std::collections::BTreeMap<String, bytes::Bytes>, Outcome> {
        let versions = self.read_many(permit, ty, ids).await?;
        Ok(versions.into_iter().filter_map(|it| Some((it.id, it.body?))).collect())
    }

    /// Brings Locations in line with their claims, as they are found adrift; how many.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn set_beds_right(&self, drift: &Drift) -> Result<usize, Outcome> {
        let permit = authorize(&Caller::Operator, Action::Update, None)?;
        let beds = drift.adrift.iter().filter_map(|it| it.strip_prefix("Location/"));
        let beds: Vec<String> = beds.map(str::to_owned).collect();
        let count = beds.len();
        if count > 0 {
            self.commit(permit, SetRight { beds }).await?;
        }
        Ok(count)
    }
}

struct SetRight {
    beds: Vec<String>,
}

impl Work for SetRight {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let about = About { beds: self.beds.clone(), ..About::default() };
        let ledger = tx.bed_ledger(&about).await?;
        let none: Vec<Change> = Vec::new();
        for bed in &self.beds {
            let free = || Claim::new(bed, ClaimState::Turnover, tx.now());
            let step = ledger
                .of_bed(bed)
                .map_or_else(|| Step::End(free(), End::Ready), |claim| Step::Move(claim.clone()));
            tx.heard().steps.push(step);
        }
        tx.write(none).await.map(drop)
    }
}
