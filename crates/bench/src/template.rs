//! Request bodies with slots: `{{name}}` is cut once, before the clock; filling is a copy of bytes.

use bytes::Bytes;

/// A body cut at its slots.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    parts: Vec<Part>,
    /// Length of the fixed text.
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Slot(String),
}

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((slot, behind)) = after.split_once("}}") else { break };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Slot(slot.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        let text_bytes = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Slot(_) => 0,
        };
        let bytes = parts.iter().map(text_bytes).sum();
        Self { parts, bytes }
    }

    /// A slot without a value stays empty.
    pub(crate) fn fill(&self, values: &[(&str, &str)]) -> Bytes {
        let mut out = Vec::new();
        self.fill_into(&mut out, values);
        Bytes::from(out)
    }

    /// Appends the filled body, for Bundles of many entries.
    pub(crate) fn fill_into(&self, out: &mut Vec<u8>, values: &[(&str, &str)]) {
        const BYTES_PER_SLOT: usize = 48;
        out.reserve(self.bytes + self.parts.len() * BYTES_PER_SLOT);
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Slot(slot) => {
                    let value = values.iter().find(|(name, _)| name == slot);
                    out.extend_from_slice(value.map_or("", |(_, value)| value).as_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_wherever_they_stand() {
        let template = Template::new(r#"{"id":"{{id}}","n":{{n}},"again":"{{id}}"}"#);
        let filled = template.fill(&[("id", "p1"), ("n", "7")]);
        assert_eq!(&filled[..], br#"{"id":"p1","n":7,"again":"p1"}"#);
        assert_eq!(&Template::new("{{id").fill(&[])[..], b"{{id");
    }
}
