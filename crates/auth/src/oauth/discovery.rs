//! What apps read first: <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html>,
//! <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>.

use serde_json::{Map, Value, json};

/// What is done here, by the names of
/// <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capability-sets>.
pub const CAPABILITIES: &[&str] = &[
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "smart-app-state",
];

/// Grants of the token endpoint.
pub const GRANTS: &[&str] = &[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
];

const SCOPES: &[&str] = &[
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "online_access",
    "patient/*.cruds",
    "patient/*.rs",
    "user/*.cruds",
    "user/*.rs",
    "system/*.cruds",
    "system/*.rs",
];

const METHODS: &[&str] = &["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/// Those of clients that keep a secret.
const CONFIDENTIAL: &[&str] = &["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// Algorithms of clients' assertions.
const ALGORITHMS: &[&str] = &["RS384", "ES384", "RS256", "ES256", "EdDSA"];

/// Endpoints by the name of their member and their path under the issuer.
const ENDPOINTS: &[(&str, &str)] = &[
    ("authorization_endpoint", "/auth/authorize"),
    ("token_endpoint", "/auth/token"),
    ("introspection_endpoint", "/auth/introspect"),
    ("revocation_endpoint", "/auth/revoke"),
    ("registration_endpoint", "/auth/register"),
    ("management_endpoint", "/auth/manage"),
    ("userinfo_endpoint", "/auth/userinfo"),
    ("device_authorization_endpoint", "/auth/device_authorization"),
    ("jwks_uri", "/auth/jwks.json"),
];

/// `.well-known/smart-configuration`
pub fn smart(issuer: &str) -> Value {
    let mut document = shared(issuer);
    document.insert("capabilities".to_owned(), json!(CAPABILITIES));
    document.insert("user_access_brand_bundle".to_owned(), json!(format!("{issuer}/brands")));
    let identifier = json!({ "system": BRAND_SYSTEM, "value": brand(issuer) });
    document.insert("user_access_brand_identifier".to_owned(), identifier);
    Value::Object(document)
}

/// `.well-known/smart-configuration` of a vault that takes the tokens of another issuer: what that issuer says of
/// itself, and of what SMART asks for only what the vault does with its tokens.
pub fn elsewhere(theirs: &Map<String, Value>, issuer: &str) -> Value {
    let Value::Object(ours) = smart(issuer) else { return Value::Null };
    let about_us = ["user_access_brand_bundle", "user_access_brand_identifier"];
    let mut document: Map<String, Value> = theirs.clone();
    let of_ours =
        about_us.iter().filter_map(|name| Some(((*name).to_owned(), ours.get(*name)?.clone())));
    document.extend(of_ours);
    let is_ours = |name: &str| name.starts_with("permission-") || name == "smart-app-state";
    let permissions: Vec<&&str> = CAPABILITIES.iter().filter(|name| is_ours(name)).collect();
    document.entry("capabilities").or_insert_with(|| json!(permissions));
    Value::Object(document)
}

/// The system of identifiers of brands, which are addresses.
pub const BRAND_SYSTEM: &str = "urn:ietf:rfc:3986";

/// What identifies the primary brand of a vault: its address without `www.`.
/// <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html#consistent-identifiers-for-organizations>
pub fn brand(issuer: &str) -> String {
    issuer.replacen("://www.", "://", 1)
}

/// `.well-known/openid-configuration`
pub fn openid(issuer: &str) -> Value {
    let mut document = shared(issuer);
    document.insert("subject_types_supported".to_owned(), json!(["public"]));
    document.insert("id_token_signing_alg_values_supported".to_owned(), json!(["RS256"]));
    document.insert(
        "claims_supported".to_owned(),
        json!(["iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "at_hash", "fhirUser"]),
    );
    Value::Object(document)
}

fn shared(issuer: &str) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("issuer".to_owned(), json!(issuer));
    for (name, path) in ENDPOINTS {
        document.insert((*name).to_owned(), json!(format!("{issuer}{path}")));
    }
    for (name, values) in [
        ("grant_types_supported", GRANTS),
        ("response_types_supported", &["code"]),
        ("code_challenge_methods_supported", &["S256"]),
        ("scopes_supported", SCOPES),
        ("token_endpoint_auth_methods_supported", METHODS),
        ("token_endpoint_auth_signing_alg_values_supported", ALGORITHMS),
        ("introspection_endpoint_auth_methods_supported", CONFIDENTIAL),
        ("revocation_endpoint_auth_methods_supported", METHODS),
    ] {
        document.insert(name.to_owned(), json!(values));
    }
    document.insert("authorization_response_iss_parameter_supported".to_owned(), json!(true));
    document.insert("request_parameter_supported".to_owned(), json!(false));
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    #[test]
    fn what_is_listed_is_there() {
        let document = smart("https://v.example");
        assert_eq!(document["token_endpoint"], "https://v.example/auth/token");
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert!(ALGORITHMS.iter().all(|name| Algorithm::named(name).is_some()));
        assert!(CAPABILITIES.len() > 10 && openid("https://v.example")["issuer"].is_string());
    }
}
