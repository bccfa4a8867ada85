//! A hold that ends before anybody accepted it: the claim ends and who must know is told, in one transaction.

use fhir_model::Outcome;
use storage::{About, Claim, ClaimState, End, Key, Tx, Work};

use super::{document::create, hold::message, ty};

/// Ends one hold, if it still is one; whether it was.
pub(super) struct EndHold {
    pub(super) claim: Claim,
    /// [`End::Expired`] is for holds whose time is over, every other reason for those whose time is not.
    pub(super) why: End,
    pub(super) told: Vec<Told>,
}

/// What somebody is told about their request.
pub(super) struct Told {
    /// `Communication.id`
    pub(super) id: String,
    pub(super) task: String,
    pub(super) patient: String,
    pub(super) words: &'static str,
}

impl Told {
    /// Of the one that a bed is held for.
    pub(super) fn holder(claim: &Claim, id: String, words: &'static str) -> Option<Self> {
        let (task, patient) = claim.task.clone().zip(claim.patient.clone())?;
        Some(Self { id, task, patient, words })
    }
}

impl Work for EndHold {
    type Answer = bool;

    fn locks(&self) -> Vec<storage::Lock> {
        Vec::new()
    }

    fn may_refuse_late(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Outcome> {
        let about = About { beds: vec![self.claim.bed.clone()], ..About::default() };
        let mut ledger = tx.bed_ledger(&about).await?;
        let now = tx.now();
        let is_it = |it: &&Claim| {
            it.id == self.claim.id
                && it.state == ClaimState::Held
                && it.is_expired(now) == (self.why == End::Expired)
        };
        let Some(claim) = ledger.of_bed(&self.claim.bed).filter(is_it).cloned() else {
            return Ok(false);
        };
        ledger.end(&claim, self.why);
        tx.keep_beds(ledger).await?;
        let communication = ty("Communication")?;
        let told = self.told.iter().map(|it| {
            let body = message(&it.task, &it.patient, it.words, now);
            create(Key::new(communication, it.id.as_str()), &body)
        });
        let changes = told.collect::<Result<Vec<_>, Outcome>>()?;
        tx.write(changes).await?;
        Ok(true)
    }
}
