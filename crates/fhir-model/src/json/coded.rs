//! Codes against the value sets that R4 binds as required:
//! <https://hl7.org/fhir/R4/terminologies.html#required>.

use crate::{IssueType, TypeId, definitions::CodeList};

use super::{lexer::Stop, parser::Parser};

impl<const CHECKED: bool> Parser<'_, CHECKED> {
    /// A `code` (or `string`, `uri`).
    #[inline]
    pub(super) fn check_code(
        &mut self,
        index: u32,
        code: &str,
        codes: &'static CodeList,
    ) -> Result<(), Stop> {
        if codes.contains(code) { Ok(()) } else { self.wrong_code(index, codes) }
    }

    /// A `Coding`, or a `CodeableConcept` with at least one good coding.
    pub(super) fn check_concept(
        &mut self,
        index: u32,
        codes: &'static CodeList,
    ) -> Result<(), Stop> {
        let ty = self.nodes.get(index as usize).map(|node| node.ty);
        let fits = match ty {
            Some(TypeId::CODING) => self.is_good_coding(index, codes),
            Some(TypeId::CODEABLE_CONCEPT) => self
                .children(index)
                .filter(|child| {
                    self.nodes.get(*child as usize).is_some_and(|node| node.ty == TypeId::CODING)
                })
                .any(|coding| self.is_good_coding(coding, codes)),
            _ => true,
        };
        if fits { Ok(()) } else { self.wrong_code(index, codes) }
    }

    fn is_good_coding(&self, index: u32, codes: &'static CodeList) -> bool {
        let text = |name| self.child(index, name).and_then(|child| self.text_of(child));
        match (text("system"), text("code")) {
            (Some(system), Some(code)) => codes.contains_coding(&system, &code),
            _ => false,
        }
    }

    #[cold]
    fn wrong_code(&mut self, index: u32, codes: &'static CodeList) -> Result<(), Stop> {
        const SHOWN: usize = 12;
        let text = if codes.codes.len() <= SHOWN {
            let all: Vec<&str> = codes.codes.iter().map(|(_, code)| *code).collect();
            format!("The code must be one of {} (required value set {})", all.join(", "), codes.url)
        } else {
            format!("The code must be in the required value set {}", codes.url)
        };
        self.fault(IssueType::CodeInvalid, index, text)
    }
}
