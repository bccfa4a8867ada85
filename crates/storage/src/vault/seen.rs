//! Single versions in the eyes of a permit: reads and histories. Each version is judged by what it says itself, not
//! by what came after it; a deletion by the version that it ended.

use std::time::{Duration, Instant as Moment};

use auth::{Action, Permit, Rows as Open};
use fhir_model::{IssueType, Outcome, json};
use futures_util::FutureExt as _;
use search::Subject;

use super::{Engine, Vault};
use crate::{
    HistoryQuery, Key, Version,
    find::{Page, Turn},
    gate::{self, Verdict},
    history, sqlite,
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
        if let known @ (Open::All | Open::None) = permit.rows(action, version.resource_type) {
            return Ok(known == Open::All);
        }
        let before;
        let body = if let Some(body) = &version.body {
            body
        } else {
            let key = Key::new(version.resource_type, version.id.as_str());
            let last = version.version.saturating_sub(1);
            before = self.version(permit, &key, last).await?.and_then(|before| before.body);
            match &before {
                Some(body) => body,
                None => return Ok(false),
            }
        };
        let tree = json::parse_trusted(body.clone());
        let rows = self.extract(&tree);
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
                Engine::Sqlite(engine) => {
                    let snapshot = engine.readers.snapshot(sqlite::TIME_MAX)?;
                    let answer = snapshot
                        .asked()
                        .and_then(|mut asked| gate::holds(&filter, of, &mut asked).now_or_never());
                    answer.unwrap_or_else(|| {
                        Err(Outcome::new(IssueType::Exception, "The look waited for something"))
                    })
                }
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
