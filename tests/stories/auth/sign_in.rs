//! People log in at a provider of identities, and are here who they are tied to.
//! <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>

use std::{collections::BTreeMap, sync::atomic::Ordering};

use serde_json::{Value, json};

use super::{
    a_patient,
    app::{App, Kind, came_back},
    backend::now,
    browser::{Browser, Form, parameters},
    get_with,
    issuer::{CODE, Issuer},
    store,
};
use crate::house::{House, Reply, fresh_database};

const NAME: &str = "name = 'the national id'\n";
const SCOPES: &str = "openid fhirUser launch/patient patient/*.rs";

fn vault(issuer: &Issuer, more: &str) -> House {
    issuer.house("login", &format!("{NAME}{more}"))
}

/// A browser that an app sent here, on its way to the provider with these parameters.
fn sent_away<'h>(house: &'h House, app: &App<'h>) -> (Browser<'h>, BTreeMap<String, String>) {
    let mut browser = Browser::new(house);
    let page = browser.get(&app.request(SCOPES, &[])).expect(200);
    assert!(page.text.contains("Sign in with the national id"), "{}", page.text);
    let policy = page.header("Content-Security-Policy");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:"), "{policy}");
    let away = browser.submit(&Form::of(&page, "/auth/sign-in"));
    assert_eq!(away.status, 303, "{}", away.text);
    let sent = parameters(away.header("Location"));
    assert_eq!((sent["response_type"].as_str(), sent["client_id"].as_str()), ("code", "vault"));
    assert_eq!(sent["code_challenge_method"], "S256");
    assert!(sent["scope"].contains("openid") && sent["nonce"].len() >= 32);
    (browser, sent)
}

/// The provider's `id_token` for whom the browser brought, with some claims changed.
fn say(issuer: &Issuer, sent: &BTreeMap<String, String>, header: Value, changes: &Value) {
    let mut claims = json!({"iss": issuer.url, "aud": "vault", "sub": "subject-7",
        "nonce": sent["nonce"], "iat": now(), "exp": now() + 300});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    *issuer.login.lock().unwrap() = Some((sent["code_challenge"].clone(), header, claims));
}

fn back(browser: &mut Browser<'_>, sent: &BTreeMap<String, String>, code: &str) -> Reply {
    let state =
        percent_encoding::utf8_percent_encode(&sent["state"], percent_encoding::NON_ALPHANUMERIC);
    browser.get(&format!("{}?code={code}&state={state}", sent["redirect_uri"]))
}

fn good() -> Value {
    json!({"alg": "RS384", "kid": "r"})
}

#[test]
fn somebody_with_an_account_logs_in_elsewhere() {
    let issuer = Issuer::start();
    let url = fresh_database("sign_in");
    let on_postgres = ["--database-url", &url];
    logs_in_elsewhere(&issuer, &vault(&issuer, ""));
    logs_in_elsewhere(&issuer, &issuer.house_with("login", NAME, &on_postgres));
}

fn logs_in_elsewhere(issuer: &Issuer, house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);

    // whom nobody tied to an account is sent away
    let (mut browser, sent) = sent_away(house, &app);
    say(issuer, &sent, good(), &json!({}));
    back(&mut browser, &sent, CODE).expect(403);

    let link = ["user", "link", &login, "--issuer", &issuer.url, "--subject", "subject-7"];
    house.medvault(&link);
    let (mut browser, sent) = sent_away(house, &app);
    say(issuer, &sent, good(), &json!({}));
    let on = back(&mut browser, &sent, CODE);
    assert_eq!(on.status, 303, "{}", on.text);
    let page = browser.get(on.header("Location")).expect(200);
    let agreed = browser.submit(&Form::of(&page, "/auth/decide").with("answer", "allow"));
    let answer = app.exchange(&came_back(&agreed)["code"]).expect(200).json();
    assert_eq!(answer["patient"], id);
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{id}")).expect(200);

    // an account that has ended is shut here, too
    house.medvault(&["user", "expire", &login]);
    let (mut browser, sent) = sent_away(house, &app);
    say(issuer, &sent, good(), &json!({}));
    back(&mut browser, &sent, CODE).expect(403);
}

