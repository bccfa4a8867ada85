//! The names in a plan as the numbers that stand for them in index rows, looked up before the plan becomes SQL:
//! what has no number is in no row.

use std::collections::BTreeMap;

use fhir_model::{IssueType, Outcome};
use search::{Filter, Plan, System, Test, TokenTest, TypePlan, UnitTest};

use super::{
    ask::{Ask, Dialect},
    effort::Effort,
    part::{Domain, domain},
    statement::{Sql, sql},
};

/// The numbers of a plan's names.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) dialect: Dialect,
    /// What ends a condition on other rows, to have them looked up for one resource after the other; see [`Reach`].
    pub(super) end: &'static str,
    pub(super) effort: Effort,
    /// See [`Ask::heard`].
    pub(super) heard: Option<Sql>,
    systems: BTreeMap<Box<str>, Option<i64>>,
    /// By parameter, code and system.
    composites: BTreeMap<Composite, Vec<i64>>,
}

/// How much of what is found is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// A page: PostgreSQL must not turn conditions into joins with everything that satisfies them.
    Page,
    /// All: it may.
    All,
}

/// What the key of a composite must be: its parameter, code and system.
type Composite = (i64, Option<Box<str>>, Option<Option<Box<str>>>);

impl Names {
    /// Looks up all names of a plan.
    ///
    /// # Errors
    /// The database's own trouble, and `exception` when codes were left to be looked up in a terminology.
    pub(super) async fn of(plan: &Plan, reach: Reach, ask: &mut impl Ask) -> Result<Self, Outcome> {
        let dialect = ask.dialect();
        let end = match (dialect, reach) {
            (Dialect::Postgres, Reach::Page) => " offset 0)",
            (Dialect::Postgres | Dialect::Sqlite, _) => ")",
        };
        let (systems, composites) = (BTreeMap::new(), BTreeMap::new());
        let (effort, heard) = (ask.effort(), ask.heard());
        let mut names = Self { dialect, end, effort, heard, systems, composites };
        for one in &plan.types {
            names.collect_type(one, domain(plan))?;
        }
        for (uri, number) in &mut names.systems {
            *number = ask.known_system(uri);
        }
        let unknown: Vec<Box<str>> = (names.systems.iter())
            .filter(|(_, number)| number.is_none())
            .map(|(uri, _)| uri.clone())
            .collect();
        let composites: Vec<Composite> = names.composites.keys().cloned().collect();
        let looks = unknown.iter().map(|uri| system(uri)).chain(composites.iter().map(key));
        let looks = looks.enumerate().map(|(n, look)| {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            sql("select cast(? as bigint) as n, cast(number as bigint) from (", [n.into()])
                .with(look)
                .then(") as looked_up")
        });
        let looks = Sql::compound(looks.collect(), "\nunion all\n").statement();
        if looks.sql.is_empty() {
            return Ok(names);
        }
        for (n, number) in ask.numbers(&looks).await? {
            let n = usize::try_from(n).unwrap_or(usize::MAX);
            if let Some(uri) = unknown.get(n) {
                ask.learn_system(uri, number);
                names.systems.insert(uri.clone(), Some(number));
            } else if let Some(key) = composites.get(n - unknown.len()) {
                names.composites.entry(key.clone()).or_default().push(number);
            }
        }
        Ok(names)
    }

    /// The same, for conditions before dearer ones: SQLite would make a join of them, which comes last.
    pub(super) fn at_once(&self) -> Self {
        let end = match self.dialect {
            Dialect::Sqlite => " limit 1)",
            Dialect::Postgres => self.end,
        };
        Self { end, ..self.clone() }
    }

    /// The number of a system; `None`: no row has it.
    pub(super) fn system(&self, uri: &str) -> Option<i64> {
        self.systems.get(uri).copied().flatten()
    }

    /// The numbers `k` of the composites of a parameter that have such a key.
    pub(super) fn composites(&self, p: i64, key: &TokenTest) -> &[i64] {
        self.composites.get(&composite(p, key)).map_or(&[], Vec::as_slice)
    }

    fn collect_type(&mut self, plan: &TypePlan, domain: Domain) -> Result<(), Outcome> {
        plan.filters.iter().try_for_each(|filter| self.collect(filter, domain))
    }

    fn collect(&mut self, filter: &Filter, domain: Domain) -> Result<(), Outcome> {
        match filter {
            Filter::All(inner) | Filter::Any(inner) => {
                inner.iter().try_for_each(|filter| self.collect(filter, domain))
            }
            Filter::Not(inner) => self.collect(inner, domain),
            Filter::Chain { targets, .. } => {
                targets.iter().try_for_each(|one| self.collect_type(one, Domain::Either))
            }
            Filter::Has { source, .. } => self.collect_type(source, Domain::Own),
            Filter::During(during) => self.collect_type(&during.other, Domain::Own),
            Filter::Value { params, any } => {
                let ps = domain.numbers(params);
                any.iter().try_for_each(|test| self.collect_test(test, &ps))
            }
            Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Present { .. }
            | Filter::Words { .. }
            | Filter::Near { .. } => Ok(()),
        }
    }

    fn collect_test(&mut self, test: &Test, ps: &[i64]) -> Result<(), Outcome> {
        match test {
            Test::Token(token) | Test::Identifier(token) | Test::Typed(token) => {
                self.collect_token(token);
            }
            Test::Quantity(_, UnitTest::Coded { system, .. }) => self.want(system),
            Test::Composite { key, part } => {
                self.collect_token(key);
                for p in ps {
                    self.composites.entry(composite(*p, key)).or_default();
                }
                self.collect_test(part, ps)?;
            }
            Test::Concepts(_) => {
                return Err(Outcome::new(
                    IssueType::Exception,
                    "The codes of a value set or a hierarchy were not looked up before the search",
                ));
            }
            Test::Mime(_)
            | Test::Text(_)
            | Test::Reference(_)
            | Test::String(_)
            | Test::Date(_)
            | Test::Number(_)
            | Test::Quantity(..)
            | Test::Canonical(..)
            | Test::Uri(_)
            | Test::Numbers(..) => {}
        }
        Ok(())
    }

    fn collect_token(&mut self, test: &TokenTest) {
        if let System::Is(uri) = &test.system {
            self.want(uri);
        }
    }

    fn want(&mut self, uri: &str) {
        self.systems.insert(uri.into(), None);
    }
}

fn composite(p: i64, key: &TokenTest) -> Composite {
    let system = match &key.system {
        System::Any => None,
        System::None => Some(None),
        System::Is(uri) => Some(Some(uri.clone())),
    };
    (p, key.code.clone(), system)
}

fn system(uri: &str) -> Sql {
    sql("select sys as number from token_system where uri = ?", [uri.into()])
}

fn key((p, code, of): &Composite) -> Sql {
    let mut look = sql("select k as number from composite_key where p = ?", [(*p).into()]);
    if let Some(code) = code {
        look = look.then(" and code = ").bind(&**code);
    }
    match of {
        None => look,
        Some(None) => look.then(" and sys = 0"),
        Some(Some(uri)) => look
            .then(" and sys = (select sys from token_system where uri = ")
            .bind(&**uri)
            .then(")"),
    }
}
