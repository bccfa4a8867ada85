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
    HistoryQuery, Key, Scope, Version, facts,
    find::{Page, Turn, statement::Statement},
    gate, history, sqlite,
    vouched::{Asking, Before},
};

/// How long is looked for versions that may be seen among those that may not.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(5);

/// How many versions are looked at together.
const BATCH: u32 = 200;

impl Vault {
    /// What somebody with a token asks of what others said a moment ago.
    fn asking<'a>(&'a self, permit: &'a Permit, action: Action) -> Option<Asking<'a>> {
        let (changes, answers) = match &self.inner.engine {
            Engine::Sqlite(engine) => (engine.changes(), &engine.vouched),
            Engine::Postgres(engine) => (engine.changes(), engine.vouched()),
        };
        permit.principal().map(|who| Asking { who, action, changes, answers })
    }

    /// Versions that a statement gives in an order, whoever may see them; what other processes committed has been heard.
    pub(super) async fn find_and_hear(
        &self,
        permit: &Permit,
        statement: Statement,
        order: &str,
    ) -> Result<Vec<Version>, Outcome> {
        match &self.inner.engine {
            Engine::Postgres(engine) if permit.principal().is_some() => {
                self.inner.traffic.count();
                engine.find_and_hear(&statement, order).await
            }
            // who writes alone has counted it already
            Engine::Postgres(_) | Engine::Sqlite(_) => self.find(permit, statement).await,
        }
    }

    /// Whether a version lies in the rows that a permit opens. What was committed has to have been heard.
    pub(super) async fn sees(
        &self,
        permit: &Permit,
        action: Action,
        version: &Version,
    ) -> Result<bool, Outcome> {
        self.sees_as(permit, action, (version, version.res)).await
    }

    /// The same, of which what came of it is remembered under another number.
    pub(super) async fn sees_as(
        &self,
        permit: &Permit,
        action: Action,
        (version, number): (&Version, i64),
    ) -> Result<bool, Outcome> {
        let asking = self.asking(permit, action);
        let of = (number, version.version);
        if let Some(holds) = asking.and_then(|asking| asking.verdict(of)) {
            return Ok(holds);
        }
        let filter = match permit.rows(action, version.resource_type) {
            Open::All => return Ok(true),
            Open::None => return Ok(false),
            Open::Where(filter) => filter,
        };
        let asking = asking.map(|asking| (asking, asking.before()));
        let asking = asking.as_ref().map(|(asking, before)| (asking, before));
        let holds = self.judged((&filter, version), permit, asking).await?;
        if let Some((asking, before)) = asking {
            asking.keep_verdict((before, holds), (&filter, of));
        }
        Ok(holds)
    }

    /// The same, looked into.
    async fn judged(
        &self,
        (filter, version): (&Filter, &Version),
        permit: &Permit,
        asking: Option<(&Asking<'_>, &Before)>,
    ) -> Result<bool, Outcome> {
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
        let rows = match &judged.body {
            Some(body) if !gate::is_about(filter, facts::is_known) => {
                let tree = json::parse_trusted(body.clone());
                let is_told = gate::is_about(filter, facts::is_told);
                let told = || facts::told(&tree, &self.inner.base);
                Arc::new(if is_told { told() } else { self.extract(&tree) })
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
        if let Some(holds) = gate::remembered(filter, of, asking.map(|(asking, _)| asking)) {
            return Ok(holds);
        }
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.holds(asking, (filter, of)).await,
            Engine::Sqlite(engine) => {
                let snapshot = engine.readers.snapshot(sqlite::TIME_MAX)?;
                let answer = snapshot.asked().and_then(|mut asked| {
                    gate::looked(filter, (of, gate::ROOT), &mut asked, asking).now_or_never()
                });
                answer.unwrap_or_else(|| {
                    Err(Outcome::new(IssueType::Exception, "The look waited for something"))
                })
            }
        }
    }

    /// The versions of a page of a history and one more, whoever may see them.
    pub(super) async fn versions_heard(
        &self,
        permit: &Permit,
        query: &HistoryQuery,
    ) -> Result<Vec<Version>, Outcome> {
        let order = history::order(&query.turn);
        self.find_and_hear(permit, history::statement(query), &order).await
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
            let fetched = self.versions_heard(permit, &batch).await?;
            let is_there = !fetched.is_empty();
            let is_last = fetched.len() <= usize::try_from(batch.count).unwrap_or(usize::MAX);
            let edge = fetched.last().map(Version::position);
            for version in fetched {
                if seen.len() < wanted && self.sees(permit, Action::Read, &version).await? {
                    seen.push(version);
                }
            }
            let Some(edge) = edge.filter(|_| !is_last && seen.len() < wanted) else {
                if let (Scope::Instance(key), true) = (&query.scope, seen.is_empty()) {
                    self.refuse_history(permit, &batch, (key, is_there)).await?;
                }
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
