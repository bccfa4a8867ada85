//! Media types: <https://www.rfc-editor.org/rfc/rfc9110#name-media-type>,
//! <https://hl7.org/fhir/R4/http.html#mime-type>.

/// A media type or range with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaType<'a> {
    /// `application/fhir+json`, as it was written.
    pub(crate) essence: &'a str,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        Self { essence: essence.trim(), parameters }
    }

    pub(crate) fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// The value of a parameter, without quotes.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut parameters = self.parameters.split(';').filter_map(|one| one.split_once('='));
        let (_, value) = parameters.find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"'))
    }

    /// Whether it speaks of the release that is spoken here, or of none:
    /// <https://hl7.org/fhir/R4/http.html#version-parameter>.
    pub(crate) fn is_r4(&self) -> bool {
        self.parameter("fhirVersion").is_none_or(|version| matches!(version, "4.0" | "4.0.1"))
    }

    /// The weight in `Accept`, in thousandths.
    pub(crate) fn weight(&self) -> u16 {
        weight(self.parameter("q"))
    }
}

/// `q=0.8` in thousandths; 1 when it is not there or not a weight.
pub(crate) fn weight(q: Option<&str>) -> u16 {
    let parsed = q.and_then(|q| q.parse::<f32>().ok()).filter(|q| (0.0..=1.0).contains(q));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
    parsed.map_or(1000, |q| (q * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_written() {
        let media = MediaType::parse("Application/FHIR+JSON ; Charset=\"utf-8\";fhirVersion=4.0");
        assert!(media.is("application/fhir+json"));
        assert_eq!(media.parameter("charset"), Some("utf-8"));
        assert!(media.is_r4());
        assert!(!MediaType::parse("application/fhir+json;fhirVersion=3.0").is_r4());
        for (text, weight) in
            [("a/b;q=0.5", 500), ("a/b", 1000), ("a/b;q=x", 1000), ("a/b; q=0", 0)]
        {
            assert_eq!(MediaType::parse(text).weight(), weight, "{text}");
        }
    }
}
