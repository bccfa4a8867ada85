//! `CapabilityStatement.rest.security`: SMART on FHIR, with the addresses where clients of its first version look for
//! them. <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html>

use fhir_model::json;

/// Names of the deprecated extension, and paths beside the FHIR base.
const ADDRESSES: &[(&str, &str)] = &[
    ("authorize", "/auth/authorize"),
    ("token", "/auth/token"),
    ("register", "/auth/register"),
    ("manage", "/auth/manage"),
    ("introspect", "/auth/introspect"),
    ("revoke", "/auth/revoke"),
];

/// Writes it, for a server at that base.
pub(super) fn write(out: &mut Vec<u8>, base: &str) {
    let issuer = base.strip_suffix("/fhir").unwrap_or(base);
    out.extend_from_slice(
        br#"{"extension":[{"url":"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris","extension":["#,
    );
    for (n, (name, path)) in ADDRESSES.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!(r#"{{"url":"{name}","valueUri":"#).as_bytes());
        json::write_string(out, &format!("{issuer}{path}"));
        out.push(b'}');
    }
    out.extend_from_slice(
        br#"]}],"cors":true,"service":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/restful-security-service","code":"SMART-on-FHIR"}],"text":"OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"}],"description":"An app with patient/ scopes sees the record of one Patient; records that Patient.link names are not followed."}"#,
    );
}
