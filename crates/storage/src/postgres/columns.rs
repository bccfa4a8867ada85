//! Index rows turned by ninety degrees: an array a column, as `unnest` takes them.

use std::collections::BTreeMap;

use fhir_model::{Outcome, ResourceType};
use search::{Rows, Target};

use super::systems::Systems;

/// Resources by key.
pub(super) type Known = BTreeMap<(ResourceType, String), i64>;

/// All index rows of a transaction.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) token: (Vec<i32>, Vec<String>, Vec<i32>, Vec<i64>),
    pub(super) reference: (Vec<i32>, Vec<i64>, Vec<i64>),
    pub(super) date: (Vec<i32>, Vec<i64>, Vec<i64>, Vec<i64>),
    pub(super) string: (Vec<i32>, Vec<String>, Vec<String>, Vec<i64>),
    pub(super) number: (Vec<i32>, Vec<f64>, Vec<i64>),
    pub(super) quantity: Quantities,
    pub(super) uri: (Vec<i32>, Vec<String>, Vec<String>, Vec<i64>),
    pub(super) present: (Vec<i32>, Vec<i64>),
}

/// The systems of these rows that have no number here yet.
pub(super) fn unknown_systems(systems: &Systems, rows: &Rows) -> Vec<String> {
    let tokens = rows.tokens.iter().chain(&rows.identifiers).map(|row| &row.system);
    let quantities = rows.quantities.iter().map(|row| &row.system);
    tokens
        .chain(quantities)
        .filter_map(Option::as_deref)
        .filter(|uri| systems.get(Some(uri)).is_none())
        .map(str::to_owned)
        .collect()
}

/// The resources that these rows refer to.
pub(super) fn targets(rows: &Rows) -> impl Iterator<Item = (ResourceType, &str)> {
    rows.references.iter().filter_map(|row| match &row.target {
        Target::Local { ty, id } => Some((*ty, &**id)),
        Target::Contained { .. } | Target::Url { .. } => None,
    })
}

/// Columns `p`, `value`, `code`, `sys`, `unit`, `res`.
type Quantities = (Vec<i32>, Vec<f64>, Vec<String>, Vec<i32>, Vec<String>, Vec<i64>);

impl Columns {
    /// Appends the rows of one resource. Everything they name must be known.
    ///
    /// # Errors
    /// `exception` when something is not: a fault of ours.
    pub(super) fn push(
        &mut self,
        res: i64,
        rows: &Rows,
        known: &Known,
        systems: &Systems,
    ) -> Result<(), Outcome> {
        let fault = || Outcome::new(fhir_model::IssueType::Exception, "An index row has no number");
        let sys = |uri: &Option<Box<str>>| systems.get(uri.as_deref()).ok_or_else(fault);
        let tokens = rows.tokens.iter().map(|row| (row.param.number(), row));
        let identifiers = rows.identifiers.iter().map(|row| (-row.param.number(), row));
        for (p, row) in tokens.chain(identifiers) {
            self.token.0.push(p);
            self.token.1.push(row.code.to_string());
            self.token.2.push(sys(&row.system)?);
            self.token.3.push(res);
        }
        for row in &rows.references {
            match &row.target {
                Target::Local { ty, id } => {
                    self.reference.0.push(row.param.number());
                    self.reference.1.push(*known.get(&(*ty, id.to_string())).ok_or_else(fault)?);
                    self.reference.2.push(res);
                }
                Target::Contained { .. } => {}
                Target::Url { url, version } => {
                    self.push_uri(
                        row.param.number(),
                        url,
                        version.as_deref().unwrap_or_default(),
                        res,
                    );
                }
            }
        }
        for row in &rows.quantities {
            self.quantity.0.push(row.param.number());
            self.quantity.1.push(row.value.0);
            self.quantity.2.push(row.code.as_deref().unwrap_or_default().to_owned());
            self.quantity.3.push(sys(&row.system)?);
            self.quantity.4.push(row.unit.as_deref().unwrap_or_default().to_owned());
            self.quantity.5.push(res);
        }
        self.push_plain(res, rows);
        Ok(())
    }

    /// Rows that name nothing.
    fn push_plain(&mut self, res: i64, rows: &Rows) {
        for row in &rows.strings {
            let exact = if row.exact == row.folded { "" } else { &*row.exact };
            self.string.0.push(row.param.number());
            self.string.1.push(row.folded.to_string());
            self.string.2.push(exact.to_owned());
            self.string.3.push(res);
        }
        for row in &rows.dates {
            self.date.0.push(row.param.number());
            self.date.1.push(row.span.lo);
            self.date.2.push(row.span.hi);
            self.date.3.push(res);
        }
        for row in &rows.numbers {
            self.number.0.push(row.param.number());
            self.number.1.push(row.value.0);
            self.number.2.push(res);
        }
        for row in &rows.uris {
            self.push_uri(row.param.number(), &row.uri, "", res);
        }
        for param in &rows.valueless {
            self.present.0.push(param.number());
            self.present.1.push(res);
        }
    }

    fn push_uri(&mut self, p: i32, uri: &str, version: &str, res: i64) {
        self.uri.0.push(p);
        self.uri.1.push(uri.to_owned());
        self.uri.2.push(version.to_owned());
        self.uri.3.push(res);
    }
}
