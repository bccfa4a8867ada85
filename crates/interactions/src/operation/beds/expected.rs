//! What is to be expected, told from what was: how long requests of a kind waited, how long people stay in beds of a
//! kind. Where too few were seen nothing is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use beds::{BedType, Tier};
use fhir_model::{Instant, Outcome};
use storage::{Claim, ClaimState};

use super::{assessment::Assessed, board::Board, planners};
use crate::Fhir;

/// From fewer than these nothing follows.
const ENOUGH: usize = 30;
/// The latest of so many days count, and so many at most.
const DAYS: i64 = 90;
const REQUESTS_MAX: u32 = 1_000;
const STAYS_MAX: u32 = 2_000;
/// For how long it is remembered.
const FRESH_MILLIS: i64 = 60_000;

/// What was seen, in milliseconds, the shortest first.
#[derive(Debug, Default)]
pub(super) struct Expected {
    as_of: Option<Instant>,
    waits: BTreeMap<(BedType, Tier), Vec<i64>>,
    stays: BTreeMap<BedType, Vec<i64>>,
}

/// The last look.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Arc<Expected>>>);

/// What is expected as of now.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn expected(fhir: &Fhir) -> Result<Arc<Expected>, Outcome> {
    let memory = &fhir.desk.expected.0;
    let known = Arc::clone(&memory.lock().unwrap_or_else(PoisonError::into_inner));
    let now = fhir.vault.clock().now();
    if known.as_of.is_some_and(|at| now.millis() - at.millis() < FRESH_MILLIS) {
        return Ok(known);
    }
    let since = Instant::from_millis(now.millis() - DAYS * 86_400_000);
    let until = Instant::from_millis(now.millis() + 1);
    let permit = planners()?;
    let requests =
        fhir.vault.past_bed_requests(&permit, (since, until), (false, REQUESTS_MAX)).await?;
    let ended = fhir.vault.past_bed_stays(&permit, since, STAYS_MAX).await?;
    let mut fresh = Expected { as_of: Some(now), ..Expected::default() };
    for past in requests {
        let kept = serde_json::from_str::<Assessed>(&past.details).ok();
        let kept = kept.filter(|it| !it.is_emergency);
        let (Some(Assessed { request, .. }), Some(served)) = (kept, past.served) else { continue };
        let wait = served.millis() - request.authored_on_millis;
        fresh.waits.entry((request.needs.bed_type, request.tier)).or_default().push(wait.max(0));
    }
    {
        let mut board = fhir.desk.board.lock().await;
        board.look(fhir).await?;
        for stay in ended {
            let Some(bed) = board.beds.get(&stay.bed) else { continue };
            let millis = stay.until.millis() - stay.from.millis();
            fresh.stays.entry(bed.bed.kind.bed_type).or_default().push(millis.max(0));
        }
    }
    fresh.waits.values_mut().chain(fresh.stays.values_mut()).for_each(|it| it.sort_unstable());
    let fresh = Arc::new(fresh);
    *memory.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
    Ok(fresh)
}

impl Expected {
    /// The minutes that half of such requests, and nine in ten, waited at most.
    pub(super) fn wait_minutes(&self, kind: BedType, tier: Tier) -> Option<(i64, i64)> {
        let seen = self.waits.get(&(kind, tier))?;
        let minutes = |percent| Some(at(seen, percent)? / 60_000);
        Some((minutes(50)?, minutes(90)?))
    }

    /// Whether enough stays in beds of a kind were seen.
    pub(super) fn is_known(&self, kind: BedType) -> bool {
        self.stays.get(&kind).is_some_and(|seen| seen.len() >= ENOUGH)
    }

    /// When a bed that somebody lies in is expected to be left: after the time for which half of all stayed, which may
    /// be over already.
    pub(super) fn free_at(
        &self,
        claim: &Claim,
        (kind, now): (BedType, Instant),
    ) -> Option<Instant> {
        if claim.state != ClaimState::Occupied {
            return None;
        }
        let stays = at(self.stays.get(&kind)?, 50)?;
        Some(Instant::from_millis((claim.starts_at.millis() + stays).max(now.millis())))
    }

    /// Of all beds that somebody lies in, those expected to be left next first.
    pub(super) fn next_free<'b>(
        &self,
        board: &'b Board,
        now: Instant,
    ) -> Vec<(Instant, &'b super::board::BoardBed)> {
        let of = |bed: &'b super::board::BoardBed| {
            let kind = bed.bed.kind.bed_type;
            Some((self.free_at(bed.claim.as_ref()?, (kind, now))?, bed))
        };
        let mut next: Vec<_> = board.beds.values().filter_map(of).collect();
        next.sort_by_key(|(at, _)| *at);
        next
    }
}

/// The value that so many of a hundred do not exceed (the nearest rank).
pub(super) fn at(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().filter(|_| sorted.len() >= ENOUGH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_say_nothing_and_many_say_the_nearest_rank() {
        let some: Vec<i64> = (1..30).collect();
        assert_eq!(at(&some, 50), None);
        let enough: Vec<i64> = (1..=30).collect();
        assert_eq!((at(&enough, 50), at(&enough, 90)), (Some(15), Some(27)));
        let many: Vec<i64> = (1..=100).collect();
        assert_eq!((at(&many, 50), at(&many, 90), at(&many, 100)), (Some(50), Some(90), Some(100)));
    }

    #[test]
    fn a_bed_is_free_after_a_usual_stay_and_not_before_now() {
        let kind = BedType::Icu;
        let stays = BTreeMap::from([(kind, vec![1_000; 30])]);
        let expected = Expected { stays, ..Expected::default() };
        let millis = |state, now| {
            let claim = Claim::new("b", state, Instant::from_millis(500));
            let free = expected.free_at(&claim, (kind, Instant::from_millis(now)));
            free.map(Instant::millis)
        };
        assert_eq!(millis(ClaimState::Occupied, 600), Some(1_500));
        assert_eq!(millis(ClaimState::Occupied, 9_000), Some(9_000));
        assert_eq!(millis(ClaimState::Planned, 600), None);
    }
}
