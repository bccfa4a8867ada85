//! The order of a page: sort values first, then the number of the resource. What has no value comes last
//! whichever way it is sorted.

use std::cmp::Ordering;

use search::{Direction, Plan};

use super::{
    Turn,
    ask::Found,
    changed,
    position::{Commit, Position, SortValue},
    statement::{Bind, Sql, sql},
};

/// The order in which rows are fetched.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Which way each value goes, and last the resource; as fetched, so turned round for a page before another.
    ways: Vec<Way>,
    /// Where to go on.
    from: Option<Position>,
    /// Whether what has no value comes first, because pages are walked backwards.
    is_backwards: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

impl Way {
    fn turned(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// The suffix of an `order by` term.
    fn suffix(self) -> &'static str {
        match self {
            Self::Up => "",
            Self::Down => " desc",
        }
    }

    fn order(self, rising: Ordering) -> Ordering {
        match self {
            Self::Up => rising,
            Self::Down => rising.reverse(),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Up => ">",
            Self::Down => "<",
        }
    }
}

impl Order {
    /// The order that a plan asks for; resources with equal values go the way of the last key.
    pub(super) fn of(plan: &Plan, turn: &Turn) -> Self {
        let way = |direction| match direction {
            Direction::Ascending => Way::Up,
            Direction::Descending => Way::Down,
        };
        let keys = plan.sort.iter().map(|sort| way(sort.direction));
        let last = plan.sort.last().map_or(Way::Up, |sort| way(sort.direction));
        Self::turn(keys.chain([last]).collect(), turn)
    }

    /// The order of so many rising values.
    pub(super) fn rising(values: usize, turn: &Turn) -> Self {
        Self::turn(vec![Way::Up; values + 1], turn)
    }

    fn turn(ways: Vec<Way>, turn: &Turn) -> Self {
        let (from, is_backwards) = match turn {
            Turn::First => (None, false),
            Turn::After(position) => (Some(position.clone()), false),
            Turn::Before(position) => (Some(position.clone()), true),
        };
        let ways = ways.into_iter().map(|way| if is_backwards { way.turned() } else { way });
        Self { ways: ways.collect(), from, is_backwards }
    }

    /// How many values there are besides the resource.
    pub(super) fn values(&self) -> usize {
        self.ways.len().saturating_sub(1)
    }

    pub(super) fn is_backwards(&self) -> bool {
        self.is_backwards
    }

    /// The commit that the first page was read at, on later pages.
    pub(super) fn commit(&self) -> Option<Commit> {
        self.from.as_ref().map(|position| position.commit)
    }

    /// Whether the last page ended among what has no first value; `None` on the first page.
    pub(super) fn is_among_missing(&self) -> Option<bool> {
        let first = self.from.as_ref()?.values.first();
        Some(first == Some(&SortValue::Missing))
    }

    /// Whether something lies beyond the position.
    pub(super) fn is_beyond(&self, values: &[SortValue], res: i64) -> bool {
        let from = self.from.as_ref();
        from.is_none_or(|from| self.compare((&from.values, from.res), (values, res)).is_lt())
    }

    /// Which of two is fetched first.
    pub(super) fn compare(&self, a: (&[SortValue], i64), b: (&[SortValue], i64)) -> Ordering {
        for ((way, left), right) in self.ways.iter().zip(a.0).zip(b.0) {
            let is_missing = |value: &SortValue| *value == SortValue::Missing;
            let order = match (is_missing(left), is_missing(right)) {
                (false, false) => way.order(changed::compare(left, right)),
                (left, right) if self.is_backwards => right.cmp(&left),
                (left, right) => left.cmp(&right),
            };
            if order.is_ne() {
                return order;
            }
        }
        self.ways.last().map_or(Ordering::Equal, |way| way.order(a.1.cmp(&b.1)))
    }

    /// Brings a page into its order, of which nothing is left to do mostly.
    pub(super) fn arrange(&self, page: &mut [Found]) {
        page.sort_by(|a, b| self.compare((&a.values, a.res), (&b.values, b.res)));
    }

    /// `order  by`, over columns that may be null.
    pub(super) fn by(&self, columns: &[&str]) -> String {
        let nulls = if self.is_backwards { " nulls first" } else { " nulls last" };
        self.terms(columns, nulls, 0)
    }

    /// `order  by` the first value alone.
    pub(super) fn first(&self, column: &str) -> String {
        format!("order  by {column}{}", self.ways.first().map_or("", |way| way.suffix()))
    }

    /// `order  by`, over columns of which the first comes from an index and is never null.
    pub(super) fn along(&self, columns: &[&str]) -> String {
        let nulls = if self.is_backwards { " nulls first" } else { " nulls last" };
        self.terms(columns, nulls, 1)
    }

    fn terms(&self, columns: &[&str], nulls: &str, without_nulls: usize) -> String {
        let last = columns.len().saturating_sub(1);
        let skipped = self.ways.len().saturating_sub(columns.len());
        let term = |(n, (column, way)): (usize, (&&str, &Way))| {
            let nulls = if n == last || n < without_nulls { "" } else { nulls };
            format!("{column}{}{nulls}", way.suffix())
        };
        let pairs = columns.iter().zip(self.ways.iter().skip(skipped));
        let terms: Vec<String> = pairs.enumerate().map(term).collect();
        format!("order  by {}", terms.join(", "))
    }

