//! Numbers and quantities.

use search::{NumberTest, UnitTest};

use crate::find::{
    names::Names,
    range::{Kind, Range},
    statement::{Sql, sql},
};

pub(super) fn condition(test: NumberTest, column: &str) -> Sql {
    let compare = |sign: &str, x: f64| sql(format!("{column} {sign} ?"), [x.into()]);
    match test {
        NumberTest::Within(lo, hi) => Sql::all([compare(">=", lo), compare("<", hi)]),
        NumberTest::Outside(lo, hi) => Sql::any([compare("<", lo), compare(">=", hi)]),
        NumberTest::Greater(x) => compare(">", x),
        NumberTest::GreaterOrEqual(x) => compare(">=", x),
        NumberTest::Less(x) => compare("<", x),
        NumberTest::LessOrEqual(x) => compare("<=", x),
    }
}

pub(super) fn ranges(test: NumberTest, table: &'static str) -> Vec<Range> {
    let range = |test| Range::spread(table, "value", Kind::Real, condition(test, "@.value"));
    match test {
        NumberTest::Outside(lo, hi) => {
            vec![range(NumberTest::Less(lo)), range(NumberTest::GreaterOrEqual(hi))]
        }
        NumberTest::Within(..)
        | NumberTest::Greater(_)
        | NumberTest::GreaterOrEqual(_)
        | NumberTest::Less(_)
        | NumberTest::LessOrEqual(_) => vec![range(test)],
    }
}

pub(super) fn unit(test: &UnitTest, names: &Names) -> Sql {
    match test {
        UnitTest::Any => Sql::always(),
        UnitTest::Coded { system, code } => match names.system(system) {
            Some(sys) => sql("@.code = ? and @.sys = ?", [(&**code).into(), sys.into()]),
            None => Sql::never(),
        },
        UnitTest::Named(name) => {
            sql("(@.code = ? or @.unit = ?)", [(&**name).into(), (&**name).into()])
        }
    }
}
