//! Single versions in the eyes of a permit: reads and histories. Each version is judged by what it says itself, not
//! by what came after it; a deletion by the version that it ended.

use std::{
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use auth::{Action, Permit, Rows as Open};
use fhir_model::{IssueType, Outcome, json};
use futures_util::FutureExt as _;
use search::{Filter, Subject};

use super::{Engine, Vault};
use crate::{
    HistoryQuery, Key, Version,
    find::{Page, Turn},
    gate::{self, Verdict},
    history, sqlite,
    vouched::Asking,
};

/// How long is looked for versions that may be seen among those that may not.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(5);

/// How many versions are looked at together.
const BATCH: u32 = 200;

impl Vault {
    /// Whether a version lies in the rows that a permit opens.
    pub(super) async fn sees(
        &self,
        permit: &Permit,
        action: Action,
        version: &Version,
    ) -> Result<bool, Outcome> {
        let known = permit.rows(action, version.resource_type);
        if let Open::All | Open::None = known {
            return Ok(known == Open::All);
        }
        let before;
        let judged = if version.body.is_some() {
            version
        } else {
            let key = Key::new(version.resource_type, version.id.as_str());
            let last = version.version.saturating_sub(1);
            before = self.version(permit, &key, last).await?;
            match &before {
                Some(before) if before.body.is_some() => before,
                Some(_) | None => return Ok(false),
            }
        };
        let rows = match (&known, &judged.body) {
            (Open::Where(filter), Some(body)) if !gate::is_about_facts(filter) => {
                Arc::new(self.extract(&json::parse_trusted(body.clone())))
            }
            _ => judged.facts(&self.inner.base),
        };
        let of = Subject {
            ty: version.resource_type,
            id: &version.id,
            updated: version.updated,
            rows: &rows,
            container: None,
        };
        match gate::judge(permit, action, of) {
            Verdict::Open => Ok(true),
            Verdict::Closed => Ok(false),
            Verdict::Depends(filter) => match &self.inner.engine {
                Engine::Postgres(engine) => engine.holds(permit, &filter, of).await,
                Engine::Sqlite(engine) => ask_sqlite(engine, (permit, action), (&filter, of)),
            },
        }
    }

    /// A page of a history, of what the permit opens. What it does not open is passed over before the page is cut.
    pub(super) async fn history_seen(
        &self,
        permit: &Permit,
        query: &HistoryQuery,
    ) -> Result<Page, Outcome> {
        let started = Moment::now();
        let wanted = usize::try_from(query.count).unwrap_or(usize::MAX).saturating_add(1);
        let is_backwards = matches!(query.turn, Turn::Before(_));
        let mut seen: Vec<Version> = Vec::new();
        let mut batch = HistoryQuery { count: query.count.max(BATCH), ..query.clone() };
        loop {
            let fetched = self.find(permit, history::statement(&batch)).await?;
            let is_last = fetched.len() <= usize::try_from(batch.count).unwrap_or(usize::MAX);
            let edge = fetched.last().map(Version::position);
            for version in fetched {
                if seen.len() < wanted && self.sees(permit, Action::Read, &version).await? {
                    seen.push(version);
                }
            }
            let Some(edge) = edge.filter(|_| !is_last && seen.len() < wanted) else {
                return Ok(Page::cut(seen, &query.turn, query.count));
            };
            if started.elapsed() > SEARCH_TIME_MAX {
                return Err(Outcome::new(
                    IssueType::TooCostly,
                    "Too many versions lie between those that this token may see; ask for the history of \
                     one resource, or use _since",
                ));
            }
            batch.turn = if is_backwards { Turn::Before(edge) } else { Turn::After(edge) };
        }
    }
}

/// What a snapshot says, or what one said a moment ago. Only who writes alone may remember that.
fn ask_sqlite(
    engine: &sqlite::Sqlite,
    (permit, action): (&Permit, Action),
    (filter, of): (&Filter, Subject<'_>),
) -> Result<bool, Outcome> {
    let (changes, answers) = (engine.changes(), &engine.vouched);
    let asking = permit.principal().map(|who| Asking { who, action, changes, answers });
    if let Some(holds) = asking.and_then(|asking| gate::remembered(filter, of, &asking)) {
        return Ok(holds);
    }
    let asking = asking.map(|asking| (asking, asking.before()));
    let snapshot = engine.readers.snapshot(sqlite::TIME_MAX)?;
    let answer = snapshot.asked().and_then(|mut asked| match &asking {
        None => gate::holds(filter, of, &mut asked).now_or_never(),
        Some((asking, before)) => {
            gate::holds_for((asking, before), (filter, of), &mut asked).now_or_never()
        }
    });
    answer
        .unwrap_or_else(|| Err(Outcome::new(IssueType::Exception, "The look waited for something")))
}
