//! Search rows as lines of the index tables: numbers instead of names, the same on every database. What the
//! columns mean is said in `migrations/0004_search.*.sql`.

use std::borrow::Cow;

use fhir_model::ResourceType;
use search::{CompositeRow, ParamId, Part, QuantityRow, ReferenceRow, Rows, Target, TokenRow};

/// Added to the parameters of what is contained.
pub(crate) const CONTAINED: i32 = 100_000_000;

/// The first number of `composite_key`.
pub(crate) const COMPOSITE_KEY_MIN: i32 = 1_000_000_000;

/// A line of an index table, but for `res`; `T` is text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Line<T> {
    Token { p: i32, code: T, sys: i32 },
    Reference { p: i32, target: i64 },
    Date { p: i32, lo: i64, hi: i64 },
    String { p: i32, folded: T, exact: T },
    Number { p: i32, value: f64 },
    Quantity { p: i32, value: f64, code: T, sys: i32, unit: T },
    Uri { p: i32, uri: T, version: T },
    Present { p: i32 },
    Position { p: i32, x: f64, y: f64, z: f64 },
    Suffix { p: i32, suffix: T },
}

impl<T: Copy> Line<T> {
    /// The same line with its texts in another form.
    pub(crate) fn map<U>(&self, mut text: impl FnMut(T) -> U) -> Line<U> {
        match *self {
            Self::Token { p, code, sys } => Line::Token { p, code: text(code), sys },
            Self::Reference { p, target } => Line::Reference { p, target },
            Self::Date { p, lo, hi } => Line::Date { p, lo, hi },
            Self::String { p, folded, exact } => {
                Line::String { p, folded: text(folded), exact: text(exact) }
            }
            Self::Number { p, value } => Line::Number { p, value },
            Self::Quantity { p, value, code, sys, unit } => {
                Line::Quantity { p, value, code: text(code), sys, unit: text(unit) }
            }
            Self::Uri { p, uri, version } => {
                Line::Uri { p, uri: text(uri), version: text(version) }
            }
            Self::Present { p } => Line::Present { p },
            Self::Position { p, x, y, z } => Line::Position { p, x, y, z },
            Self::Suffix { p, suffix } => Line::Suffix { p, suffix: text(suffix) },
        }
    }
}

/// Whose lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'k> {
    /// Its number inside the vault.
    pub(crate) res: i64,
    /// `Patient/1`, of what is contained its container: what local references start from.
    pub(crate) root: &'k str,
    /// Whether it is contained in `root`.
    pub(crate) is_contained: bool,
}

/// The index tables of a database, and the numbers it gave.
pub(crate) trait Tables {
    type Error;

    /// The number of a system; 0 for none.
    fn system(&mut self, uri: Option<&str>) -> Result<i32, Self::Error>;

    /// The number of a composite's key.
    fn composite_key(&mut self, p: i32, code: &str, sys: i32) -> Result<i32, Self::Error>;

    /// The number of a resource of this vault, which there need not be yet.
    fn local(&mut self, ty: ResourceType, id: &str) -> Result<i64, Self::Error>;

    /// The number of a contained resource under its id `Patient/1#x`, if there is such.
    fn contained(&mut self, ty: ResourceType, id: &str) -> Result<Option<i64>, Self::Error>;

    /// Puts a line in or takes it out.
    fn line(&mut self, res: i64, line: Line<&str>) -> Result<(), Self::Error>;
}

