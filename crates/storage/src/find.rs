//! What a query gives back, and how its pages hang together.

pub(crate) mod condition;
pub(crate) mod statement;

use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, ResourceType};

use crate::{Method, body};

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
    /// What was found is the resource of this local id that this one contains.
    pub contained: Option<String>,
}

/// Where a page ends: the last version on it, by everything it may be sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// `meta.lastUpdated` in milliseconds.
    pub updated: i64,
    /// The row's number inside the vault.
    pub res: i64,
    /// The number of the version.
    pub version: i64,
    /// The logical id.
    pub id: String,
}

/// Which page of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In the order that was asked for.
    pub versions: Vec<Version>,
    /// What belongs to them: `_include` and `_revinclude`.
    pub included: Vec<Version>,
    /// Whether there is more to include than a page holds.
    pub is_cut: bool,
    /// From where the next page goes on; `None` on the last.
    pub next: Option<Position>,
    /// From where the previous page goes back; `None` on the first.
    pub previous: Option<Position>,
}

impl Position {
    /// For a cursor.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [self.updated, self.res, self.version] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(self.id.as_bytes());
        bytes
    }

    /// Reads a cursor back; `None` when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut numbers, mut rest) = ([0; 3], bytes);
        for number in &mut numbers {
            let (bytes, after) = rest.split_first_chunk::<8>()?;
            *number = i64::from_be_bytes(*bytes);
            rest = after;
        }
        let [updated, res, version] = numbers;
        Some(Self { updated, res, version, id: String::from_utf8(rest.to_vec()).ok()? })
    }
}

impl Version {
    pub(crate) fn position(&self) -> Position {
        Position {
            updated: self.updated.millis(),
            res: self.res,
            version: i64::try_from(self.version).unwrap_or(i64::MAX),
            id: self.id.clone(),
        }
    }
}

impl Page {
    /// Cuts what was fetched, one row more than the page holds, to a page.
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
        })
    }
}
