//! The vault as a resource server: another issuer logs people in and makes the tokens.
//! <https://www.rfc-editor.org/rfc/rfc9068>, <https://www.rfc-editor.org/rfc/rfc7662>

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::{
    backend::{KEYS, now},
    get_with,
    issuer::{Issuer, OPAQUE},
    store,
};
use crate::house::House;

/// A vault that takes this issuer's tokens.
fn vault(issuer: &Issuer) -> House {
    issuer.house("auth", "")
}

fn claims(issuer: &Issuer, house: &House, changes: &Value) -> Value {
    let mut claims = json!({"iss": issuer.url, "aud": house.base(), "exp": now() + 60, "sub": "s",
        "client_id": "app", "scope": "patient/*.rs"});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

#[test]
fn tokens_of_another_issuer_open_what_they_say() {
    let issuer = Issuer::start();
    let house = vault(&issuer);
    let id = store(&house, &json!({"resourceType": "Patient"}));
    let other = store(&house, &json!({"resourceType": "Patient"}));
    let (own, foreign) = (format!("/Patient/{id}"), format!("/Patient/{other}"));
    let header = json!({"alg": "RS384", "kid": "r"});
    let with = |changes: Value| KEYS.sign(&header, &claims(&issuer, &house, &changes));
    let see = |token: &str, path: &str| get_with(&house, token, path).status;

    let good = with(json!({ "patient": id }));
    assert_eq!((see(&good, &own), see(&good, &foreign)), (200, 404));
    let itself = json!({"scope": "user/*.rs", "fhirUser": format!("{}{own}", house.base())});
    assert_eq!(see(&with(itself), &own), 200);
    // what names nobody is not everybody
    for nobody in [json!({}), json!({"scope": "user/*.rs"}), json!({"patient": ""})] {
        assert_eq!(see(&with(nobody.clone()), &own), 401, "{nobody}");
    }
    for wrong in [
        json!({"patient": id, "iss": "https://other.example"}),
        json!({"patient": id, "aud": "https://other.example/fhir"}),
        json!({"patient": id, "exp": now() - 1}),
        json!({"patient": id, "nbf": now() + 600}),
    ] {
        assert_eq!(see(&with(wrong.clone()), &own), 401, "{wrong}");
    }
    let claimed = claims(&issuer, &house, &json!({ "patient": id }));
    for header in [
        json!({"alg": "none", "kid": "r"}),
        json!({"alg": "HS256", "kid": "r"}),
        json!({"alg": "RS384", "kid": "unknown"}),
        json!({"alg": "RS384"}),
    ] {
        assert_eq!(see(&KEYS.sign(&header, &claimed), &own), 401, "{header}");
    }
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(see(&format!("{signed}.AAAA"), &own), 401);

    // discovery leads to the issuer, and nobody logs in here
    let smart = house.get("/.well-known/smart-configuration").expect(200).json();
    assert_eq!(smart["token_endpoint"], format!("{}/token", issuer.url));
    let metadata = house.get("/metadata").expect(200).json();
    let security = metadata["rest"][0]["security"].to_string();
    assert!(security.contains(&format!("{}/token", issuer.url)), "{security}");
    assert!(!security.contains(house.issuer()), "{security}");
    for path in ["/auth/login", "/auth/authorize", "/auth/token", "/auth/jwks.json"] {
        house.get(&format!("{}{path}", house.issuer())).expect(404);
    }
}

#[test]
fn opaque_tokens_are_asked_about_each_time() {
    let issuer = Issuer::start();
    let house = vault(&issuer);
    let id = store(&house, &json!({"resourceType": "Patient"}));
    let path = format!("/Patient/{id}");
    get_with(&house, OPAQUE, &path).expect(401);
    let said = claims(&issuer, &house, &json!({"active": true, "patient": id}));
    issuer.opaque.set(said).unwrap();
    get_with(&house, OPAQUE, &path).expect(200);
    get_with(&house, "opaque-and-unknown", &path).expect(401);
    issuer.is_down.store(true, Ordering::SeqCst);
    let refused = get_with(&house, OPAQUE, &path).expect(503);
    assert!(!refused.header("Retry-After").is_empty());
}

#[test]
fn an_issuer_that_is_down_lets_nobody_in() {
    let issuer = Issuer::start();
    let house = vault(&issuer);
    let id = store(&house, &json!({"resourceType": "Patient"}));
    issuer.is_down.store(true, Ordering::SeqCst);
    let claimed = claims(&issuer, &house, &json!({ "patient": id }));
    let token = KEYS.sign(&json!({"alg": "ES384", "kid": "e"}), &claimed);
    get_with(&house, &token, &format!("/Patient/{id}")).expect(503);
    let metadata = house.get("/metadata").expect(200).json();
    let security = metadata["rest"][0]["security"].to_string();
    assert!(!security.contains("/auth/"), "{security}");
    issuer.is_down.store(false, Ordering::SeqCst);
    get_with(&house, &token, &format!("/Patient/{id}")).expect(200);
}
