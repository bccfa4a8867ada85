//! `Prefer`: <https://hl7.org/fhir/R4/http.html#ops>, <https://www.rfc-editor.org/rfc/rfc7240>.

use search::Handling;

/// What the client would like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefer {
    /// What comes back after a write; `None`: the server's choice.
    pub answer: Option<Return>,
    /// What becomes of search parameters that are not known.
    pub handling: Handling,
}

/// `return=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// Headers only.
    Minimal,
    /// The resource.
    Representation,
    /// An account of what was done.
    OperationOutcome,
}

impl Default for Prefer {
    fn default() -> Self {
        Self { answer: None, handling: Handling::Strict }
    }
}

impl Prefer {
    /// Reads the header. Preferences that are not known are no reason to refuse.
    pub fn parse(header: Option<&str>) -> Self {
        let mut prefer = Self::default();
        for token in header.unwrap_or_default().split([',', ';']) {
            match token.trim().to_ascii_lowercase().as_str() {
                "return=minimal" => prefer.answer = Some(Return::Minimal),
                "return=representation" => prefer.answer = Some(Return::Representation),
                "return=operationoutcome" => prefer.answer = Some(Return::OperationOutcome),
                "handling=lenient" => prefer.handling = Handling::Lenient,
                "handling=strict" => prefer.handling = Handling::Strict,
                _ => {}
            }
        }
        prefer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_one_by_one() {
        let cases = [
            (None, None, Handling::Strict),
            (Some("return=minimal"), Some(Return::Minimal), Handling::Strict),
            (
                Some("return=OperationOutcome, handling=lenient"),
                Some(Return::OperationOutcome),
                Handling::Lenient,
            ),
            (Some("respond-async; handling=strict"), None, Handling::Strict),
        ];
        for (header, answer, handling) in cases {
            assert_eq!(Prefer::parse(header), Prefer { answer, handling }, "{header:?}");
        }
    }
}