    /// What lies beyond the position, over all columns; the values may be null.
    pub(super) fn beyond(&self, columns: &[&str]) -> Sql {
        let Some(from) = &self.from else { return Sql::always() };
        let skipped = self.ways.len().saturating_sub(columns.len());
        let values = from.values.iter().skip(skipped).cloned();
        let values: Vec<SortValue> = values.chain([SortValue::Integer(from.res)]).collect();
        let ways = self.ways.iter().skip(skipped);
        let mut equal = Vec::new();
        let mut any = Vec::new();
        for ((column, way), value) in columns.iter().zip(ways).zip(values) {
            let beyond = self.strictly_beyond(column, *way, &value);
            any.push(Sql::all(equal.iter().cloned().chain([beyond])));
            equal.push(same(column, &value));
        }
        Sql::any(any)
    }

    fn strictly_beyond(&self, column: &str, way: Way, value: &SortValue) -> Sql {
        let sign = way.sign();
        match bind(value) {
            Some(value) if self.is_backwards => sql(format!("{column} {sign} ?"), [value]),
            Some(value) => sql(format!("({column} {sign} ? or {column} is null)"), [value]),
            None if self.is_backwards => sql(format!("{column} is not null"), []),
            None => Sql::never(),
        }
    }

    /// What lies beyond the position in an index over these columns, none of which is null: the first values
    /// and, when all go one way, the resource.
    pub(super) fn beyond_in_index(&self, columns: &[&str]) -> Sql {
        let Some(from) = &self.from else { return Sql::always() };
        let values = from.values.iter().map(bind).chain([Some(Bind::Integer(from.res))]);
        let Some(values) = values.collect::<Option<Vec<Bind>>>() else { return Sql::always() };
        let sign = self.ways.first().map_or(">", |way| way.sign());
        match (columns, values.as_slice()) {
            ([column], [.., value]) => sql(format!("{column} {sign} ?"), [value.clone()]),
            (columns, values) if columns.len() == values.len() => {
                let columns = columns.join(", ");
                sql(format!("({columns}) {sign} "), []).with(Sql::list(values.iter().cloned()))
            }
            _ => Sql::always(),
        }
    }

    /// `order  by` columns that all go the way of the first value.
    pub(super) fn all_one_way(&self, columns: &[String]) -> String {
        let suffix = self.ways.first().map_or("", |way| way.suffix());
        let terms: Vec<String> = columns.iter().map(|one| format!("{one}{suffix}")).collect();
        format!("order  by {}", terms.join(", "))
    }

    /// From the first values on, all of which go one way.
    pub(super) fn since(&self, columns: &[&str]) -> Sql {
        let Some(from) = &self.from else { return Sql::always() };
        let values: Option<Vec<Bind>> = from.values.iter().take(columns.len()).map(bind).collect();
        let Some(values) = values.filter(|values| values.len() == columns.len()) else {
            return Sql::always();
        };
        let sign = self.ways.first().map_or(">", |way| way.sign());
        sql(format!("({}) {sign}= ", columns.join(", ")), []).with(Sql::list(values))
    }

    /// From the first value on: a bound that an index can use where several values decide.
    pub(super) fn since_first(&self, column: &str) -> Sql {
        let value = self.from.as_ref().and_then(|from| bind(from.values.first()?));
        let sign = self.ways.first().map_or(">", |way| way.sign());
        value.map_or(Sql::always(), |value| sql(format!("{column} {sign}= ?"), [value]))
    }
}

fn same(column: &str, value: &SortValue) -> Sql {
    match bind(value) {
        Some(value) => sql(format!("{column} = ?"), [value]),
        None => sql(format!("{column} is null"), []),
    }
}

fn bind(value: &SortValue) -> Option<Bind> {
    match value {
        SortValue::Missing => None,
        SortValue::Integer(value) => Some(Bind::Integer(*value)),
        SortValue::Real(value) => Some(Bind::Real(*value)),
        SortValue::Text(text) => Some(Bind::Text(text.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            plans::{newest_first, one, over},
            position::{
                Route,
                SortValue::{Missing, Real, Text},
            },
        },
        *,
    };

    fn arranged(order: &Order, rows: &[(SortValue, i64)]) -> Vec<i64> {
        let found =
            |(value, res): &(SortValue, i64)| Found { values: vec![value.clone()], ..one(*res) };
        let mut page: Vec<Found> = rows.iter().map(found).collect();
        order.arrange(&mut page);
        page.iter().map(|one| one.res).collect()
    }

    #[test]
    fn a_page_is_arranged_as_both_databases_would_sort_it() {
        let text = |text: &str| Text(text.to_owned());
        let rising = Order::rising(1, &Turn::First);
        // by bytes, and what is equal by number
        let texts = [(text("b"), 3), (text("a"), 9), (text("\u{e9}"), 1), (text("b"), 2)];
        assert_eq!(arranged(&rising, &texts), [9, 2, 3, 1]);
        // the two zeros are one value
        let zeros = [(Real(0.0), 2), (Real(-0.0), 5), (Real(-1.0), 7), (Real(-0.0), 1)];
        assert_eq!(arranged(&rising, &zeros), [7, 1, 2, 5]);
        // what has no value comes last, and first when pages are walked backwards
        let falling = Plan { sort: newest_first(), ..over("Observation", Vec::new()) };
        let dates =
            [(Missing, 4), (SortValue::Integer(10), 1), (SortValue::Integer(20), 2), (Missing, 8)];
        assert_eq!(arranged(&Order::of(&falling, &Turn::First), &dates), [2, 1, 8, 4]);
        let position = Position {
            commit: Commit::default(),
            route: Route::default(),
            values: vec![Missing],
            res: 0,
        };
        assert_eq!(arranged(&Order::of(&falling, &Turn::Before(position)), &dates), [4, 8, 1, 2]);
    }
}
