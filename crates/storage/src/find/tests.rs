//! The statements of the main shapes, word for word.

use std::cell::RefCell;

use auth::Permit;
use fhir_model::Outcome;
use futures_util::FutureExt as _;
use search::{
    Comparison, DateTest, Filter, NumberTest, ParamId, Plan, StringTest, System, Test, Timespan,
    TokenTest, TypePlan, UnitTest,
};

use super::{
    Turn,
    ask::{Ask, Dialect, Found, Shown},
    inquiry,
    plans::{code, containing, newest_first, over, patient, ty, value},
    position::{Commit, Mode, Position, Route, SortValue},
    statement::Statement,
};
use crate::{gate::Sight, parameters::Parameters, tx::Indexing};

/// A database in which every filter finds so many rows and every name is 7.
struct Paper {
    dialect: Dialect,
    rows: i64,
    asked: RefCell<Vec<Statement>>,
}

impl Ask for Paper {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn last_commit(&self) -> Commit {
        Commit { number: 100, time: 1000 }
    }

    async fn numbers(&mut self, statement: &Statement) -> Result<Vec<(i64, i64)>, Outcome> {
        let is_name = statement.sql.contains("looked_up");
        let places = statement.sql.matches(" as n, ").count();
        let number = if is_name { 7 } else { self.rows };
        Ok((0..).map(|n| (n, number)).take(places).collect())
    }

    async fn found(&mut self, statement: &Statement) -> Result<Vec<Found>, Outcome> {
        self.asked.borrow_mut().push(statement.clone());
        Ok(Vec::new())
    }

    async fn explained(&mut self, _: &Statement) -> Result<Shown, Outcome> {
        Ok(Shown { plan: String::new(), work: 0 })
    }
}

fn indexing() -> Indexing {
    let parameters = Parameters::new(0, Vec::new(), 0).into();
    Indexing {
        parameters,
        base: "http://own.example".into(),
        is_outdated: false,
        cleaning: crate::Cleaning::Here,
        order_due_seconds: 3_600,
    }
}

fn operator() -> Permit {
    auth::authorize(&auth::Caller::Operator, auth::Action::Search, None).unwrap()
}

/// The statement of a page, when each filter finds so many rows.
fn page(plan: &Plan, turn: &Turn, (dialect, rows): (Dialect, i64)) -> String {
    let mut paper = Paper { dialect, rows, asked: RefCell::default() };
    let indexing = indexing();
    let answer =
        inquiry::search(plan, Sight::search(&operator()), (turn, 20), &indexing, &mut paper)
            .now_or_never();
    answer.unwrap().unwrap();
    let statement = paper.asked.into_inner().remove(0);
    // what is around the inner query is always the same
    let inner = statement.sql.split_once("from   (\n  ").unwrap().1;
    inner.split_once("\n) as page").unwrap().0.replace("\n  ", "\n")
}

const FEW: (Dialect, i64) = (Dialect::Sqlite, 10);
const MANY: (Dialect, i64) = (Dialect::Sqlite, 1_000_000);

#[test]
fn a_code_is_walked_in_the_order_of_resources() {
    let plan = over("Observation", vec![value(3, code("x"))]);
    assert_eq!(
        page(&plan, &Turn::First, MANY),
        "\
select d.res as res
from   idx_token d
where  d.p = $1 and d.code = $2
  and  d.sys >= 0
order  by d.res
limit  $3"
    );
}

#[test]
fn a_later_page_goes_on_and_leaves_out_what_is_new() {
    let plan = over("Observation", vec![value(3, code("x"))]);
    let position = Position {
        commit: Commit { number: 50, time: 0 },
        route: Route { mode: Mode::ByResource, leaders: vec![Some(0)] },
        values: Vec::new(),
        res: 9,
    };
    assert_eq!(
        page(&plan, &Turn::Before(position), MANY),
        "\
select d.res as res
from   idx_token d
where  d.p = $1 and d.code = $2
  and  d.sys >= 0
  and  not exists (select 1 from resource o where o.res = d.res and o.commit_no > $3 and not exists \
(select 1 from history h where h.res = o.res and h.commit_no <= $4))
  and  d.res < $5
order  by d.res desc
limit  $6"
    );
}

