//! The table `search_parameter`: what is known of parameters and how far they are.

use fhir_model::{IssueType, Outcome, ResourceType};
use search::{Definition, ParamId, SearchKind};

use super::{Entry, Parameters, Stage};
use crate::{
    find::statement::{Bind, Statement},
    row::{Row, ask},
};

/// Between the members of a component, and after a component; FHIR strings have neither.
const MEMBER_END: &str = "\u{1f}";
const COMPONENT_END: &str = "\u{1e}";

/// Asks for the number of changes so far.
pub(crate) fn epoch() -> Statement {
    ask("select value from setting where name = 'parameter_epoch'", [])
}

/// Asks for all that [`load`] reads; the last row tells the epoch and the last number.
pub(crate) fn all() -> Statement {
    ask(
        "select p, id, type, code, url, kind, expression, targets, components, state
         from   search_parameter
         where  state in (1, 2, 3)
         union  all
         -- in one statement, so that all is of one moment
         select coalesce((select max(p) from search_parameter), 0), value, 0, '', '', '', '', '', '', 0
         from   setting
         where  name = 'parameter_epoch'",
        [],
    )
}

/// What there is.
///
/// # Errors
/// `exception` when a row is none that this version can have written.
pub(crate) fn load(rows: &[Row]) -> Result<Parameters, Outcome> {
    let mut entries = Vec::with_capacity(rows.len());
    let (mut epoch, mut last) = (0, super::FIRST);
    for row in rows {
        if row.integer(9) == 0 {
            epoch = row.text(1).parse().unwrap_or(0);
            last = last.max(u32::try_from(row.integer(0)).unwrap_or(last));
        } else {
            entries.push(entry(row).ok_or_else(|| {
                Outcome::new(IssueType::Exception, "A row of search_parameter is damaged")
            })?);
        }
    }
    entries.sort_by_key(|entry| entry.param);
    Ok(Parameters::new(epoch, entries, last))
}

fn entry(row: &Row) -> Option<Entry> {
    let types = |text: &str| -> Option<Vec<ResourceType>> {
        text.split_whitespace().map(ResourceType::named).collect()
    };
    let component = |text: &str| {
        let (url, expression) = text.strip_suffix(MEMBER_END)?.split_once(MEMBER_END)?;
        Some((url.to_owned(), expression.to_owned()))
    };
    let components = row.text(8).split_terminator(COMPONENT_END);
    Some(Entry {
        param: ParamId(u32::try_from(row.integer(0)).ok()?),
        id: row.text(1).to_owned(),
        definition: Definition {
            ty: ResourceType::from_number(u8::try_from(row.integer(2)).ok()?)?,
            code: row.text(3).to_owned(),
            url: row.text(4).to_owned(),
            kind: SearchKind::from_code(row.text(5))?,
            expression: row.text(6).to_owned(),
            targets: types(row.text(7))?,
            components: components.map(component).collect::<Option<_>>()?,
        },
        stage: Stage::from_number(row.integer(9)),
    })
}

/// Writes entries that are new or different, and the epoch.
pub(crate) fn keep(entries: &[Entry], epoch: u64, now: i64) -> Vec<Statement> {
    let mut statements: Vec<Statement> =
        entries.iter().map(|entry| keep_entry(entry, now)).collect();
    statements.push(set_epoch(epoch));
    statements
}

fn set_epoch(epoch: u64) -> Statement {
    ask(
        "update setting set value = ? where name = 'parameter_epoch'",
        [epoch.to_string().as_str().into()],
    )
}

fn keep_entry(entry: &Entry, now: i64) -> Statement {
    let Definition { ty, code, url, kind, expression, targets, components } = &entry.definition;
    let targets: Vec<&str> = targets.iter().map(|ty| ty.name()).collect();
    let targets = targets.join(" ");
    let mut parts = String::new();
    for (url, text) in components {
        parts.extend([url.as_str(), MEMBER_END, text, MEMBER_END, COMPONENT_END]);
    }
    let texts = [
        code.as_str(),
        url.as_str(),
        kind.code(),
        expression.as_str(),
        targets.as_str(),
        parts.as_str(),
    ];
    let [code, url, kind, expression, targets, components] = texts.map(Bind::from);
    ask(
        "insert into search_parameter
           (p, id, type, code, url, kind, expression, targets, components, state, since, from_res, done, total)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, -1)
         on conflict (p) do update set url = excluded.url, state = excluded.state, since = excluded.since",
        [
            i64::from(entry.param.number()).into(),
            entry.id.as_str().into(),
            i64::from(ty.number()).into(),
            code,
            url,
            kind,
            expression,
            targets,
            components,
            entry.stage.number().into(),
            now.into(),
        ],
    )
}

/// Writes that parameters came to another stage.
pub(crate) fn set_stage(params: &[ParamId], stage: Stage, epoch: u64, now: i64) -> Vec<Statement> {
    let set = |param: &ParamId| {
        ask(
            "update search_parameter set state = ?, since = ? where p = ?",
            [stage.number().into(), now.into(), i64::from(param.number()).into()],
        )
    };
    let mut statements: Vec<Statement> = params.iter().map(set).collect();
    statements.push(set_epoch(epoch));
    statements
}
