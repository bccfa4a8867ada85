//! Histories: <https://hl7.org/fhir/R4/http.html#history>. Newest first.

use fhir_model::{Instant, ResourceType};

use crate::{
    Key,
    find::{Turn, position::SortValue, statement::Statement},
};

/// Whose history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Of one resource.
    Instance(Key),
    /// Of all resources of a type.
    Type(ResourceType),
    /// Of everything.
    System,
}

/// Which part of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryQuery {
    /// Whose.
    pub scope: Scope,
    /// `_since`: versions written at this time or later.
    pub since: Option<Instant>,
    /// `_at`: versions that were current at some time from the first up to before the second.
    pub at: Option<(Instant, Instant)>,
    /// How many versions a page holds.
    pub count: u32,
    /// Which page.
    pub turn: Turn,
}

/// The versions of a page and one more: the newest of what is current and of what was.
pub(crate) fn statement(query: &HistoryQuery) -> Statement {
    let mut statement = Statement::default();
    let order = order(&query.turn);
    statement.push("select * from (\n", []);
    half(&mut statement, query, Half::Current);
    statement.push(&order, []);
    limit(&mut statement, query);
    statement.push(") as present\nunion all\nselect * from (\n", []);
    half(&mut statement, query, Half::Past);
    statement.push(&order, []);
    limit(&mut statement, query);
    statement.push(") as past\n", []);
    statement.push(&order, []);
    limit(&mut statement, query);
    statement
}

/// The order of a page's versions.
pub(crate) fn order(turn: &Turn) -> String {
    let direction = if matches!(turn, Turn::Before(_)) { "" } else { " desc" };
    format!("order  by updated{direction}, res{direction}, version{direction}\n")
}

fn limit(statement: &mut Statement, query: &HistoryQuery) {
    statement.push("limit ?\n", [(i64::from(query.count) + 1).into()]);
}

/// The table a version lies in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Current,
    Past,
}

fn half(statement: &mut Statement, query: &HistoryQuery, half: Half) {
    let table = if half == Half::Current { "resource" } else { "history" };
    let columns = crate::find::statement::COLUMNS;
    statement.push(&format!("select {columns}\nfrom   {table} v\nwhere  version > 0\n"), []);
    match &query.scope {
        Scope::Instance(key) => statement.push(
            "  and  res = (select res from resource where type = ? and id = ?)\n",
            [i64::from(key.resource_type.number()).into(), key.id.as_str().into()],
        ),
        Scope::Type(ty) => {
            statement.push("  and  type = ?\n", [i64::from(ty.number()).into()]);
        }
        Scope::System => {}
    }
    if let Some(since) = query.since {
        statement.push("  and  updated >= ?\n", [since.millis().into()]);
    }
    if let Some((from, until)) = query.at {
        statement.push("  and  updated < ?\n", [until.millis().into()]);
        if half == Half::Past {
            replaced_after(statement, from);
        }
    }
    let (position, sign) = match &query.turn {
        Turn::First => return,
        Turn::After(position) => (position, "<"),
        Turn::Before(position) => (position, ">"),
    };
    if let [SortValue::Integer(updated), SortValue::Integer(version)] = position.values.as_slice() {
        statement.push(
            &format!("  and  (updated, res, version) {sign} (?, ?, ?)\n"),
            [(*updated).into(), position.res.into(), (*version).into()],
        );
    }
}

/// A version was current until the next one came.
fn replaced_after(statement: &mut Statement, from: Instant) {
    for table in ["resource", "history"] {
        statement.push(
            &format!(
                "  and  not exists (select 1 from {table} n where n.res = v.res\n                    \
                 and n.version = v.version + 1 and n.updated <= ?)\n"
            ),
            [from.millis().into()],
        );
    }
}
