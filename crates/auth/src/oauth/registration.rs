//! A client that registers itself: <https://www.rfc-editor.org/rfc/rfc7591#section-2>.

use serde_json::Value;

use super::{
    Code, Refusal,
    client::{About, Method},
    discovery::GRANTS,
    scopes,
};
use crate::jose::JwkSet;

/// Addresses of each kind at most, and the bytes of one.
const URIS_MAX: usize = 20;
const URI_BYTES_MAX: usize = 2048;

/// Reads what a client says of itself and fills in what it left out.
///
/// # Errors
/// `invalid_client_metadata` or `invalid_redirect_uri`, with what is wrong.
pub fn read(metadata: &Value) -> Result<About, Refusal> {
    let mut metadata = metadata.clone();
    let members = metadata.as_object_mut().ok_or_else(|| wrong("The metadata is no object"))?;
    // RFC 7591's default, where nothing is said
    members.entry("token_endpoint_auth_method").or_insert("client_secret_basic".into());
    let about: About = serde_json::from_value(metadata)
        .map_err(|error| wrong(format!("The metadata cannot be read: {error}")))?;
    complete(about)
}

/// Checks what a client is to be and fills in what was left out.
///
/// # Errors
/// See [`read`].
pub fn complete(mut about: About) -> Result<About, Refusal> {
    let has_redirection = !about.redirect_uris.is_empty();
    if about.grant_types.is_empty() {
        if has_redirection {
            about.grant_types = vec!["authorization_code".to_owned(), "refresh_token".to_owned()];
        }
        let is_signing = about.token_endpoint_auth_method == Method::PrivateKeyJwt;
        if is_signing && (about.scope.contains("system/") || !has_redirection) {
            about.grant_types.push("client_credentials".to_owned());
        }
    }
    if has_redirection && about.response_types.is_empty() {
        about.response_types = vec!["code".to_owned()];
    }
    if about.scope.is_empty() && !about.grant_types.iter().all(|it| it == "client_credentials") {
        scopes::USUAL.clone_into(&mut about.scope);
    }
    check(&about)?;
    Ok(about)
}

fn check(about: &About) -> Result<(), Refusal> {
    let uses = |grant: &str| about.grant_types.iter().any(|known| known == grant);
    if let Some(unknown) = about.grant_types.iter().find(|it| !GRANTS.contains(&it.as_str())) {
        return Err(wrong(format!("grant_types: {unknown} is not one of {}", GRANTS.join(", "))));
    }
    if about.response_types.iter().any(|ty| ty != "code") {
        return Err(wrong("response_types: only code is answered"));
    }
    if uses("authorization_code") && about.redirect_uris.is_empty() {
        let why = "authorization_code needs redirect_uris";
        return Err(Refusal::new(Code::InvalidRedirectUri, why));
    }
    let is_signing = about.token_endpoint_auth_method == Method::PrivateKeyJwt;
    if uses("client_credentials") && !is_signing {
        return Err(wrong("client_credentials needs token_endpoint_auth_method private_key_jwt"));
    }
    match (&about.jwks, &about.jwks_uri) {
        (Some(_), Some(_)) => return Err(wrong("jwks and jwks_uri exclude each other")),
        (None, None) if is_signing => return Err(wrong("private_key_jwt needs jwks or jwks_uri")),
        (Some(keys), None) => {
            JwkSet::of(keys).map_err(|why| wrong(format!("jwks: {why}")))?;
        }
        (None, _) => {}
    }
    addresses(about)?;
    for word in about.scope.split_ascii_whitespace() {
        scopes::parse(word).map_err(|why| wrong(why.why))?;
    }
    let names = [about.client_name.as_str()];
    if names
        .iter()
        .chain(&about.contacts.iter().map(String::as_str).collect::<Vec<_>>())
        .any(|it| it.len() > 200)
    {
        return Err(wrong("client_name and contacts have at most 200 bytes"));
    }
    Ok(())
}

