//! A shape's text, cut at its slots once; filling gives a path relative to the base, percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::values::{SLOTS, Sampler, Slot};
use crate::fault::Fault;

/// What stays as it is in a template: the syntax of a query and the values that it spells out.
const OF_A_TEMPLATE: &AsciiSet = &OF_A_VALUE.remove(b'?').remove(b'&').remove(b'=');
/// What stays as it is in a value.
const OF_A_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b',')
    .remove(b'$');

#[derive(Debug)]
pub(crate) struct Query {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Slot(&'static Slot),
    /// One time in ten it is a value that nothing matches.
    Maybe(&'static Slot),
}

impl Query {
    pub(crate) fn parse(template: &str) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| Fault::Usage(format!("{template}: a brace is not closed")))?;
            let maybe = name.strip_suffix('?');
            let slot = SLOTS.iter().find(|slot| slot.name == maybe.unwrap_or(name));
            let slot = slot.ok_or_else(|| {
                Fault::Usage(format!("{template}: there are no values of {name}"))
            })?;
            parts.push(text(before));
            parts.push(if maybe.is_some() { Part::Maybe(slot) } else { Part::Slot(slot) });
            rest = behind;
        }
        parts.push(text(rest));
        Ok(Self { parts })
    }

    pub(crate) fn fill(&self, sampler: &mut Sampler) -> String {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Slot(slot) => path.extend(encoded(&sampler.value(slot))),
                Part::Maybe(slot) => path.extend(encoded(&sampler.value_or_nothing(slot))),
            }
        }
        path
    }
}

fn text(template: &str) -> Part {
    Part::Text(utf8_percent_encode(template, OF_A_TEMPLATE).to_string())
}

fn encoded(value: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(value, OF_A_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_and_values_encoded() {
        let mut sampler = Sampler::new(1, 10, 1);
        let query = Query::parse("Patient?identifier={identifier}&_count=5").unwrap();
        let path = query.fill(&mut sampler);
        let start = "Patient?identifier=http://bench.example.org/nation/patient%7CN000000";
        assert!(path.starts_with(start) && path.ends_with("&_count=5"), "{path}");
        assert!(Query::parse("Patient?name={nosuch}").is_err());
        assert!(Query::parse("Patient?name={name").is_err());
    }

    #[test]
    fn one_in_ten_asks_for_nothing() {
        let mut sampler = Sampler::new(1, 10, 1);
        let query = Query::parse("Observation?code={loinc?}").unwrap();
        let nothing =
            (0..2_000).filter(|_| query.fill(&mut sampler) == "Observation?code=0-0").count();
        assert!((130..270).contains(&nothing), "{nothing}");
    }
}