#[test]
fn each_code_of_several_gives_a_page_at_most() {
    let both = Filter::Value { params: vec![ParamId(3)], any: vec![code("x"), code("y")] };
    assert_eq!(
        page(&over("Observation", vec![both]), &Turn::First, MANY),
        "\
select * from (
  select d.res as res
  from   idx_token d
  where  d.p = $1 and d.code = $2
    and  d.sys >= 0
  order  by d.res
  limit  $3
) as b0
union
select * from (
  select d.res as res
  from   idx_token d
  where  d.p = $4 and d.code = $5
    and  d.sys >= 0
  order  by d.res
  limit  $6
) as b1
order  by res
limit  $7"
    );
}

#[test]
fn times_are_walked_along_their_end_each_resource_once() {
    let span = Timespan { lo: 10, hi: 20 };
    let since = Test::Date(DateTest { comparison: Comparison::Greater, span });
    assert_eq!(
        page(&over("Observation", vec![value(5, since)]), &Turn::First, MANY),
        "\
select distinct d.hi as k1, d.res as res
from   idx_date d
where  d.p = $1 and d.hi > $2
  and  not exists (select 1 from idx_date e indexed by idx_date_forward where e.res = d.res and e.hi < d.hi and \
e.p = $3 and e.hi > $4)
order  by d.hi, d.res
limit  $5"
    );
}

#[test]
fn the_last_observations_of_a_patient_are_collected_and_sorted() {
    let mut plan = over("Observation", vec![value(4, patient("p")), value(3, code("x"))]);
    plan.sort = newest_first();
    assert_eq!(
        page(&plan, &Turn::First, FEW),
        "\
with found as (
  select d.res as res
  from   idx_reference d
  where  d.p = $1 and d.target = (select t.res from resource t where t.type = $2 and t.id = $3)
    and  exists (select 1 from idx_token i1 where i1.res = d.res and i1.p = $4 and i1.code = $5)
), sorted as materialized (
  select f.res as res,
         (select max(s.hi) from idx_date s indexed by idx_date_forward where s.res = f.res and s.p in (5)) as k1
  from   found f
)
select * from sorted
order  by k1 desc nulls last, res desc
limit  $6"
    );
}

#[test]
fn what_is_sorted_and_not_few_is_walked_along_the_sort_key() {
    let mut plan = over("Observation", vec![value(3, code("x"))]);
    plan.sort = newest_first();
    assert_eq!(
        page(&plan, &Turn::First, MANY),
        "\
with first_ones as (
  select d.hi as k1,
         d.res as res
  from   idx_date d
  where  d.p = $1
    and  not exists (select 1 from idx_date s indexed by idx_date_forward where s.res = d.res and s.p = $2 and \
(s.hi, s.p, s.lo) > (d.hi, d.p, d.lo))
    and  exists (select 1 from idx_token i1 where i1.res = d.res and i1.p = $3 and i1.code = $4)
  order  by d.hi desc, d.res desc
  limit  $5
), second_ones as (
  select cast(null as bigint) as k1, d.res as res
  from   resource d
  where  d.type = $6 and d.body is not null
    and  exists (select 1 from idx_token i1 where i1.res = d.res and i1.p = $7 and i1.code = $8)
    and  not exists (select 1 from idx_date s indexed by idx_date_forward where s.res = d.res and s.p = $9)
  order  by d.res desc
  -- only as many as the page has room for
  limit  (select $10 - count(*) from first_ones)
)
select * from first_ones union all select * from second_ones
order  by k1 desc nulls last, res desc
limit  $11"
    );
}

