//! Filters as SQL conditions. The index rows of a token or a reference can lead: they are clustered by
//! value and then by resource, so a page of them is read in order and no more than the page is touched.

use search::{
    Comparison, DateTest, Filter, NumberTest, Plan, ReferenceTest, SearchKind, StringTest, System,
    Test, TokenTest, UnitTest, UriTest,
};

use super::statement::{Bind, Statement};

/// The filter that leads: one value of a token or a reference, compared for equality.
pub(crate) fn driver(plan: &Plan) -> Option<usize> {
    let may_lead = |any: &[Test]| match any {
        [Test::Token(token) | Test::Identifier(token)] => token.code.is_some(),
        [Test::Reference(ReferenceTest::Local { .. })] => true,
        _ => false,
    };
    plan.filters()
        .iter()
        .position(|filter| matches!(filter, Filter::Value { any, .. } if may_lead(any)))
}

/// How the index rows of a filter are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// For each resource that the leading filter leaves.
    OfEach,
    /// All at once.
    OfAll,
}

/// `from` and `where` of a plan; `d` are the rows that lead, `r` the resources.
pub(crate) fn from_where(statement: &mut Statement, plan: &Plan, driver: Option<usize>) {
    let leading = driver.and_then(|n| plan.filters().get(n));
    match leading {
        Some(Filter::Value { params, any }) => {
            lead(statement, params.first().copied().unwrap_or(search::ParamId(0)), any);
        }
        _ => statement.push("from   resource r\nwhere  true\n", []),
    }
    let number = plan.ty().map_or(0, |ty| i64::from(ty.number()));
    statement.push("  and  r.type = ?\n  and  r.body is not null\n", [number.into()]);
    for (n, filter) in plan.filters().iter().enumerate() {
        if Some(n) != driver {
            condition(statement, filter, if driver.is_some() { Rows::OfEach } else { Rows::OfAll });
        }
    }
}

fn lead(statement: &mut Statement, param: search::ParamId, any: &[Test]) {
    let p = i64::from(param.number());
    match any.first() {
        Some(Test::Reference(ReferenceTest::Local { ty, id })) => statement.push(
            "from   idx_reference d\n  join resource r on r.res = d.res\n\
             where  d.p = ?\n  and  d.target = (select res from resource where type = ? and id = ?)\n",
            [p.into(), i64::from(ty.number()).into(), (&**id).into()],
        ),
        Some(Test::Identifier(token)) => lead_token(statement, -p, token),
        Some(Test::Token(token)) => lead_token(statement, p, token),
        _ => statement.push("from   resource r\nwhere  true\n", []),
    }
}

fn lead_token(statement: &mut Statement, p: i64, token: &TokenTest) {
    let code = token.code.as_deref().unwrap_or_default();
    statement.push(
        "from   idx_token d\n  join resource r on r.res = d.res\nwhere  d.p = ?\n  and  d.code = ?\n",
        [p.into(), code.into()],
    );
    match &token.system {
        System::Is(uri) => statement.push(
            "  and  d.sys = (select sys from token_system where uri = ?)\n",
            [(&**uri).into()],
        ),
        System::None => statement.push("  and  d.sys = 0\n", []),
        // one code under two systems is still one resource
        System::Any => statement.push(
            "  and  not exists (select 1 from idx_token e\n                   \
             where  e.p = d.p and e.code = d.code and e.res = d.res and e.sys < d.sys)\n",
            [],
        ),
    }
}

fn condition(statement: &mut Statement, filter: &Filter, rows: Rows) {
    let (negated, filter) = match filter {
        Filter::Not(inner) => (true, &**inner),
        other => (false, other),
    };
    match filter {
        Filter::Id(any) => {
            statement.push(if negated { "  and  r.id not in (" } else { "  and  r.id in (" }, []);
            for (n, id) in any.iter().enumerate() {
                statement.push(if n == 0 { "?" } else { ", ?" }, [(&**id).into()]);
            }
            statement.push(")\n", []);
        }
        Filter::Updated(any) => {
            statement.push("  and  (", []);
            or(statement, any, updated);
            statement.push(")\n", []);
        }
        Filter::Value { params, any } => {
            let p = params.first().map_or(0, |param| i64::from(param.number()));
            let not = if negated { "not " } else { "" };
            // after a leading filter few resources are left: look each of them up; else collect all
            let rows = if any.iter().all(has_forward_index) { rows } else { Rows::OfAll };
            let (open, link) = match rows {
                Rows::OfEach => ("exists (select 1", "i.res = r.res and "),
                Rows::OfAll => ("r.res in (select i.res", ""),
            };
            let table = any.first().map_or("idx_present", table);
            statement.push(&format!("  and  {not}{open} from {table} i where "), []);
            let p = if matches!(any.first(), Some(Test::Identifier(_))) { -p } else { p };
            statement.push(link, []);
            let (urls, others): (Vec<&Test>, Vec<&Test>) =
                any.iter().partition(|test| is_url(test));
            if !urls.is_empty() && !others.is_empty() {
                let in_order =
                    if any.first().is_some_and(is_url) { (urls, others) } else { (others, urls) };
                split_references(statement, p, &in_order, link);
            } else {
                statement.push("i.p = ? and (", [p.into()]);
                or(statement, any, test);
                statement.push(")", []);
            }
            statement.push(")\n", []);
        }
        Filter::Present { params, kind } => {
            let param = params.first().copied().unwrap_or(search::ParamId(0));
            statement.push(if negated { "  and  r.res not in (" } else { "  and  r.res in (" }, []);
            rows_of(statement, param, *kind);
            statement.push(")\n", []);
        }
        Filter::All(_)
        | Filter::Any(_)
        | Filter::Not(_)
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => {}
    }
}