/// Hands over the lines of a resource, but for its words and for what it contains, table by table.
pub(crate) fn lines<T: Tables>(
    tables: &mut T,
    owner: Owner<'_>,
    rows: &Rows,
) -> Result<(), T::Error> {
    tokens(tables, owner, rows)?;
    for row in &rows.references {
        reference(tables, owner, row)?;
    }
    for row in &rows.dates {
        let line = Line::Date { p: owner.p(row.param), lo: row.span.lo, hi: row.span.hi };
        tables.line(owner.res, line)?;
    }
    for row in &rows.strings {
        let line = string(owner.p(row.param), &row.folded, &row.exact);
        tables.line(owner.res, line)?;
    }
    for row in &rows.suffixes {
        let line = Line::Suffix { p: owner.p(row.param), suffix: &*row.suffix };
        tables.line(owner.res, line)?;
    }
    for row in &rows.texts {
        let line = Line::String { p: -owner.p(row.param), folded: &*row.folded, exact: "" };
        tables.line(owner.res, line)?;
    }
    for row in &rows.numbers {
        tables.line(owner.res, Line::Number { p: owner.p(row.param), value: row.value.0 })?;
    }
    for row in &rows.quantities {
        let sys = tables.system(row.system.as_deref())?;
        tables.line(owner.res, quantity(owner.p(row.param), sys, row))?;
    }
    for row in &rows.canonical {
        let line = canonical(-owner.p(row.param), row.value.0, &row.unit);
        tables.line(owner.res, line)?;
    }
    for row in &rows.uris {
        let line = Line::Uri { p: owner.p(row.param), uri: &*row.uri, version: "" };
        tables.line(owner.res, line)?;
    }
    for row in &rows.composites {
        composite(tables, owner, row)?;
    }
    for param in &rows.valueless {
        tables.line(owner.res, Line::Present { p: owner.p(*param) })?;
    }
    for row in &rows.positions {
        let [x, y, z] = row.place.map(|coordinate| coordinate.0);
        tables.line(owner.res, Line::Position { p: owner.p(row.param), x, y, z })?;
    }
    Ok(())
}

/// The systems that [`lines`] will ask for.
pub(crate) fn systems(rows: &Rows) -> impl Iterator<Item = &str> {
    let tokens = rows.tokens.iter().chain(&rows.identifiers).chain(&rows.typed);
    let parts = rows.composites.iter().map(|row| match &row.part {
        Part::Token { system, .. } | Part::Quantity { system, .. } => system,
        Part::String { .. }
        | Part::Date(_)
        | Part::Number(_)
        | Part::Numbers(..)
        | Part::Canonical { .. }
        | Part::Reference(_) => &None,
    });
    tokens
        .map(|row| &row.system)
        .chain(rows.quantities.iter().map(|row| &row.system))
        .chain(rows.composites.iter().map(|row| &row.system))
        .chain(parts)
        .filter_map(Option::as_deref)
}

/// The resources whose numbers [`lines`] will ask for: local ones, and contained ones as `Patient/1#x`.
pub(crate) fn targets<'r>(
    root: &'r str,
    rows: &'r Rows,
) -> impl Iterator<Item = (ResourceType, Cow<'r, str>)> {
    let parts = rows.composites.iter().filter_map(|row| match &row.part {
        Part::Reference(target) => Some(target),
        Part::Token { .. }
        | Part::String { .. }
        | Part::Date(_)
        | Part::Number(_)
        | Part::Numbers(..)
        | Part::Quantity { .. }
        | Part::Canonical { .. } => None,
    });
    let targets = rows.references.iter().map(|row| &row.target).chain(parts);
    targets.filter_map(move |target| match target {
        Target::Local { ty, id } => Some((*ty, Cow::Borrowed(&**id))),
        Target::Contained { ty, id } => Some((*ty, contained_id(root, id).into())),
        Target::Url { .. } => None,
    })
}

/// The composite keys, as `p`, code and system, that [`lines`] will ask for; `above` is added to the parameters.
pub(crate) fn composite_keys(
    above: i32,
    rows: &Rows,
) -> impl Iterator<Item = (i32, &str, Option<&str>)> {
    rows.composites.iter().map(move |row| {
        (row.param.number().saturating_add(above), &*row.code, row.system.as_deref())
    })
}

