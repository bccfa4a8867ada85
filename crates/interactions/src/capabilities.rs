//! What this server can do: <https://hl7.org/fhir/R4/capabilitystatement.html>.

use bytes::Bytes;

use crate::Fhir;

/// The statement.
pub(crate) fn statement(fhir: &Fhir) -> Bytes {
    let _base = fhir.base();
    Bytes::from_static(b"{}")
}
