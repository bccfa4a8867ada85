//! An app registers itself: <https://www.rfc-editor.org/rfc/rfc7591>, <https://www.rfc-editor.org/rfc/rfc7592>.

use serde_json::{Value, json};

use super::{app::REDIRECT, backend::KEYS, browser::Browser, encoded, expect_error, post_form};
use crate::house::{House, Reply};

smart_stories!(
    an_app_registers_and_waits,
    a_registration_is_read_changed_and_ended,
    keys_are_changed_by_their_owner_only,
    what_is_wrong_is_refused
);

fn register(house: &House, token: Option<&str>, metadata: &Value) -> Reply {
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    let mut headers = vec![("Content-Type", "application/json")];
    if token.is_some() {
        headers.push(("Authorization", &bearer));
    }
    let url = format!("{}/auth/register", house.issuer());
    house.send("POST", &url, &headers, &metadata.to_string())
}

fn public() -> Value {
    json!({"client_name": "An app", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"})
}

fn an_app_registers_and_waits(house: &House) {
    let pending = register(house, None, &public()).expect(201).json();
    assert_eq!(pending["status"], "pending");
    let ask = |client: &Value| {
        let query = encoded(&[
            ("response_type", "code"),
            ("client_id", client["client_id"].as_str().unwrap()),
            ("redirect_uri", REDIRECT),
            ("scope", "launch/patient patient/*.rs"),
            ("state", "s"),
            ("aud", house.base()),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]);
        Browser::new(house).get(&format!("/auth/authorize?{query}"))
    };
    ask(&pending).expect(400);
    house.medvault(&["client", "approve", pending["client_id"].as_str().unwrap()]);
    ask(&pending).expect(200);
    let operator = house.medvault(&["token", "--scope", "__register"]);
    let active = register(house, Some(&operator), &public()).expect(201).json();
    assert_eq!(active["status"], "active");
    ask(&active).expect(200);
    let symmetric = json!({"redirect_uris": [REDIRECT]});
    let symmetric = register(house, Some(&operator), &symmetric).expect(201);
    assert!(symmetric.header("Cache-Control").contains("no-store"));
    assert!(symmetric.json()["client_secret"].as_str().unwrap().len() > 40);
    assert_eq!(symmetric.json()["token_endpoint_auth_method"], "client_secret_basic");
}

fn a_registration_is_read_changed_and_ended(house: &House) {
    let operator = house.medvault(&["token", "--scope", "__register"]);
    let made = register(house, Some(&operator), &public()).expect(201).json();
    let url = made["registration_client_uri"].as_str().unwrap();
    let bearer = format!("Bearer {}", made["registration_access_token"].as_str().unwrap());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let read = house.send("GET", url, &headers, "").expect(200).json();
    assert_eq!(read["client_name"], "An app");
    assert!(read.get("registration_access_token").is_none());
    let mut changed = public();
    changed["client_id"] = made["client_id"].clone();
    changed["client_name"] = json!("Another name");
    changed["scope"] = json!("patient/*.rs system/*.cruds");
    let answer = house.send("PUT", url, &headers, &changed.to_string()).expect(200).json();
    assert_eq!(
        (&answer["client_name"], &answer["scope"]),
        (&json!("Another name"), &json!("patient/*.rs"))
    );
    let wrong = [("Authorization", "Bearer vrg_x"), ("Content-Type", "application/json")];
    for (method, body) in
        [("GET", String::new()), ("PUT", changed.to_string()), ("DELETE", String::new())]
    {
        expect_error(house.send(method, url, &wrong, &body), 401, "invalid_token");
    }
    house.send("DELETE", url, &headers, "").expect(204);
    house.send("GET", url, &headers, "").expect(401);
    let fields = [("token", "x"), ("client_id", made["client_id"].as_str().unwrap())];
    expect_error(post_form(house, "/auth/revoke", &[], &fields), 401, "invalid_client");
}

fn keys_are_changed_by_their_owner_only(house: &House) {
    let operator = house.medvault(&["token", "--scope", "__register"]);
    let system = |keys: Value| {
        json!({"token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"], "scope": "system/Patient.rs", "jwks": keys})
    };
    let own = KEYS.jwks();
    let made = register(house, Some(&operator), &system(own.clone())).expect(201).json();
    let other = register(house, Some(&operator), &system(own.clone())).expect(201).json();
    let url = made["registration_client_uri"].as_str().unwrap();
    let change = |by: &Value, keys: Value| {
        let bearer = format!("Bearer {}", by["registration_access_token"].as_str().unwrap());
        let mut changed = system(keys);
        changed["client_id"] = made["client_id"].clone();
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        house.send("PUT", url, &headers, &changed.to_string())
    };
    let mut fewer = own.clone();
    fewer["keys"].as_array_mut().unwrap().pop();
    expect_error(change(&other, fewer.clone()), 401, "invalid_token");
    // what is no set of public keys replaces nothing
    let mut private = own.clone();
    private["keys"][0]["d"] = json!("AQAB");
    let secret = json!({"keys": [{"kty": "oct", "kid": "r", "k": "AQAB"}]});
    for keys in [private, secret, json!({"keys": []}), json!("keys")] {
        expect_error(change(&made, keys), 400, "invalid_client_metadata");
    }
    let bearer = format!("Bearer {}", made["registration_access_token"].as_str().unwrap());
    let read = || house.send("GET", url, &[("Authorization", &bearer)], "").expect(200).json();
    assert_eq!(read()["jwks"], own);
    assert_eq!(change(&made, fewer.clone()).expect(200).json()["jwks"], fewer);
    assert_eq!(read()["jwks"], fewer);
}

fn what_is_wrong_is_refused(house: &House) {
    for (metadata, error) in [
        (json!({"redirect_uris": ["http://app.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://*.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": [REDIRECT], "grant_types": ["password"]}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": [REDIRECT], "scope": "patient/Nonsense.rs"}),
            "invalid_client_metadata",
        ),
        (json!({"grant_types": ["client_credentials"]}), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
    ] {
        expect_error(register(house, None, &metadata), 400, error);
    }
    let url = format!("{}/auth/register", house.issuer());
    let json = [("Content-Type", "application/json")];
    expect_error(house.send("POST", &url, &json, "{"), 400, "invalid_request");
    expect_error(house.send("POST", &url, &json, &"x".repeat(70_000)), 400, "invalid_request");
    expect_error(register(house, Some("vat_nonsense"), &public()), 401, "invalid_token");
}
