//! How a search is answered, for those who want to know why it is slow.

use fhir_model::Outcome;
use search::Plan;

use super::{
    Turn,
    ask::{Ask, Dialect},
    guess::guess,
    joint,
    leader::Leaders,
    names::{Names, Reach},
    page,
    part::Part,
    position::Mode,
    route, sight,
};
use crate::gate::Sight;

/// How the first page of a search is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What leads and in which order, a line for each type that is searched.
    pub route: String,
    /// The statement, with `$1`, `$2`, ... for values.
    pub sql: String,
    /// The database's own plan of it, a step a line.
    pub plan: String,
    /// How much work it was.
    pub work: u64,
    /// In which unit: `rows` looked at, or `steps` of SQLite's machine, some ten a row.
    pub unit: &'static str,
}

/// Finds the first page and says how.
///
/// # Errors
/// `too-costly`, or the database's own trouble.
pub(crate) async fn explain(
    plan: &Plan,
    sight: Sight<'_>,
    count: u32,
    ask: &mut impl Ask,
) -> Result<Explanation, Outcome> {
    let guarded = sight::guarded(plan, sight, ask).await?;
    let plan = guarded.as_ref().unwrap_or(plan);
    let plan = &*joint::joined(plan);
    let parts = Part::of(plan);
    let names = Names::of(plan, Reach::Page, ask).await?;
    let guess = guess(plan, &parts, &names, count);
    let is_right = match &guess {
        Some(guess) => {
            let found = ask.guessed(&guess.statement, guess.steps).await?;
            found.is_some_and(|found| guess.each_once(found, count).is_some())
        }
        None => false,
    };
    let (route, statement) = if let Some(guess) = guess.filter(|_| is_right) {
        (guess.route, guess.statement)
    } else {
        let (route, sizes) = route::choose(plan, &parts, (&names, ask), None).await?;
        let leaders = Leaders::new(&names, &sizes);
        let statement = page::statement(plan, &parts, (&route, leaders), &Turn::First, count);
        (route, statement)
    };
    let shown = ask.explained(&statement).await?;
    let order = match route.mode {
        Mode::ByResource => "in the order of resources",
        Mode::ByValue => "in the order of the values found by",
        Mode::AlongSort => "along the index of the first sort key",
        Mode::Collected => "collected, then sorted",
        Mode::Through => "in the order of what is inside",
    };
    let line = |(n, part): (usize, &Part<'_>)| {
        let leader = route.leaders.get(n).copied().flatten();
        let filter = leader.and_then(|n| part.filters.get(usize::from(n)));
        match filter {
            Some(filter) => format!("{}: {order}, led by {filter:?}", part.ty),
            None => format!("{}: {order}", part.ty),
        }
    };
    let lines: Vec<String> = parts.iter().enumerate().map(line).collect();
    Ok(Explanation {
        route: lines.join("\n"),
        sql: statement.sql,
        plan: shown.plan,
        work: shown.work,
        unit: match names.dialect {
            Dialect::Sqlite => "steps",
            Dialect::Postgres => "rows",
        },
    })
}
