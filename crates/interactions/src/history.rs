//! Histories: <https://hl7.org/fhir/R4/http.html#history>.

use auth::{Action, Caller, authorize};
use fhir_model::{Instant, IssueType, Outcome};
use search::Timespan;
use storage::{HistoryQuery, Scope};

use crate::{Answer, Fhir, Query, audit, bundle::Bundle, cursor, page, read};

/// Versions on a page when `_count` does not say, and at most.
const COUNT_DEFAULT: u32 = 50;
const COUNT_MAX: u32 = 1000;

/// A page of a history, newest first.
///
/// # Errors
/// Faults of the query; `not-found` for a resource that never was.
pub(crate) async fn history(
    fhir: &Fhir,
    caller: &Caller,
    scope: Scope,
    mut query: Query,
) -> Result<Answer, Outcome> {
    let (action, ty) = match &scope {
        Scope::Instance(key) => (Action::Read, Some(key.resource_type)),
        Scope::Type(ty) => (Action::Search, Some(*ty)),
        Scope::System => (Action::Search, None),
    };
    let permit = authorize(caller, action, ty)?;
    let is_emergency = permit.principal().is_some_and(|who| who.emergency().is_some());
    if is_emergency && !matches!(scope, Scope::Instance(_)) {
        let text = "An emergency is about one patient: ask for the history of one resource";
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    let path = path(&scope);
    let cursor = query.take(cursor::PARAMETER);
    let mut wanted = wanted(scope, &query)?;
    query.take("_format");
    query.take("_pretty");
    if query.take("_count").is_some() {
        // as many as were used
        query.push("_count", wanted.count.to_string());
    }
    let of = page::signed_text(&path, &query);
    wanted.turn = cursor::open(fhir, (&of, permit.bearer()), cursor.as_deref())?;
    audit::settle_history(fhir, &permit, &wanted.scope).await?;
    let found = fhir.vault.history(&permit, &wanted).await?;
    if let Scope::Instance(key) = &wanted.scope
        && found.versions.is_empty()
        && fhir.vault.read(&permit, key).await?.is_none()
    {
        return Err(read::not_found(key));
    }
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("history", &fhir.vault.new_id(), now);
    if found.next.is_none() && found.previous.is_none() {
        bundle.total(found.versions.len() as u64);
    }
    page::link(&mut bundle, (fhir, permit.bearer()), (&path, &query), &found, &wanted.turn);
    for version in &found.versions {
        bundle.past(&fhir.base, version);
    }
    Ok(Answer::ok(bundle.finish()))
}

fn path(scope: &Scope) -> String {
    match scope {
        Scope::Instance(key) => format!("{}/{}/_history", key.resource_type, key.id),
        Scope::Type(ty) => format!("{ty}/_history"),
        Scope::System => "_history".to_owned(),
    }
}

fn wanted(scope: Scope, query: &Query) -> Result<HistoryQuery, Outcome> {
    let mut wanted = HistoryQuery {
        scope,
        since: None,
        at: None,
        count: COUNT_DEFAULT,
        turn: storage::Turn::First,
    };
    for (name, value) in query.pairs() {
        match name.as_str() {
            "_since" => {
                let span = time(name, value)?;
                wanted.since = Some(from_micros(span.lo));
            }
            "_at" => {
                let span = time(name, value)?;
                // a time to the millisecond or finer still covers that millisecond
                let until = (span.hi.max(span.lo + 1000)).div_euclid(1000);
                wanted.at = Some((from_micros(span.lo), Instant::from_millis(until)));
            }
            "_count" => {
                let count: u32 =
                    value.parse().map_err(|_| fault(name, "a number from 1 to 1000"))?;
                wanted.count = count.clamp(1, COUNT_MAX);
            }
            "_format" | "_pretty" => {}
            _ => {
                return Err(Outcome::new(
                    IssueType::NotSupported,
                    format!("A history has no parameter {name}; _since, _at and _count are known"),
                ));
            }
        }
    }
    Ok(wanted)
}

fn time(name: &str, value: &str) -> Result<Timespan, Outcome> {
    Timespan::parse(value)
        .ok_or_else(|| fault(name, "a date or a time such as 2026-11-22T06:48:14Z"))
}

fn fault(name: &str, wanted: &str) -> Outcome {
    Outcome::new(IssueType::Invalid, format!("{name} must be {wanted}"))
}

fn from_micros(micros: i64) -> Instant {
    Instant::from_millis(micros.div_euclid(1000))
}
