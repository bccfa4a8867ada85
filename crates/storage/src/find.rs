//! What a query gives back, and how its pages hang together.

pub(crate) mod ask;
mod bound;
mod changed;
mod check;
mod count;
pub(crate) mod effort;
pub(crate) mod explain;
mod guess;
mod include;
pub(crate) mod inquiry;
mod joint;
mod leader;
pub(crate) mod left;
mod names;
mod order;
mod page;
mod part;
pub(crate) mod position;
mod probe;
mod range;
mod route;
mod sample;
pub(crate) mod sight;
mod sort;
pub(crate) mod statement;
mod through;
mod value;
mod walk;
pub(crate) mod ways;

use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, ResourceType};

use crate::{Method, body, facts::Facts};
pub use effort::Effort;
pub use explain::Explanation;
pub use position::Position;
use position::{Commit, Route, SortValue};

/// A version of a resource, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(crate) res: i64,
    /// `Patient`, `Observation`, ...
    pub resource_type: ResourceType,
    /// The logical id.
    pub id: String,
    /// The number of the version.
    pub version: u64,
    /// When it was written.
    pub updated: Instant,
    /// How it came to be.
    pub method: Method,
    /// The JSON; `None` for a deletion.
    pub body: Option<Bytes>,
    /// What was found is the resource with this id inside this one.
    pub contained: Option<String>,
    pub(crate) facts: Facts,
}

/// Which page of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Turn {
    /// From the start.
    #[default]
    First,
    /// What follows this position.
    After(Position),
    /// What comes before this position.
    Before(Position),
}

/// A page of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// In the order that was asked for.
    pub versions: Vec<Version>,
    /// What `_include` and `_revinclude` ask for besides, as the matches were when they were read.
    pub included: Vec<Version>,
    /// Whether more than is included was asked for.
    pub is_cut: bool,
    /// From where the next page goes on; `None` on the last.
    pub next: Option<Position>,
    /// From where the previous page goes back; `None` on the first.
    pub previous: Option<Position>,
}

impl Version {
    /// Where it stands in a history.
    pub(crate) fn position(&self) -> Position {
        let version = i64::try_from(self.version).unwrap_or(i64::MAX);
        let values = [self.updated.millis(), version].map(SortValue::Integer);
        Position {
            commit: Commit::default(),
            route: Route::default(),
            values: values.into(),
            res: self.res,
        }
    }
}

impl Page {
    /// Cuts what was fetched of a history, one row more than the page holds, to a page.
    pub(crate) fn cut(mut fetched: Vec<Version>, turn: &Turn, count: u32) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let more = fetched.len() > count;
        fetched.truncate(count);
        let backwards = matches!(turn, Turn::Before(_));
        if backwards {
            fetched.reverse();
        }
        let is_first = matches!(turn, Turn::First);
        let next = if backwards { true } else { more };
        let previous = if backwards { more } else { !is_first };
        let edge = |version: Option<&Version>| version.map(Version::position);
        Self {
            next: if next { edge(fetched.last()) } else { None },
            previous: if previous { edge(fetched.first()) } else { None },
            versions: fetched,
            ..Self::default()
        }
    }
}

/// The columns of [`Version`], as both databases give them.
#[derive(Debug)]
pub(crate) struct Columns<'r> {
    pub(crate) res: i64,
    pub(crate) resource_type: i64,
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) updated: i64,
    pub(crate) method: i64,
    pub(crate) body: Option<&'r [u8]>,
}

impl Columns<'_> {
    /// # Errors
    /// `exception` when the row is none that this version of the vault can have written.
    pub(crate) fn version(self) -> Result<Version, Outcome> {
        let strange = || Outcome::new(IssueType::Exception, "A stored row is damaged");
        let number = u8::try_from(self.resource_type).map_err(|_| strange())?;
        Ok(Version {
            res: self.res,
            resource_type: ResourceType::from_number(number).ok_or_else(strange)?,
            id: self.id,
            version: u64::try_from(self.version).map_err(|_| strange())?,
            updated: Instant::from_millis(self.updated),
            method: Method::from_number(self.method),
            body: self.body.map(body::unpack).transpose()?,
            contained: None,
            facts: Facts::default(),
        })
    }
}

#[cfg(test)]
mod guess_tests;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod tests;