#[test]
fn chains_are_walked_from_the_inside() {
    let named = value(8, Test::String(StringTest::StartsWith("smi".into())));
    let targets = vec![TypePlan { ty: ty("Patient"), filters: vec![named] }];
    let chain = Filter::Chain { params: vec![ParamId(4)], targets };
    let plan = over("Observation", vec![chain]);
    let sqlite = page(&plan, &Turn::First, MANY);
    assert!(
        sqlite.starts_with(
            "\
select * from (
  select distinct n.folded as k1, n.res as k2, d.res as res
  from   idx_string n
    cross join idx_reference d
  where  n.p = $1 and n.folded >= $2 and n.folded < $3
    and  d.p = $4 and d.target = n.res
    and  not exists (select 1 from idx_reference e indexed by idx_reference_forward cross join idx_string i \
indexed by idx_string_forward where e.res = d.res and e.p = $5 and i.res = e.target and (i.folded, i.res) < \
(n.folded, n.res) and i.p in ($6, $7) and i.folded >= $8 and i.folded < $9)
  order  by n.folded, n.res, n.exact, d.res
  limit  $10
) as b0
union"
        ),
        "{sqlite}"
    );
}

#[test]
fn one_database_is_told_how_to_go_about_a_chain() {
    let named = value(8, Test::String(StringTest::StartsWith("smi".into())));
    let targets = vec![TypePlan { ty: ty("Patient"), filters: vec![named] }];
    let chain = Filter::Chain { params: vec![ParamId(4)], targets };
    let plan = over("Observation", vec![chain, value(3, code("x"))]);
    let position = Position {
        commit: Commit::default(),
        route: Route { mode: Mode::Through, leaders: vec![Some(0), Some(0), Some(0)] },
        values: vec![SortValue::Text("smi".to_owned()), SortValue::Integer(1)],
        res: 2,
    };
    let first = page(&plan, &Turn::First, (Dialect::Postgres, 1_000_000));
    let next = page(&plan, &Turn::After(position), (Dialect::Postgres, 1_000_000));
    for sql in [first, next] {
        // what is inside is read in one order, whichever parameter has it
        assert_eq!(sql.matches("cross join lateral").count(), 2, "{sql}");
        assert!(sql.contains("select distinct k1, k2\n"), "{sql}");
        // and what refers to it asked for its code, or the code's rows read
        assert!(sql.contains("d.res >= m.least and d.res <= m.most\n"), "{sql}");
        assert!(sql.contains("and  not m.are_close\n"), "{sql}");
    }
}

#[test]
fn what_refers_to_a_resource_leads_to_it_in_its_own_order() {
    let source = TypePlan { ty: ty("Observation"), filters: vec![value(3, code("x"))] };
    let has = Filter::Has { params: vec![ParamId(4)], source: Box::new(source) };
    let sql = page(&over("Patient", vec![has]), &Turn::First, MANY);
    assert!(
        sql.starts_with("select distinct n.code as k1, n.res as k2, d.target as res\n"),
        "{sql}"
    );
    assert!(
        sql.contains("e.target = d.target and e.p = $5 and i.res = e.res and e.res < n.res"),
        "{sql}"
    );
}

#[test]
fn a_code_and_a_value_are_one_row() {
    let id =
        |name: &str| vec![search::Registry::r4().parameter(ty("Observation"), name).unwrap().id];
    let value = |name: &str, test| Filter::Value { params: id(name), any: vec![test] };
    let above = Test::Quantity(NumberTest::Greater(150.0), UnitTest::Any);
    let apart = vec![value("code", code("x")), value("value-quantity", above)];
    let sql = page(&over("Observation", apart), &Turn::First, MANY);
    assert!(sql.contains("from   idx_quantity d\nwhere  d.p = $1 and d.value > $2\n"), "{sql}");
    assert!(!sql.contains("idx_token"), "{sql}");
}

