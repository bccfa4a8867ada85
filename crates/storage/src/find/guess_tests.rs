//! What is guessed, and that a wrong guess changes nothing.

use futures_util::FutureExt as _;
use search::{Comparison, DateTest, Filter, ParamId, Plan, Test, Timespan, TypePlan};

use fhir_model::Outcome;

use super::{
    ask::{Ask, Dialect, Found, Shown},
    effort::Effort,
    guess::{Guess, guess},
    names::{Names, Reach},
    part::Part,
    plans::{code, containing, newest_first, one, over, patient, starting, ty, value},
    position::{Commit, Mode},
    statement::Statement,
};

/// A database that has never heard of anything.
struct Empty(Dialect);

impl Ask for Empty {
    fn dialect(&self) -> Dialect {
        self.0
    }

    fn last_commit(&self) -> Commit {
        Commit::default()
    }

    async fn numbers(&mut self, _: &Statement) -> Result<Vec<(i64, i64)>, Outcome> {
        Ok(Vec::new())
    }

    async fn found(&mut self, _: &Statement) -> Result<Vec<Found>, Outcome> {
        Ok(Vec::new())
    }

    async fn explained(&mut self, _: &Statement) -> Result<Shown, Outcome> {
        Ok(Shown { plan: String::new(), work: 0 })
    }
}

fn guessed(plan: &Plan, dialect: Dialect) -> Option<Guess> {
    let mut empty = Empty(dialect);
    let names = Names::of(plan, Reach::Page, &mut empty).now_or_never().unwrap().unwrap();
    guess(plan, &Part::of(plan), &names, 20)
}

/// The query inside what shows its rows.
fn inner(guess: &Guess) -> String {
    let (_, inner) = guess.statement.sql.split_once("from   (\n  ").unwrap();
    let (inner, shown) = inner.rsplit_once("\n) as page").unwrap();
    // a row without a number must come through
    assert!(shown.starts_with("\n  left join resource r on r.res = page.res"), "{shown}");
    inner.replace("\n  ", "\n")
}

fn of_patient() -> Filter {
    value(2, patient("a"))
}

fn sorted(plan: Plan) -> Plan {
    Plan { sort: newest_first(), ..plan }
}

#[test]
fn what_is_about_one_patient_is_sorted_unless_it_is_much() {
    let plan = sorted(over("Observation", vec![value(3, code("x")), of_patient()]));
    let guess = guessed(&plan, Dialect::Postgres).unwrap();
    assert_eq!(
        (guess.route.mode, guess.route.leaders.as_slice()),
        (Mode::Collected, &[Some(1)][..])
    );
    assert_eq!(
        inner(&guess),
        "\
with led as materialized (
  select d.res as res
  from   idx_reference d
  where  d.p = $1 and d.target = (select t.res from resource t where t.type = $2 and t.id = $3)
  limit  $4
), sorted as materialized (
  select led.res,
         (select max(s.hi) from (select s.hi from idx_date s where s.res = led.res and s.p in (5) offset 0) as s) as k1
  from   led
  where  (select count(*) from led) <= $5
    and  exists (select 1 from idx_token i1 where i1.res = led.res and i1.p = $6 and i1.code = $7 offset 0)
)
(select k1, res from sorted
 order  by k1 desc nulls last, res desc
 limit  $8)
union all
select null, null where (select count(*) from led) > $9"
    );
}

#[test]
fn what_is_about_one_patient_is_looked_through_so_far() {
    let plan = over("Observation", vec![value(3, code("x")), of_patient()]);
    let guess = guessed(&plan, Dialect::Postgres).unwrap();
    let sql = inner(&guess);
    assert_eq!(guess.route.mode, Mode::ByResource);
    assert!(
        sql.starts_with("select case when led.at > $1 then null else led.res end as res\n"),
        "{sql}"
    );
    // one filter alone needs no guess
    assert!(guessed(&over("Observation", vec![of_patient()]), Dialect::Postgres).is_none());
}

#[test]
fn from_the_inside_little_is_looked_at() {
    let named = value(8, starting("smi"));
    let chain = |inside: Vec<Filter>| {
        let targets = vec![TypePlan { ty: ty("Patient"), filters: inside }];
        let chain = Filter::Chain { params: vec![ParamId(4)], targets };
        over("Observation", vec![chain, value(3, code("x"))])
    };
    let plan = chain(vec![named.clone()]);
    let guess = guessed(&plan, Dialect::Postgres).unwrap();
    let sql = inner(&guess);
    assert_eq!(guess.route.mode, Mode::Through);
    assert!(sql.contains("where  n.are_close and not n.is_over and d.p = "), "{sql}");
    assert!(sql.contains("  select cast(null as bigint) where n.is_over\n"), "{sql}");
    // what comes again is seen among the rows
    assert!(!sql.contains("not exists"), "{sql}");
    assert!(guess.each_once([1, 1].map(one).into(), 1).is_none());
    // what is inside would have to be looked through for the second
    assert!(guessed(&chain(vec![named.clone(), of_patient()]), Dialect::Postgres).is_none());
    let within = value(8, containing("mit"));
    assert!(
        inner(&guessed(&chain(vec![within]), Dialect::Postgres).unwrap()).contains("idx_suffix")
    );
    assert!(guessed(&sorted(plan), Dialect::Postgres).is_none());
}

