//! Something that an operation does in one transaction, once for each `Idempotency-Key`.

use fhir_model::{IssueType, Outcome};
use storage::{Head, Key, Lock, Tx, Work};

use super::super::{Request, idempotency::Repeatable};
use crate::{Answer, read::not_found};

/// A step of the operations on beds.
pub(super) trait Deed: Send + Sync + 'static {
    /// What must be locked before the first look.
    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    /// See [`Work::may_refuse_late`].
    fn may_refuse_late(&self) -> bool {
        true
    }

    /// Looks, decides, writes, answers.
    fn act(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Answer, Outcome>>;
}

/// A deed that is done once.
pub(super) struct Once<D> {
    deed: D,
    repeatable: Option<Repeatable>,
}

impl<D: Deed> Once<D> {
    pub(super) fn of(request: &Request<'_>, deed: D) -> Self {
        Self { deed, repeatable: Repeatable::of(request) }
    }
}

impl<D: Deed> Work for Once<D> {
    type Answer = Answer;

    fn locks(&self) -> Vec<Lock> {
        self.deed.locks()
    }

    fn may_refuse_late(&self) -> bool {
        self.deed.may_refuse_late()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let Some(repeatable) = &self.repeatable else { return self.deed.act(tx).await };
        if let Some(answer) = repeatable.given(tx).await? {
            return Ok(answer);
        }
        let answer = self.deed.act(tx).await?;
        repeatable.keep(tx, &answer).await?;
        Ok(answer)
    }
}

/// What stands under a key, of the version that was asked for.
pub(super) async fn load(
    tx: &mut Tx<'_>,
    key: &Key,
    if_match: Option<u64>,
) -> Result<Head, Outcome> {
    let head = tx.load(std::slice::from_ref(key)).await?.pop().flatten();
    let head = head.filter(|head| head.version > 0).ok_or_else(|| not_found(key))?;
    if head.body.is_none() {
        return Err(crate::read::deleted(key));
    }
    match if_match {
        Some(wanted) if wanted != head.version => Err(Outcome::new(
            IssueType::VersionConflict,
            format!("The call is for version {wanted}, the current version is {}", head.version),
        )
        .coded("version")),
        _ => Ok(head),
    }
}

/// The body of what stands under a key now.
pub(super) async fn body(tx: &mut Tx<'_>, key: &Key) -> Result<bytes::Bytes, Outcome> {
    load(tx, key, None).await?.body.ok_or_else(|| not_found(key))
}
