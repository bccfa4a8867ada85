//! A query string: <https://url.spec.whatwg.org/#application/x-www-form-urlencoded>.

use fhir_model::{IssueType, Outcome};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Decoded names and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// What stays as it is in a value: everything that needs no encoding, and what makes searches readable.
const KEEP: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b',')
    .remove(b'*')
    .remove(b'$')
    .remove(b'|');

impl Query {
    /// Reads a query string or a form.
    ///
    /// # Errors
    /// `invalid` when it does not decode to UTF-8.
    pub fn parse(text: &str) -> Result<Self, Outcome> {
        let pieces = text.split('&').filter(|piece| !piece.is_empty());
        let pair = |piece: &str| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            Ok((decode(name)?, decode(value)?))
        };
        Ok(Self { pairs: pieces.map(pair).collect::<Result<_, Outcome>>()? })
    }

    /// The pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The last value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Takes all values of a name out; the last of them.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let mut taken = None;
        self.pairs.retain_mut(|(key, value)| {
            let found = key == name;
            if found {
                taken = Some(std::mem::take(value));
            }
            !found
        });
        taken
    }

    /// Appends what another query says.
    pub fn extend(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
    }

    /// Appends a pair.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.pairs.push((name.to_owned(), value.into()));
    }
}

impl FromIterator<(String, String)> for Query {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self { pairs: pairs.into_iter().collect() }
    }
}

/// Encoded again, without a `?`.
impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, (name, value)) in self.pairs.iter().enumerate() {
            let and = if n == 0 { "" } else { "&" };
            let (name, value) = (utf8_percent_encode(name, KEEP), utf8_percent_encode(value, KEEP));
            write!(f, "{and}{name}={value}")?;
        }
        Ok(())
    }
}

fn decode(text: &str) -> Result<String, Outcome> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded
        .map_err(|_| Outcome::new(IssueType::Invalid, "The query does not decode to UTF-8 text"))?;
    if decoded.contains('\0') {
        return Err(Outcome::new(IssueType::Invalid, "The query contains a NUL character"));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_survive_the_round_trip() {
        let cases = [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            ("name=van+der%20Berg", "name=van%20der%20Berg"),
            ("identifier=http%3A%2F%2Fx%7C1", "identifier=http://x|1"),
            ("a&&b=%26", "a=&b=%26"),
        ];
        for (text, printed) in cases {
            let query = Query::parse(text).unwrap();
            assert_eq!(query.to_string(), printed);
            assert_eq!(Query::parse(printed).unwrap(), query);
        }
        assert!(Query::parse("a=%ff").is_err());
        assert!(Query::parse("a=%00").is_err());
    }
}
