//! Search parameters that `SearchParameter` resources define, as far as a request meets them:
//! <https://hl7.org/fhir/R4/searchparameter.html>.

use fhir_model::{IssueType, Outcome};
use search::{Parameter, Registry};

use crate::{Fhir, reindex};

/// Parameters whose values are names of parameters.
const NAMING: &[&str] = &["_sort", "_include", "_revinclude", "_filter"];

/// The refusal of a query that asks for a parameter for which not everything is indexed yet; `None` when it does
/// not. To leave it out, as what is unknown may be, would find too much; to look would find too little.
pub(crate) fn being_indexed(
    fhir: &Fhir,
    registry: &Registry,
    pairs: &[(String, String)],
) -> Option<Outcome> {
    let parameter = registry.building().iter().find(|one| is_named(one, pairs))?;
    let how_far = fhir
        .vault
        .indexed_so_far(parameter.id)
        .map(|(done, total)| format!(": {}", reindex::progress(done, total)))
        .unwrap_or_default();
    let text = format!(
        "The search parameter '{}' of {} is being indexed and cannot be asked for yet{how_far}. GET {}/$reindex-status \
         tells how far it is",
        parameter.code,
        parameter.ty,
        fhir.base()
    );
    Some(Outcome::new(IssueType::NotSupported, text))
}

fn is_named(parameter: &Parameter, pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, value)| {
        let (base, _) = name.split_once(':').unwrap_or((name, ""));
        has_word(name, &parameter.code)
            || NAMING.contains(&base) && has_word(value, &parameter.code)
    })
}

/// Whether a code stands there as a whole: `subject:Patient.code`, `-code,date`.
fn has_word(text: &str, code: &str) -> bool {
    text.split([':', '.', ',', ' ', '[', '(', ')'])
        .any(|word| word == code || word.strip_prefix('-').is_some_and(|word| word == code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_seen_wherever_a_query_names_it() {
        for (text, expected) in [
            ("shoe-size", true),
            ("shoe-size:missing", true),
            ("subject:Patient.shoe-size", true),
            ("_has:Observation:patient:shoe-size", true),
            ("-shoe-size,_id", true),
            ("shoe", false),
            ("shoe-sizes", false),
        ] {
            assert_eq!(has_word(text, "shoe-size"), expected, "{text}");
        }
    }
}