/// References to this vault and to elsewhere lie in two tables.
fn split_references(
    statement: &mut Statement,
    p: i64,
    (first, second): &(Vec<&Test>, Vec<&Test>),
    link: &str,
) {
    statement.push("i.p = ? and (", [p.into()]);
    or(statement, first, |statement, one| test(statement, one));
    statement.push(") union all select i.res from ", []);
    statement.push(second.first().map_or("idx_present", |one| table(one)), []);
    statement.push(&format!(" i where {link}i.p = ? and ("), [p.into()]);
    or(statement, second, |statement, one| test(statement, one));
    statement.push(")", []);
}

fn or<T>(statement: &mut Statement, any: &[T], one: impl Fn(&mut Statement, &T)) {
    for (n, test) in any.iter().enumerate() {
        statement.push(if n == 0 { "(" } else { " or (" }, []);
        one(statement, test);
        statement.push(")", []);
    }
}

fn is_url(test: &Test) -> bool {
    matches!(test, Test::Reference(ReferenceTest::Url { .. }))
}

fn table(test: &Test) -> &'static str {
    match test {
        Test::Token(_) | Test::Identifier(_) => "idx_token",
        Test::Reference(ReferenceTest::Url { .. }) | Test::Uri(_) => "idx_uri",
        Test::Reference(_) => "idx_reference",
        Test::String(_) => "idx_string",
        Test::Date(_) => "idx_date",
        Test::Number(_) => "idx_number",
        Test::Quantity(..) => "idx_quantity",
        _ => "idx_present",
    }
}

/// Whether the rows of one resource are found without walking those of others.
fn has_forward_index(test: &Test) -> bool {
    match test {
        Test::Token(token) | Test::Identifier(token) => token.code.is_some(),
        Test::Date(_) => true,
        Test::Reference(reference) => !matches!(reference, ReferenceTest::Url { .. }),
        _ => false,
    }
}

fn test(statement: &mut Statement, test: &Test) {
    match test {
        Test::Token(test) | Test::Identifier(test) => token(statement, test),
        Test::Reference(test) => reference(statement, test),
        Test::String(test) => string(statement, test),
        Test::Date(test) => date(statement, test),
        Test::Number(test) => number(statement, *test),
        Test::Quantity(test, of) => {
            number(statement, *test);
            unit(statement, of);
        }
        Test::Uri(UriTest::Is(uri)) => statement.push("i.uri = ?", [(&**uri).into()]),
        _ => {}
    }
}

fn token(statement: &mut Statement, test: &TokenTest) {
    match &test.code {
        Some(code) => statement.push("i.code = ?", [(&**code).into()]),
        None => statement.push("true", []),
    }
    match &test.system {
        System::Any => {}
        System::None => statement.push(" and i.sys = 0", []),
        System::Is(uri) => statement
            .push(" and i.sys = (select sys from token_system where uri = ?)", [(&**uri).into()]),
    }
}

fn reference(statement: &mut Statement, test: &ReferenceTest) {
    match test {
        ReferenceTest::Local { ty, id } => statement.push(
            "i.target = (select t.res from resource t where t.type = ? and t.id = ?)",
            [i64::from(ty.number()).into(), (&**id).into()],
        ),
        ReferenceTest::Id { types, id } => {
            // a type a time: (type, id) is the key
            let every = fhir_model::ResourceType::all();
            let types = if types.is_empty() { every } else { types };
            statement.push(
                "i.target in (select t.res from resource t where t.id = ? and t.type in (",
                [(&**id).into()],
            );
            for (n, ty) in types.iter().enumerate() {
                statement.push(if n == 0 { "?" } else { ", ?" }, [i64::from(ty.number()).into()]);
            }
            statement.push("))", []);
        }
        ReferenceTest::Hierarchy { .. } => {}
        ReferenceTest::Url { url, version } => {
            statement.push("i.uri = ?", [(&**url).into()]);
            if let search::Version::Is(version) = version {
                statement.push(" and i.version = ?", [(&**version).into()]);
            }
        }
    }
}

fn string(statement: &mut Statement, test: &StringTest) {
    match test {
        StringTest::StartsWith(start) => {
            let end = format!("{start}{}", char::MAX);
            statement
                .push("i.folded >= ? and i.folded < ?", [(&**start).into(), end.as_str().into()]);
        }
        StringTest::Exact(text) => {
            let folded = search::fold(text);
            statement.push("i.folded = ?", [(&*folded).into()]);
            let exact = if *folded == **text { "" } else { text };
            statement.push(" and i.exact = ?", [exact.into()]);
        }
        StringTest::Contains(part) => {
            let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let pattern = format!("%{escaped}%");
            statement.push("i.folded like ? escape '\\'", [pattern.as_str().into()]);
        }
        StringTest::Is(_) | StringTest::EndsWith(_) => {}
    }
}