impl Owner<'_> {
    fn p(self, param: ParamId) -> i32 {
        let above = if self.is_contained { CONTAINED } else { 0 };
        param.number().saturating_add(above)
    }
}

fn tokens<T: Tables>(tables: &mut T, owner: Owner<'_>, rows: &Rows) -> Result<(), T::Error> {
    let aside = rows.identifiers.iter().chain(&rows.typed).map(|row| (-owner.p(row.param), row));
    let tokens = rows.tokens.iter().map(|row| (owner.p(row.param), row));
    for (p, row) in tokens.chain(aside) {
        let TokenRow { code, system, first, .. } = row;
        let sys = tables.system(system.as_deref())?;
        let sys = if *first { sys } else { -sys };
        tables.line(owner.res, Line::Token { p, code, sys })?;
    }
    Ok(())
}

fn reference<T: Tables>(
    tables: &mut T,
    owner: Owner<'_>,
    row: &ReferenceRow,
) -> Result<(), T::Error> {
    refer(tables, owner, owner.p(row.param), &row.target)
}

fn refer<T: Tables>(
    tables: &mut T,
    owner: Owner<'_>,
    p: i32,
    target: &Target,
) -> Result<(), T::Error> {
    let line = match target {
        Target::Local { ty, id } => Line::Reference { p, target: tables.local(*ty, id)? },
        Target::Contained { ty, id } => {
            let id = contained_id(owner.root, id);
            // what points at nothing is found by nothing
            let Some(target) = tables.contained(*ty, &id)? else { return Ok(()) };
            Line::Reference { p, target }
        }
        Target::Url { url, version } => {
            Line::Uri { p, uri: &**url, version: version.as_deref().unwrap_or_default() }
        }
    };
    tables.line(owner.res, line)
}

/// The id in table `resource` of what is contained under `local` in `root`.
pub(crate) fn contained_id(root: &str, local: &str) -> String {
    format!("{root}#{local}")
}

fn composite<T: Tables>(
    tables: &mut T,
    owner: Owner<'_>,
    row: &CompositeRow,
) -> Result<(), T::Error> {
    let sys = tables.system(row.system.as_deref())?;
    let k = tables.composite_key(owner.p(row.param), &row.code, sys)?;
    let second;
    let line = match &row.part {
        Part::Token { code, system } => {
            Line::Token { p: k, code: &**code, sys: tables.system(system.as_deref())? }
        }
        Part::String { folded, exact } => string(k, folded, exact),
        Part::Date(span) => Line::Date { p: k, lo: span.lo, hi: span.hi },
        Part::Number(value) => Line::Number { p: k, value: value.0 },
        Part::Numbers(a, b) => {
            second = b.0.to_string();
            Line::Quantity { p: k, value: a.0, code: "", sys: 0, unit: &second }
        }
        Part::Quantity { value, system, code, unit } => Line::Quantity {
            p: k,
            value: value.0,
            code: code.as_deref().unwrap_or_default(),
            sys: tables.system(system.as_deref())?,
            unit: unit.as_deref().unwrap_or_default(),
        },
        Part::Canonical { value, unit } => canonical(-k, value.0, unit),
        Part::Reference(target) => return refer(tables, owner, k, target),
    };
    tables.line(owner.res, line)
}

fn string<'r>(p: i32, folded: &'r str, exact: &'r str) -> Line<&'r str> {
    Line::String { p, folded, exact: if exact == folded { "" } else { exact } }
}

fn quantity(p: i32, sys: i32, row: &QuantityRow) -> Line<&str> {
    Line::Quantity {
        p,
        value: row.value.0,
        code: row.code.as_deref().unwrap_or_default(),
        sys,
        unit: row.unit.as_deref().unwrap_or_default(),
    }
}

fn canonical(p: i32, value: f64, unit: &str) -> Line<&str> {
    Line::Quantity { p, value, code: unit, sys: 0, unit: "" }
}

#[cfg(test)]
mod tests;