#[test]
fn a_composite_is_a_range_of_its_key() {
    let key =
        TokenTest { system: System::Is("http://loinc.org".into()), code: Some("8480-6".into()) };
    let part = Box::new(Test::Quantity(NumberTest::Greater(150.0), UnitTest::Any));
    let plan = over("Observation", vec![value(9, Test::Composite { key, part })]);
    let sql = page(&plan, &Turn::First, MANY);
    assert!(
        sql.starts_with("select distinct d.value as k1, d.res as res\nfrom   idx_quantity d\n"),
        "{sql}"
    );
    assert!(sql.contains("where  d.p = $1 and d.value > $2\n"), "{sql}");
}

#[test]
fn an_unknown_route_or_edge_does_no_harm() {
    let plan = over("Observation", vec![value(3, code("x"))]);
    for mode in [Mode::ByResource, Mode::ByValue, Mode::AlongSort, Mode::Collected] {
        for leaders in [vec![], vec![Some(9)], vec![None, None, Some(0)]] {
            let values = vec![SortValue::Missing, SortValue::Text("x".to_owned())];
            let commit = Commit::default();
            let position = Position { commit, route: Route { mode, leaders }, values, res: 1 };
            let turn = Turn::After(position);
            let mut paper = Paper { dialect: Dialect::Sqlite, rows: 1, asked: RefCell::default() };
            let (indexing, permit) = (indexing(), operator());
            let answer =
                inquiry::search(&plan, Sight::search(&permit), (&turn, 20), &indexing, &mut paper);
            assert!(answer.now_or_never().unwrap().is_ok());
        }
    }
}

#[test]
fn what_contains_a_text_is_a_stretch_of_suffixes() {
    let plan = over("Patient", vec![value(8, containing("smith"))]);
    let sql = page(&plan, &Turn::First, (Dialect::Postgres, 10));
    let (first, rest) = sql.split_once("\n) as b0\nunion\n").unwrap();
    let at = "\
select * from (
  select distinct d.suffix as k1, d.res as res
  from   idx_suffix d
  where  d.p = $1 and d.suffix >= $2 and d.suffix < $3
    and  not exists (select 1 from idx_suffix e where e.res = d.res and e.suffix < d.suffix and ";
    assert!(first.starts_with(at), "{first}");
    // what is longer than is kept
    let longer = "  where  d.p = $10 and d.suffix = ''\n    and  exists (select 1 from idx_string s \
                  where s.res = d.res and s.p = d.p and s.folded like $11 escape '\\' offset 0)";
    assert!(rest.contains(longer), "{rest}");
    // a text with more letters than are kept is looked for by these, and then read
    let plan = over("Patient", vec![value(8, containing("constantinople"))]);
    let sql = page(&plan, &Turn::First, (Dialect::Postgres, 10));
    let at = "where  d.p = $1 and d.suffix = $2\n    and  exists (select 1 from idx_string s ";
    assert!(sql.contains(at), "{sql}");
    // and so is the end of a text, where a suffix as long as is kept may go on
    let ends = |text: &str| Test::String(StringTest::EndsWith(text.into()));
    for (text, is_read) in [("ntinople", false), ("nstantinople", true)] {
        let plan = over("Patient", vec![value(8, ends(text))]);
        let sql = page(&plan, &Turn::First, (Dialect::Postgres, 10));
        let found = sql.split_once("\n    and  not exists").unwrap().0;
        assert!(found.contains("where  d.p = $1 and d.suffix = $2"), "{found}");
        assert_eq!(found.contains("from idx_string s"), is_read, "{found}");
    }
    // parameters that come and go have no suffixes
    let plan = over("Patient", vec![value(1_000_001, containing("smith"))]);
    let sql = page(&plan, &Turn::First, FEW);
    assert!(sql.contains("from   idx_string d\n") && !sql.contains("idx_suffix"), "{sql}");
}