/// The table of [`DateTest`] over the columns `lo` and `hi`.
fn date(statement: &mut Statement, test: &DateTest) {
    let (a, b) = (Bind::Integer(test.span.lo), Bind::Integer(test.span.hi));
    match test.comparison {
        Comparison::Equal => statement.push("i.lo >= ? and i.hi <= ?", [a, b]),
        Comparison::NotEqual => statement.push("i.lo < ? or i.hi > ?", [a, b]),
        Comparison::Greater => statement.push("i.hi > ?", [b]),
        Comparison::Less => statement.push("i.lo < ?", [a]),
        Comparison::GreaterOrEqual => statement.push("i.lo >= ? or i.hi > ?", [a, b]),
        Comparison::LessOrEqual => statement.push("i.lo < ? or i.hi <= ?", [a, b]),
        Comparison::StartsAfter => statement.push("i.lo >= ?", [b]),
        Comparison::EndsBefore => statement.push("i.hi <= ?", [a]),
        Comparison::Approximate => statement.push("i.lo < ? and i.hi > ?", [b, a]),
    }
}

/// The same over `updated`, which covers one millisecond: `lo` is its first microsecond.
fn updated(statement: &mut Statement, test: &DateTest) {
    let ceil = |micros: i64| {
        Bind::Integer(micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) > 0))
    };
    let floor = |micros: i64| Bind::Integer(micros.div_euclid(1000));
    let (a, b) = (test.span.lo, test.span.hi);
    match test.comparison {
        Comparison::Equal => {
            statement.push("r.updated >= ? and r.updated < ?", [ceil(a), floor(b)]);
        }
        Comparison::NotEqual => {
            statement.push("r.updated < ? or r.updated >= ?", [ceil(a), floor(b)]);
        }
        Comparison::Greater => statement.push("r.updated >= ?", [floor(b)]),
        Comparison::Less => statement.push("r.updated < ?", [ceil(a)]),
        Comparison::GreaterOrEqual => {
            statement.push("r.updated >= ? or r.updated >= ?", [ceil(a), floor(b)]);
        }
        Comparison::LessOrEqual => {
            statement.push("r.updated < ? or r.updated < ?", [ceil(a), floor(b)]);
        }
        Comparison::StartsAfter => statement.push("r.updated >= ?", [ceil(b)]),
        Comparison::EndsBefore => statement.push("r.updated < ?", [floor(a)]),
        Comparison::Approximate => {
            statement.push("r.updated < ? and r.updated >= ?", [ceil(b), floor(a)]);
        }
    }
}

fn number(statement: &mut Statement, test: NumberTest) {
    match test {
        NumberTest::Within(lo, hi) => {
            statement.push("i.value >= ? and i.value < ?", [lo.into(), hi.into()]);
        }
        NumberTest::Outside(lo, hi) => {
            statement.push("(i.value < ? or i.value >= ?)", [lo.into(), hi.into()]);
        }
        NumberTest::Greater(x) => statement.push("i.value > ?", [x.into()]),
        NumberTest::GreaterOrEqual(x) => statement.push("i.value >= ?", [x.into()]),
        NumberTest::Less(x) => statement.push("i.value < ?", [x.into()]),
        NumberTest::LessOrEqual(x) => statement.push("i.value <= ?", [x.into()]),
    }
}

fn unit(statement: &mut Statement, test: &UnitTest) {
    match test {
        UnitTest::Any => {}
        UnitTest::Coded { system, code } => statement.push(
            " and i.code = ? and i.sys = (select sys from token_system where uri = ?)",
            [(&**code).into(), (&**system).into()],
        ),
        UnitTest::Named(name) => {
            statement.push(" and (i.code = ? or i.unit = ?)", [(&**name).into(), (&**name).into()]);
        }
    }
}

/// The resources that have any row of a parameter.
fn rows_of(statement: &mut Statement, param: search::ParamId, kind: SearchKind) {
    let p = i64::from(param.number());
    let tables: &[(&str, i64)] = match kind {
        SearchKind::Token => &[("idx_token", 1)],
        SearchKind::Reference => &[("idx_reference", 1), ("idx_uri", 1), ("idx_token", -1)],
        SearchKind::String => &[("idx_string", 1)],
        SearchKind::Date => &[("idx_date", 1)],
        SearchKind::Number => &[("idx_number", 1)],
        SearchKind::Quantity => &[("idx_quantity", 1)],
        SearchKind::Uri => &[("idx_uri", 1)],
        SearchKind::Composite | SearchKind::Special => &[],
    };
    for (table, sign) in tables {
        statement.push(
            &format!("select i.res from {table} i where i.p = ? union all "),
            [(p * sign).into()],
        );
    }
    statement.push("select i.res from idx_present i where i.p = ?", [p.into()]);
}
