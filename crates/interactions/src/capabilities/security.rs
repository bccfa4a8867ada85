//! `CapabilityStatement.rest.security`: SMART on FHIR, with the addresses where clients of its first version look for
//! them. <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html>

use fhir_model::json;

/// Who makes the access tokens that a server takes, and where they are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TokenIssuer {
    /// The server itself.
    #[default]
    Itself,
    /// Somebody else, at these addresses, by the names of RFC 8414; none while they are not known.
    Other(Vec<(String, String)>),
}

/// Names of the deprecated extension, of the same endpoint's metadata, and paths beside our own FHIR base.
const ADDRESSES: &[(&str, &str, &str)] = &[
    ("authorize", "authorization_endpoint", "/auth/authorize"),
    ("token", "token_endpoint", "/auth/token"),
    ("register", "registration_endpoint", "/auth/register"),
    ("manage", "management_endpoint", "/auth/manage"),
    ("introspect", "introspection_endpoint", "/auth/introspect"),
    ("revoke", "revocation_endpoint", "/auth/revoke"),
];

/// Writes it, for a server at that base.
pub(super) fn write(out: &mut Vec<u8>, (base, issuer): (&str, &TokenIssuer)) {
    let own = base.strip_suffix("/fhir").unwrap_or(base);
    let address = |metadata: &str, path: &str| match issuer {
        TokenIssuer::Itself => Some(format!("{own}{path}")),
        TokenIssuer::Other(known) => {
            known.iter().find(|(name, _)| name == metadata).map(|(_, address)| address.clone())
        }
    };
    let addresses = ADDRESSES.iter();
    let addresses = addresses.filter_map(|(name, of, path)| Some((name, address(of, path)?)));
    out.push(b'{');
    for (n, (name, address)) in addresses.clone().enumerate() {
        out.extend_from_slice(if n > 0 { b"," } else { OAUTH_URIS });
        out.extend_from_slice(format!(r#"{{"url":"{name}","valueUri":"#).as_bytes());
        json::write_string(out, &address);
        out.push(b'}');
    }
    if addresses.count() > 0 {
        out.extend_from_slice(b"]}],");
    }
    out.extend_from_slice(
        br#""cors":true,"service":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/restful-security-service","code":"SMART-on-FHIR"}],"text":"OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"}],"description":"An app with patient/ scopes sees the record of one Patient; records that Patient.link names are not followed."}"#,
    );
}

const OAUTH_URIS: &[u8] = br#""extension":[{"url":"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris","extension":["#;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(issuer: &TokenIssuer) -> serde_json::Value {
        let mut out = Vec::new();
        write(&mut out, ("https://v.example/fhir", issuer));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn addresses_are_those_of_who_makes_the_tokens() {
        let token = "/extension/0/extension/1/valueUri";
        let own = written(&TokenIssuer::Itself);
        assert_eq!(own.pointer(token).unwrap(), "https://v.example/auth/token");
        let theirs = |known: &[(&str, &str)]| {
            let known = known.iter().map(|(name, at)| ((*name).to_owned(), (*at).to_owned()));
            written(&TokenIssuer::Other(known.collect()))
        };
        let known = [("token_endpoint", "https://i.example/t"), ("issuer", "https://i.example")];
        let other = theirs(&known);
        assert_eq!(other.pointer("/extension/0/extension/0/url").unwrap(), "token");
        assert_eq!(other.pointer("/extension/0/extension/0/valueUri").unwrap(), known[0].1);
        assert!(!other.to_string().contains("v.example"));
        let unknown = theirs(&[]);
        assert!(unknown.get("extension").is_none() && unknown["cors"] == true);
    }
}