#[test]
fn sqlite_goes_the_usual_way_and_does_not_look_for_earlier_rows_from_the_inside() {
    let named = value(8, starting("smi"));
    let targets = vec![TypePlan { ty: ty("Patient"), filters: vec![named] }];
    let chain = Filter::Chain { params: vec![ParamId(4)], targets };
    for filters in [vec![chain.clone()], vec![chain, value(3, code("x"))]] {
        let guess = guessed(&over("Observation", filters), Dialect::Sqlite).unwrap();
        assert_eq!(guess.route.mode, Mode::Through);
        let sql = &guess.statement.sql;
        assert!(sql.contains("  cross join idx_reference d\n"), "{sql}");
        assert!(!sql.contains("not exists"), "{sql}");
        assert!(guess.each_once([1, 1].map(one).into(), 1).is_none());
    }

    // many refer to one: to ask each whether another was before is cheaper than to meet it again
    let source = TypePlan { ty: ty("Observation"), filters: vec![value(3, code("x"))] };
    let has = Filter::Has { params: vec![ParamId(4)], source: Box::new(source) };
    assert!(guessed(&over("Patient", vec![has.clone()]), Dialect::Sqlite).is_none());
    let also = over("Patient", vec![has, value(8, starting("smi"))]);
    let guess = guessed(&also, Dialect::Sqlite).unwrap();
    assert!(guess.statement.sql.contains("not exists"), "{}", guess.statement.sql);

    let of_one = over("Observation", vec![value(3, code("x")), of_patient()]);
    let mode = |plan: &Plan| guessed(plan, Dialect::Sqlite).map(|guess| guess.route.mode);
    assert_eq!(mode(&of_one), Some(Mode::ByResource));
    assert_eq!(mode(&sorted(of_one)), Some(Mode::Collected));
    assert_eq!(mode(&over("Observation", vec![of_patient()])), None);
    let two = over("Patient", vec![value(8, starting("smi")), value(3, code("x"))]);
    let guess = guessed(&two, Dialect::Sqlite).unwrap();
    assert_eq!((guess.route.mode, guess.route.leaders), (Mode::ByResource, vec![Some(1)]));
    // it may well be wrong
    assert!(guess.steps * 4 < Effort::default().steps);
    assert!(guessed(&two, Dialect::Postgres).is_none());
    assert_eq!(mode(&over("Patient", vec![value(8, starting("smi"))])), Some(Mode::ByValue));
}

#[test]
fn what_is_referred_to_is_met_once_without_looking_for_earlier_rows() {
    let source = TypePlan { ty: ty("Observation"), filters: vec![value(3, code("x"))] };
    let has = Filter::Has { params: vec![ParamId(4)], source: Box::new(source) };
    let guess = guessed(&over("Patient", vec![has]), Dialect::Postgres).unwrap();
    let sql = inner(&guess);
    assert_eq!(guess.route.leaders, [Some(0), Some(0)]);
    assert!(sql.contains("select distinct on (p.res) p.*"), "{sql}");
    assert!(!sql.contains("not exists"), "{sql}");
}

#[test]
fn what_is_named_comes_as_it_lies_and_may_come_twice() {
    let guess =
        guessed(&over("Patient", vec![value(8, starting("smi"))]), Dialect::Postgres).unwrap();
    assert_eq!((guess.route.mode, guess.route.leaders.as_slice()), (Mode::ByValue, &[Some(0)][..]));
    assert_eq!(
        inner(&guess),
        "\
select d.folded as k1, d.res as res
from   idx_string d
where  d.p = $1 and d.folded >= $2 and d.folded < $3
order  by k1, res
limit  $4"
    );
    let two = Filter::Value { params: vec![ParamId(8), ParamId(9)], any: vec![starting("smi")] };
    let two = over("Patient", vec![two]);
    let of_two = |dialect| inner(&guessed(&two, dialect).unwrap());
    let all = of_two(Dialect::Postgres);
    assert!(all.contains(") as b0\nunion all\nselect * from (\n"), "{all}");
    // it merges them itself while it reads
    assert_eq!(of_two(Dialect::Sqlite).matches("limit").count(), 1);
    // what contains a text begins with it somewhere
    let within = guessed(&over("Patient", vec![value(8, containing("mit"))]), Dialect::Postgres);
    let within = inner(&within.unwrap());
    assert!(within.contains("where  d.p = $1 and d.suffix >= $2 and d.suffix < $3\n"), "{within}");
    // times lie so too, a code does not
    let times = Timespan { lo: 10, hi: 20 };
    let since = Test::Date(DateTest { comparison: Comparison::Greater, span: times });
    let guess = guessed(&over("Patient", vec![value(5, since)]), Dialect::Postgres).unwrap();
    assert!(inner(&guess).starts_with("select d.hi as k1, d.res as res\nfrom   idx_date d\n"));
    assert!(guessed(&over("Patient", vec![value(3, code("x"))]), Dialect::Postgres).is_none());

    let found = |all: &[i64]| all.iter().map(|res| one(*res)).collect::<Vec<_>>();
    let left = |all: &[i64], count| {
        let left = guess.each_once(found(all), count)?;
        Some(left.iter().map(|one| one.res).collect::<Vec<_>>())
    };
    assert_eq!(left(&[3, 1, 2], 2), Some(vec![3, 1, 2]));
    // not full: these are all there are
    assert_eq!(left(&[3, 1, 3], 3), Some(vec![3, 1]));
    // full, so that others may follow
    assert_eq!(left(&[3, 1, 3], 2), None);
}