#[test]
fn what_a_provider_says_has_to_hold() {
    let issuer = Issuer::start();
    let house = vault(&issuer, "");
    let (login, _) = a_patient(&house);
    house.medvault(&["user", "link", &login, "--issuer", &issuer.url, "--subject", "subject-7"]);
    let app = App::new(&house, Kind::Public);
    for (header, changes) in [
        (good(), json!({"nonce": "another"})),
        (good(), json!({ "nonce": null })),
        (good(), json!({"iss": "https://evil.example"})),
        (good(), json!({"aud": "somebody"})),
        (good(), json!({"aud": ["vault", "somebody"]})),
        (good(), json!({"exp": now() - 120})),
        (good(), json!({"iat": now() - 3600})),
        (good(), json!({ "sub": null })),
        (json!({"alg": "none", "kid": "r"}), json!({})),
        (json!({"alg": "HS256", "kid": "r"}), json!({})),
        (json!({"alg": "RS384", "kid": "unknown"}), json!({})),
        (json!({"alg": "RS384"}), json!({})),
        // the key is for RS384
        (json!({"alg": "RS256", "kid": "r"}), json!({})),
        (json!({"alg": "ES384", "kid": "r"}), json!({})),
    ] {
        let (mut browser, sent) = sent_away(&house, &app);
        say(&issuer, &sent, header.clone(), &changes);
        let refused = back(&mut browser, &sent, CODE);
        assert_eq!(refused.status, 401, "{header} {changes}: {}", refused.text);
    }
    // another code, another provider's answer, no code at all
    let (mut browser, sent) = sent_away(&house, &app);
    say(&issuer, &sent, good(), &json!({}));
    back(&mut browser, &sent, "another-code").expect(401);
    back(&mut browser, &sent, &format!("{CODE}&iss=https%3A%2F%2Fevil.example")).expect(401);
    back(&mut browser, &sent, "").expect(401);
    // what another browser began
    back(&mut Browser::new(&house), &sent, CODE).expect(400);
    let mut altered = sent.clone();
    altered.insert("state".to_owned(), format!("{}x", sent["state"]));
    back(&mut browser, &altered, CODE).expect(400);
    // and still the one that it began
    let on = back(&mut browser, &sent, CODE);
    assert_eq!(on.status, 303, "{}", on.text);
}

#[test]
fn a_provider_that_is_down_lets_nobody_in() {
    let issuer = Issuer::start();
    let house = vault(&issuer, "");
    issuer.is_down.store(true, Ordering::SeqCst);
    let app = App::new(&house, Kind::Public);
    let mut browser = Browser::new(&house);
    let page = browser.get(&app.request(SCOPES, &[])).expect(200);
    browser.submit(&Form::of(&page, "/auth/sign-in")).expect(503);
    // with a password it goes on
    let (login, _) = a_patient(&house);
    browser.log_in(&page, &login, super::PASSWORD).expect(200);
}

#[test]
fn newcomers_get_what_the_rule_says() {
    let issuer = Issuer::start();
    let house = vault(&issuer, "newcomers = 'patients'\n");
    let id = store(&house, &json!({"resourceType": "Patient"}));
    let app = App::new(&house, Kind::Public);
    let arrive = |who: &str, subject: &str| {
        let (mut browser, sent) = sent_away(&house, &app);
        let claims = json!({"fhirUser": format!("{}/{who}", house.base()), "sub": subject});
        say(&issuer, &sent, good(), &claims);
        back(&mut browser, &sent, CODE).status
    };
    assert_eq!(arrive(&format!("Patient/{id}"), "a"), 303);
    assert_eq!(arrive("Practitioner/d", "b"), 403);
    assert_eq!(arrive("Patient/a/b", "c"), 403);
    // the same one again has the account of the first time, whatever is said now
    assert_eq!(arrive("Practitioner/d", "a"), 303);
    let patients = house.medvault(&["user", "list"]);
    assert_eq!(patients.lines().filter(|line| line.contains(&id)).count(), 1, "{patients}");
}