fn addresses(about: &About) -> Result<(), Refusal> {
    let redirect = |why: String| Refusal::new(Code::InvalidRedirectUri, why);
    for uri in &about.redirect_uris {
        if !is_redirection(uri) {
            return Err(redirect(format!(
                "redirect_uris: {uri} is neither https, nor loopback by number, nor an app's own scheme; or has a * or #"
            )));
        }
    }
    let web = about.launch_uris.iter().chain(&about.web_origins).chain(&about.logo_uri);
    for uri in web.chain(&about.jwks_uri) {
        if !is_web(uri) {
            return Err(wrong(format!("{uri} is neither https nor loopback")));
        }
    }
    let most = [&about.redirect_uris, &about.launch_uris, &about.web_origins, &about.contacts];
    if most.iter().any(|list| list.len() > URIS_MAX) {
        return Err(wrong(format!("A list has at most {URIS_MAX} entries")));
    }
    Ok(())
}

/// `https`, `http` to this machine, or a private scheme with a dot: <https://www.rfc-editor.org/rfc/rfc8252#section-7.1>.
fn is_redirection(uri: &str) -> bool {
    let own_scheme = uri.split_once(":/").is_some_and(|(scheme, _)| {
        scheme.contains('.')
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    (is_web(uri) || own_scheme && is_plain(uri)) && !uri.contains(['*', '#'])
}

fn is_web(uri: &str) -> bool {
    const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    let is_loopback = LOOPBACK.iter().any(|host| {
        uri.strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
    });
    let is_https = uri.strip_prefix("https://").is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.split('/').next().unwrap_or_default().contains('@')
    });
    (is_https || is_loopback) && is_plain(uri)
}

fn is_plain(uri: &str) -> bool {
    uri.len() <= URI_BYTES_MAX
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\".contains(&byte))
}

fn wrong(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Code::InvalidClientMetadata, why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_is_what_it_says_or_is_refused() {
        let public = json!({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none"});
        let about = read(&public).unwrap();
        assert_eq!(about.grant_types, ["authorization_code", "refresh_token"]);
        assert_eq!(about.response_types, ["code"]);
        let symmetric = read(&json!({"redirect_uris": ["com.example.app:/cb"]})).unwrap();
        assert_eq!(symmetric.token_endpoint_auth_method, Method::ClientSecretBasic);
        let cases = [
            json!({"redirect_uris": ["http://a.example/cb"]}),
            json!({"redirect_uris": ["https://*.example/cb"]}),
            json!({"redirect_uris": ["https://a.example/cb#x"]}),
            json!({"redirect_uris": ["javascript:alert(1)"]}),
            json!({"redirect_uris": ["data:text/html,x"]}),
            json!({"redirect_uris": ["https://a.example/\"><script>"]}),
            json!({"redirect_uris": ["http://127.0.0.1.evil.example/"]}),
            json!({"redirect_uris": ["https://a@b.example/"]}),
            json!({"grant_types": ["authorization_code"]}),
            json!({"grant_types": ["password"], "redirect_uris": ["https://a.example/cb"]}),
            json!({"grant_types": ["client_credentials"]}),
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
            json!({"token_endpoint_auth_method": "client_secret_jwt"}),
            json!({"response_types": ["token"], "redirect_uris": ["https://a.example/cb"]}),
            json!({"redirect_uris": "https://a.example/cb"}),
            json!({"redirect_uris": ["https://a.example/cb"], "scope": "patient/Nonsense.rs"}),
            json!({"redirect_uris": ["https://a.example/cb"], "logo_uri": "http://a.example/l"}),
            json!({"jwks": {"keys": []}, "redirect_uris": ["https://a.example/cb"]}),
            json!([]),
        ];
        for metadata in cases {
            assert!(read(&metadata).is_err(), "{metadata}");
        }
    }
}
