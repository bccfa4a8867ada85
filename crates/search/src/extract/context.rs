//! What a Binary stands under: `Binary.securityContext` names the resource whose protection is that of the content.
//! <https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext>

use fhir_model::NodeRef;

use super::reference;
use crate::{
    registry::ParamId,
    rows::{ReferenceRow, Rows, Target, TokenRow},
};

/// The parameter of these rows: references, and codes with the number of the type that is referred to. It has no name:
/// nobody asks for it but the gate.
pub const SECURITY_CONTEXT: ParamId = ParamId(900_001);

/// Adds the rows of a Binary; of other resources none.
pub(super) fn add(rows: &mut Rows, root: NodeRef<'_>, base: &str) {
    if root.ty().as_resource().is_none_or(|ty| ty.name() != "Binary") {
        return;
    }
    let named = root.child("securityContext").and_then(|context| context.child_text("reference"));
    let target = named.and_then(|text| reference::target(&text, base));
    let Some(target @ Target::Local { ty, .. }) = target else { return };
    let (param, code) = (SECURITY_CONTEXT, ty.number().to_string().into());
    rows.references.push(ReferenceRow { param, target });
    rows.references.sort();
    rows.tokens.push(TokenRow { param, code, system: None, first: true });
    rows.tokens.sort();
}

#[cfg(test)]
mod tests {
    use fhir_model::json;

    use crate::{Registry, extract};

    #[test]
    fn a_binary_is_found_by_what_protects_it() {
        let rows = |context: &str| {
            let text = format!(
                r#"{{"resourceType":"Binary","contentType":"text/plain","securityContext":{{{context}}}}}"#
            );
            let tree = json::parse_trusted(text.into_bytes().into());
            let rows = extract(Registry::r4(), &tree, "http://v.example/fhir");
            (rows.references.len(), rows.tokens.len())
        };
        assert_eq!(rows(r#""reference":"Patient/1""#), (1, 1));
        assert_eq!(rows(r#""reference":"http://v.example/fhir/Patient/1/_history/2""#), (1, 1));
        for nothing in [
            r##""reference":"#x""##,
            r#""reference":"http://e.example/Patient/1""#,
            r#""display":"x""#,
        ] {
            assert_eq!(rows(nothing), (0, 0), "{nothing}");
        }
    }
}
