//! Where a page ends, so that the next one goes on from there.

/// Where a page ends: by what it is sorted, which resources are too new to be shown, and how they are found.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The last commit that the first page can have seen.
    pub(crate) commit: Commit,
    /// How the first page was found; the others are found alike, so that their order is the same.
    pub(crate) route: Route,
    /// The sort values of the resource at the edge.
    pub(crate) values: Vec<SortValue>,
    /// Its number inside the vault.
    pub(crate) res: i64,
}

/// A commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Commit {
    pub(crate) number: i64,
    /// No later commit has a `meta.lastUpdated` before this, in milliseconds.
    pub(crate) time: i64,
}

/// What a resource is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortValue {
    Missing,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// How pages are found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Route {
    pub(crate) mode: Mode,
    /// Which filter leads, for each [`super::part::Part`].
    pub(crate) leaders: Vec<Option<u8>>,
}

/// In which order index rows are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// In the order of resources.
    #[default]
    ByResource,
    /// In the order of the values that lead.
    ByValue,
    /// In the order that was asked for, along the index of the first sort key.
    AlongSort,
    /// All are collected, then sorted as asked.
    Collected,
    /// In the order of values inside a chain or `_has`; after the leader stand those inside.
    Through,
}

/// The layout of [`Position::to_bytes`].
const LAYOUT: u8 = 1;
const NONE: u8 = u8::MAX;

impl Position {
    /// The position as bytes that only [`Self::from_bytes`] understands.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        bytes.extend(self.commit.number.to_be_bytes());
        bytes.extend(self.commit.time.to_be_bytes());
        bytes.extend(self.res.to_be_bytes());
        bytes.push(self.route.mode.number());
        bytes.push(u8::try_from(self.route.leaders.len()).unwrap_or(NONE));
        bytes.extend(self.route.leaders.iter().map(|leader| leader.unwrap_or(NONE)));
        for value in &self.values {
            match value {
                SortValue::Missing => bytes.push(b'-'),
                SortValue::Integer(value) => {
                    bytes.push(b'i');
                    bytes.extend(value.to_be_bytes());
                }
                SortValue::Real(value) => {
                    bytes.push(b'r');
                    bytes.extend(value.to_be_bytes());
                }
                SortValue::Text(text) => {
                    bytes.push(b't');
                    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                    bytes.extend(length.to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }
        bytes
    }

    /// Reads a position back; `None` when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.byte()? != LAYOUT {
            return None;
        }
        let number = i64::from_be_bytes(reader.array()?);
        let commit = Commit { number, time: i64::from_be_bytes(reader.array()?) };
        let res = i64::from_be_bytes(reader.array()?);
        let mode = Mode::from_number(reader.byte()?)?;
        let leaders = (0..reader.byte()?)
            .map(|_| reader.byte().map(|leader| (leader != NONE).then_some(leader)))
            .collect::<Option<_>>()?;
        let mut values = Vec::new();
        while let Some(tag) = reader.byte() {
            values.push(match tag {
                b'-' => SortValue::Missing,
                b'i' => SortValue::Integer(i64::from_be_bytes(reader.array()?)),
                b'r' => SortValue::Real(f64::from_be_bytes(reader.array()?)),
                b't' => {
                    let length = u32::from_be_bytes(reader.array()?);
                    let text = reader.take(usize::try_from(length).ok()?)?;
                    SortValue::Text(String::from_utf8(text.to_vec()).ok()?)
                }
                _ => return None,
            });
        }
        Some(Self { commit, route: Route { mode, leaders }, values, res })
    }
}

impl Mode {
    fn number(self) -> u8 {
        match self {
            Self::ByResource => 0,
            Self::ByValue => 1,
            Self::AlongSort => 2,
            Self::Collected => 3,
            Self::Through => 4,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::ByResource, Self::ByValue, Self::AlongSort, Self::Collected, Self::Through]
            .get(usize::from(number))
            .copied()
    }
}

/// What is left to read.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_bytes_and_nothing_else_does() {
        let position = Position {
            commit: Commit { number: 7, time: 8 },
            route: Route { mode: Mode::AlongSort, leaders: vec![None, Some(3)] },
            values: vec![
                SortValue::Missing,
                SortValue::Integer(-5),
                SortValue::Real(1.5),
                SortValue::Text("é".to_owned()),
            ],
            res: i64::MAX,
        };
        let bytes = position.to_bytes();
        assert_eq!(Position::from_bytes(&bytes), Some(position));
        for length in [0, 1, 5, 17, 25, 27, bytes.len() - 1] {
            assert_eq!(Position::from_bytes(&bytes[..length]), None, "{length}");
        }
        assert_eq!(Position::from_bytes(&[2, 0, 0]), None);
        assert_eq!(Position::from_bytes(&[&bytes[..], b"?"].concat()), None);
    }
}
