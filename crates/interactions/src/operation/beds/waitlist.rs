//! `ServiceRequest/$bed-waitlist`: the queue in the order of service. Who may not see everybody sees their own.

use std::collections::BTreeSet;

use auth::{Action, authorize};
use beds::{BedState, Code as _, Snapshot, Standing, Tier, is_overdue, rank};
use fhir_model::{Instant, Outcome};
use storage::Key;

use super::{
    assessment::decimal,
    board::{Board, BoardBed},
    expected::expected,
    policy::in_force,
    ty,
};
use crate::{
    Answer,
    operation::{Output, Request},
};

/// Entries when nobody says how many.
const COUNT: usize = 100;

pub(crate) async fn waitlist(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, input) = (request.fhir, &request.call.input);
    let task = ty("Task")?;
    let permit = authorize(request.caller, Action::Search, Some(task))?;
    let scope = input.references("scope", fhir.base(), &["Organization", "Location"])?;
    let tiers: Vec<Tier> = input.codes("tier").into_iter().filter_map(Tier::parse).collect();
    let policy = in_force(fhir, None).await?;
    let now = fhir.vault.clock().now();
    let expected = expected(fhir).await?;
    let (snapshot, free, next) = {
        let mut board = fhir.desk.board.lock().await;
        board.look(fhir).await?;
        let snapshot = board.snapshot(&policy, now, (&|_: &BoardBed| false, &|_: &str| true));
        let in_scope = |bed: &&BoardBed| {
            let is_it = |key: &Key| key.id == bed.bed.hospital || bed.is_in(&board, &key.id);
            scope.is_empty() || scope.iter().any(is_it)
        };
        let free = board.beds.values().filter(in_scope).filter(|bed| {
            let bed = bed.as_of(now);
            bed.state == BedState::Ready && bed.is_staffed && bed.is_active
        });
        let free: Vec<BoardBed> = free.cloned().collect();
        let snapshot = Snapshot { hospitals: hospitals(&board), ..snapshot };
        let next = expected.next_free(&board, now).into_iter().filter(|(_, bed)| in_scope(bed));
        let next: Vec<(Instant, BoardBed)> = next.map(|(at, bed)| (at, bed.clone())).collect();
        (snapshot, free, next)
    };
    let ranked = rank(&snapshot.requests, &snapshot.policy, snapshot.as_of_millis);
    let visible = if permit.covers_all_rows() || super::gate::manages(request.caller) {
        None
    } else {
        let ids: Vec<&str> = snapshot.requests.iter().map(|it| it.id.as_str()).collect();
        let seen = fhir.vault.read_many(&permit, task, &ids).await?;
        Some(seen.into_iter().map(|version| version.id).collect::<BTreeSet<String>>())
    };
    let count = input.number("_count").unwrap_or(COUNT);
    let mut out = Output::default();
    out.text("asOf", "instant", &now.to_string());
    out.number("total", "unsignedInt", ranked.len());
    let shown = ranked.iter().enumerate().filter_map(|(place, (n, standing))| {
        let asked = snapshot.requests.get(*n)?;
        let is_seen = visible.as_ref().is_none_or(|seen| seen.contains(&asked.id));
        let is_in_tier = tiers.is_empty() || tiers.contains(&asked.tier);
        (is_seen && is_in_tier).then_some((place + 1, asked, standing))
    });
    for (position, asked, standing) in shown.take(count) {
        out.parts("entry", entry(&snapshot, (&free, &next), (position, asked, standing)));
    }
    out.answer(request.call.operation.definition)
}

fn hospitals(board: &Board) -> Vec<beds::Hospital> {
    board.sites.values().map(|site| site.hospital.clone()).collect()
}

fn entry(
    snapshot: &Snapshot,
    (free, next): (&[BoardBed], &[(Instant, BoardBed)]),
    (position, asked, standing): (usize, &beds::Request, &Standing),
) -> Output {
    let fits = |bed: &&BoardBed| {
        let site = snapshot.hospitals.iter().find(|it| it.id == bed.bed.hospital);
        let metres =
            asked.position.zip(site.and_then(|it| it.position)).map(|(a, b)| a.metres_to(b));
        let broken = beds::broken(asked, &bed.bed, metres, &snapshot.policy);
        broken.iter().all(|it| it == beds::Constraint::Taken)
    };
    let mut out = Output::default();
    out.number("position", "positiveInt", position);
    out.reference("task", "Task", &asked.id);
    out.text("tier", "code", asked.tier.code());
    out.number("severity", "decimal", decimal(asked.severity.0));
    out.number("waitCredit", "decimal", decimal(standing.wait_credit.0));
    out.number("waitMinutes", "unsignedInt", standing.wait_millis / 60_000);
    out.value(
        "overdue",
        "boolean",
        is_overdue(asked, &snapshot.policy, snapshot.as_of_millis).to_string(),
    );
    out.number("feasibleFreeBeds", "unsignedInt", free.iter().filter(fits).count());
    if let Some((at, _)) = next.iter().find(|(_, bed)| fits(&bed)) {
        out.text("nextExpectedFree", "instant", &at.to_string());
    }
    out
}
