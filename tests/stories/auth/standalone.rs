//! A person opens an app: standalone launch, from the login to a refreshed token.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-standalone-launch>

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

use super::{
    PASSWORD, a_patient,
    app::{App, Kind, ORIGIN, REDIRECT, VERIFIER, came_back},
    backend::now,
    browser::{Browser, Form},
    expect_error, get_with, post_form, store,
};
use crate::house::{House, Reply};

smart_stories!(
    a_patient_opens_an_app,
    every_kind_of_app_gets_in,
    an_id_token_says_who_it_is,
    wrong_requests_never_give_a_code,
    a_code_is_good_once,
    pkce_is_not_negotiable,
    a_refresh_token_turns_over,
    less_can_be_granted_than_was_asked,
    a_doctor_chooses_a_patient_and_a_visit,
    scopes_of_the_first_version_come_back_as_such,
    access_is_taken_back_at_once,
    online_access_ends_with_the_login,
    a_form_of_somebody_else_is_refused,
    the_same_with_post,
);

const ALL: &str = "launch/patient openid fhirUser offline_access patient/*.rs";

fn a_patient_opens_an_app(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let page = browser.get(&app.request(ALL, &[])).expect(200);
    assert!(page.text.contains("<label") && page.text.contains("lang=\"en\""));
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    for words in ["everything in the record", "while you are away", &app.id, &login] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    let back = browser.submit(&Form::of(&page, "/auth/decide").with("answer", "allow"));
    let code = came_back(&back)["code"].clone();
    assert_eq!(came_back(&back)["iss"], house.issuer());

    let reply = app.exchange(&code).expect(200);
    assert!(reply.header("Cache-Control").contains("no-store"));
    assert_eq!(reply.header("Pragma"), "no-cache");
    assert_eq!(reply.header("Access-Control-Allow-Origin"), ORIGIN);
    let answer = reply.json();
    for name in ["access_token", "token_type", "scope", "refresh_token", "id_token"] {
        assert!(answer[name].is_string(), "{name}: {answer}");
    }
    assert!(
        answer["expires_in"].as_i64().unwrap() > 800
            && answer["expires_in"].as_i64().unwrap() <= 3600
    );
    assert!(answer["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
    assert_eq!(words(&answer["scope"]), words(&json!(ALL)));
    assert_eq!(answer["patient"], id);
    assert_eq!(answer["need_patient_banner"], true);
    house.get(answer["smart_style_url"].as_str().unwrap()).expect(200).json();

    let token = answer["access_token"].as_str().unwrap();
    pages_of_the_app_may_read(house, token, &id);
    everybody_says_the_same(house, &app, &answer);
}

/// The answers to a page of the app's own origin, and of no other.
fn pages_of_the_app_may_read(house: &House, token: &str, id: &str) {
    let path = format!("/Patient/{id}");
    get_with(house, token, &path).expect(200);
    house.get(&path).expect(401);
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Origin", ORIGIN)];
    let read = house.send("GET", &path, &headers, "").expect(200);
    assert_eq!(read.header("Access-Control-Allow-Origin"), ORIGIN);
    let evil = [headers[0], ("Origin", "https://evil.example")];
    assert_eq!(house.send("GET", &path, &evil, "").header("Access-Control-Allow-Origin"), "");
    let asked = [("Origin", ORIGIN), ("Access-Control-Request-Method", "GET")];
    let preflight = house.send("OPTIONS", &path, &asked, "").expect(204);
    assert_eq!(preflight.header("Access-Control-Allow-Origin"), ORIGIN);
    assert!(preflight.header("Access-Control-Allow-Headers").contains("Authorization"));
}

/// Introspection, the `id_token` and userinfo.
fn everybody_says_the_same(house: &House, app: &App<'_>, answer: &Value) {
    let token = answer["access_token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let look = post_form(house, "/auth/introspect", &headers, &[("token", token)]).expect(200);
    let look = look.json();
    assert_eq!(look["active"], true);
    assert_eq!((&look["patient"], &look["client_id"]), (&answer["patient"], &json!(app.id)));
    assert_eq!(words(&look["scope"]), words(&answer["scope"]));
    let claims = claims(answer);
    assert_eq!((&look["iss"], &look["sub"]), (&claims["iss"], &claims["sub"]));
    assert_eq!(look["fhirUser"], claims["fhirUser"]);
    let info = house.send("GET", &format!("{}/auth/userinfo", house.issuer()), &headers, "");
    assert_eq!(info.expect(200).json()["sub"], claims["sub"]);
}

fn words(scope: &Value) -> Vec<String> {
    let mut words: Vec<String> = scope.as_str().unwrap().split(' ').map(str::to_owned).collect();
    words.sort();
    words
}

fn claims(answer: &Value) -> Value {
    let token = answer["id_token"].as_str().unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

fn every_kind_of_app_gets_in(house: &House) {
    let (login, id) = a_patient(house);
    for kind in [Kind::Public, Kind::Symmetric, Kind::Asymmetric] {
        let app = App::new(house, kind);
        let answer = app.tokens(&login, ALL);
        assert_eq!(answer["patient"], id);
        assert!(answer["id_token"].is_string());
        let again = app.refresh(answer["refresh_token"].as_str().unwrap(), "").expect(200).json();
        let token = again["access_token"].as_str().unwrap();
        get_with(house, token, &format!("/Patient/{id}")).expect(200);
        expect_error(app.refresh("vrt_unknown", ""), 400, "invalid_grant");
        expect_error(app.exchange("BAD_CODE"), 400, "invalid_grant");
    }
    let unknown = [
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("client_id", "nobody"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    expect_error(post_form(house, "/auth/token", &[], &unknown), 401, "invalid_client");
    // a confidential client without its secret
    let app = App::new(house, Kind::Symmetric);
    let bare = [unknown[0], unknown[1], ("client_id", &app.id), unknown[3], unknown[4]];
    expect_error(post_form(house, "/auth/token", &[], &bare), 401, "invalid_client");
}

fn an_id_token_says_who_it_is(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let answer = app.tokens(&login, ALL);
    let token = answer["id_token"].as_str().unwrap();
    let mut parts = token.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap());
    let header: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let signature = parts.nth(1).unwrap();
    assert_eq!(header["alg"], "RS256");
    let claims = claims(&answer);
    let issuer = claims["iss"].as_str().unwrap();
    let openid =
        house.get(&format!("{issuer}/.well-known/openid-configuration")).expect(200).json();
    assert_eq!(openid["issuer"], issuer);
    let keys = house.get(openid["jwks_uri"].as_str().unwrap()).expect(200).json();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let public = RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") };
    let (signed, _) = token.rsplit_once('.').unwrap();
    public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).unwrap();
    assert_eq!(claims["aud"], app.id);
    assert_eq!(claims["nonce"], "n-0");
    assert!(
        claims["exp"].as_u64().unwrap() > now() && claims["iat"].as_u64().unwrap() <= now() + 1
    );
    assert!((1..256).contains(&claims["sub"].as_str().unwrap().len()));
    let who = claims["fhirUser"].as_str().unwrap();
    assert_eq!(who, format!("{}/Patient/{id}", house.base()));
    let read = get_with(house, answer["access_token"].as_str().unwrap(), who).expect(200);
    assert_eq!(read.json()["resourceType"], "Patient");
    // the same person, another app, the same subject
    let other = App::new(house, Kind::Public).tokens(&login, "openid launch/patient patient/*.rs");
    assert_eq!(self::claims(&other)["sub"], claims["sub"]);
    assert!(self::claims(&other).get("fhirUser").is_none());
}

fn wrong_requests_never_give_a_code(house: &House) {
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    for change in [
        ("client_id", "nobody"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "https://app.example/after-auth/"),
        ("redirect_uri", ""),
    ] {
        let page = browser.get(&app.request(ALL, &[change])).expect(400);
        assert_eq!(page.header("Location"), "", "{change:?}");
        assert!(page.header("Content-Type").starts_with("text/html"));
    }
    for (change, error) in [
        (("aud", "https://evil.example/fhir"), "invalid_request"),
        (("aud", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("scope", "patient/Nonsense.rs"), "invalid_scope"),
        (("scope", "system/*.rs"), "invalid_scope"),
        (("scope", "patient/Observation.rs?code:in=http://x"), "invalid_scope"),
        (("launch", "unknown"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        let reply = browser.get(&app.request(ALL, &[change]));
        let back = came_back(&reply);
        assert_eq!(back["error"], error, "{change:?}");
        assert!(!back.contains_key("code"));
    }
    let without_state = browser.get(&app.request(ALL, &[("state", "")])).expect(303);
    assert!(without_state.header("Location").contains("error=invalid"));
    let twice = format!("{}&state=again", app.request(ALL, &[]));
    browser.get(&twice).expect(400);
}

fn a_code_is_good_once(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let code = app.code(&mut browser, &login, ALL);
    let stranger = App::new(house, Kind::Public);
    expect_error(stranger.exchange(&code), 400, "invalid_grant");
    let answer = app.exchange(&code).expect(200).json();
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{id}")).expect(200);
    expect_error(app.exchange(&code), 400, "invalid_grant");
    // whoever used it twice, nobody keeps what came of it
    get_with(house, token, &format!("/Patient/{id}")).expect(401);
    expect_error(app.refresh(answer["refresh_token"].as_str().unwrap(), ""), 400, "invalid_grant");
    // of several at once, one at most
    browser.clear();
    let code = app.code(&mut browser, &login, ALL);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6).map(|_| scope.spawn(|| app.exchange(&code).status)).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().filter(|status| **status == 200).count() <= 1, "{statuses:?}");
}

fn pkce_is_not_negotiable(house: &House) {
    let (login, _) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let code = app.code(&mut Browser::new(house), &login, ALL);
    let challenge = BASE64_URL_SAFE_NO_PAD
        .encode(ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes()));
    for (verifier, error) in [
        ("", "invalid_request"),
        ("wrong-verifier-0123456789-abcdefghijklmnopqrstuvwxyz", "invalid_grant"),
        (challenge.as_str(), "invalid_grant"),
        ("short", "invalid_grant"),
    ] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier),
        ];
        expect_error(app.post("/auth/token", &fields), 400, error);
    }
    app.exchange(&code).expect(200);
}

fn a_refresh_token_turns_over(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let first = app.tokens(&login, ALL);
    let old = first["refresh_token"].as_str().unwrap().to_owned();
    let reply = app.refresh(&old, "").expect(200);
    assert!(reply.header("Cache-Control").contains("no-store"));
    let second = reply.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(second["patient"], id);
    assert_eq!(second["token_type"], "Bearer");
    assert!(second["expires_in"].as_i64().unwrap() > 800);
    assert_eq!(words(&second["scope"]), words(&first["scope"]));
    // the answer may have been lost: for a moment it is given again, the same
    let again = app.refresh(&old, "").expect(200).json();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    assert_eq!(again["access_token"], second["access_token"]);
    // less may be asked for, more may not
    let new = second["refresh_token"].as_str().unwrap();
    expect_error(app.refresh(new, "patient/*.cruds"), 400, "invalid_scope");
    let less = app.refresh(new, "patient/Patient.rs").expect(200).json();
    assert_eq!(less["scope"], "patient/Patient.rs");
    let token = less["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{id}")).expect(200);
    get_with(house, token, "/Observation").expect(403);
    // SMART does not ask a public client for its name here, but a confidential one has to prove itself
    let nameless = [
        ("grant_type", "refresh_token"),
        ("refresh_token", less["refresh_token"].as_str().unwrap()),
    ];
    let less = post_form(house, "/auth/token", &[], &nameless).expect(200).json();
    let token = less["access_token"].as_str().unwrap();
    let confidential = App::new(house, Kind::Symmetric).tokens(&login, ALL);
    let nameless =
        [nameless[0], ("refresh_token", confidential["refresh_token"].as_str().unwrap())];
    expect_error(post_form(house, "/auth/token", &[], &nameless), 401, "invalid_client");
    // somebody else's
    let stranger = App::new(house, Kind::Public);
    let newest = less["refresh_token"].as_str().unwrap();
    expect_error(stranger.refresh(newest, ""), 400, "invalid_grant");
    // a token from before the last two is theft: the whole family ends
    std::thread::sleep(std::time::Duration::from_millis(10_100));
    expect_error(app.refresh(&old, ""), 400, "invalid_grant");
    expect_error(app.refresh(newest, ""), 400, "invalid_grant");
    get_with(house, token, &format!("/Patient/{id}")).expect(401);
    // without offline_access or online_access there is none
    let answer = app.tokens(&login, "launch/patient patient/*.rs");
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
}

fn less_can_be_granted_than_was_asked(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let scope = "launch/patient offline_access patient/Patient.rs patient/Condition.rs patient/Observation.rs patient/Procedure.rs";
    let page = browser.get(&app.request(scope, &[])).expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let laboratory = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    let form = Form::of(&page, "/auth/decide")
        .untick("patient/Condition.rs")
        .untick("offline_access")
        .untick("patient/Observation.rs")
        .tick(laboratory)
        // nobody asked for this
        .with("scope", "user/*.cruds")
        .with("answer", "allow");
    let code = came_back(&browser.submit(&form))["code"].clone();
    let answer = app.exchange(&code).expect(200).json();
    let mut expected = ["launch/patient", "patient/Patient.rs", "patient/Procedure.rs", laboratory];
    expected.sort_unstable();
    assert_eq!(words(&answer["scope"]), expected);
    assert!(answer.get("refresh_token").is_none());
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Condition?patient={id}")).expect(403);
    get_with(house, token, &format!("/Procedure?patient={id}")).expect(200);
    let observation = |category: &str| {
        store(
            house,
            &json!({
                "resourceType": "Observation", "status": "final", "code": {"text": "x"},
                "subject": {"reference": format!("Patient/{id}")},
                "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
            }),
        )
    };
    let (inside, outside) = (observation("laboratory"), observation("vital-signs"));
    let found = get_with(house, token, &format!("/Observation?patient={id}")).expect(200).ids();
    assert_eq!(found, std::slice::from_ref(&inside));
    get_with(house, token, &format!("/Observation/{inside}")).expect(200);
    get_with(house, token, &format!("/Observation/{outside}")).expect(404);
    // and not at all
    let page = browser.get(&app.request(scope, &[])).expect(200);
    let form = Form::of(&page, "/auth/decide").with("answer", "deny");
    assert_eq!(came_back(&browser.submit(&form))["error"], "access_denied");
}

fn a_doctor_chooses_a_patient_and_a_visit(house: &House) {
    let (_, patient) = a_patient(house);
    let (_, hidden) = a_patient(house);
    let (login, _) = super::a_doctor(house, &patient);
    let visit = store(
        house,
        &json!({
            "resourceType": "Encounter", "status": "in-progress", "class": {"code": "AMB", "display": "ambulatory"},
            "subject": {"reference": format!("Patient/{patient}")}, "period": {"start": "2026-11-20T10:00:00Z"},
        }),
    );
    let app = App::new(house, Kind::Symmetric);
    let scope = "launch/patient launch/encounter openid fhirUser patient/*.rs user/Practitioner.rs";
    let mut browser = Browser::new(house);
    let page = browser.get(&app.request(scope, &[])).expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let form = Form::of(&page, "/auth/decide");
    assert_eq!(form.buttons("patient"), [patient.as_str()]);
    // one that the doctor may not see cannot be chosen
    let again = browser.submit(&form.clone().with("patient", &hidden)).expect(200);
    assert_eq!(Form::of(&again, "/auth/decide").buttons("patient"), [patient.as_str()]);
    let page = browser.submit(&form.with("patient", &patient)).expect(200);
    let form = Form::of(&page, "/auth/decide");
    assert_eq!(form.buttons("encounter"), [visit.as_str()]);
    let page = browser.submit(&form.with("encounter", &visit)).expect(200);
    let form = Form::of(&page, "/auth/decide");
    let form = form.with("answer", "allow");
    assert_eq!(form.value("patient"), Some(patient.as_str()));
    let code = came_back(&browser.submit(&form))["code"].clone();
    let answer = app.exchange(&code).expect(200).json();
    assert_eq!((&answer["patient"], &answer["encounter"]), (&json!(patient), &json!(visit)));
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{patient}")).expect(200);
    get_with(house, token, &format!("/Encounter/{visit}")).expect(200);
    get_with(house, token, &format!("/Patient/{hidden}")).expect(404);
    get_with(house, token, claims(&answer)["fhirUser"].as_str().unwrap()).expect(200);
}

fn scopes_of_the_first_version_come_back_as_such(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let scope = "launch/patient openid fhirUser patient/*.read";
    let answer = app.tokens(&login, scope);
    assert_eq!(words(&answer["scope"]), words(&json!(scope)));
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Observation?patient={id}")).expect(200);
}

fn access_is_taken_back_at_once(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let code = app.code(&mut browser, &login, ALL);
    let answer = app.exchange(&code).expect(200).json();
    let (token, refresh) =
        (answer["access_token"].as_str().unwrap(), answer["refresh_token"].as_str().unwrap());
    let path = format!("/Patient/{id}");
    get_with(house, token, &path).expect(200);
    let page = browser.get("/auth/manage").expect(200);
    assert!(page.text.contains(&app.id));
    let form = Form::of(&page, "/auth/manage");
    let grant = form.buttons("revoke")[0].to_owned();
    // another person cannot
    let (other, _) = a_patient(house);
    let mut stranger = Browser::new(house);
    let login_page = stranger.get("/auth/manage").expect(200);
    let theirs = stranger.log_in(&login_page, &other, PASSWORD).expect(200);
    assert!(!theirs.text.contains(&app.id));
    stranger.submit(&form.clone().with("revoke", &grant)).expect(400);
    get_with(house, token, &path).expect(200);
    let page = browser.submit(&form.with("revoke", &grant)).expect(200);
    assert!(!page.text.contains(&app.id));
    get_with(house, token, &path).expect(401);
    expect_error(app.refresh(refresh, ""), 400, "invalid_grant");
    // the app gives it back itself: the refresh token and with it the family
    let answer = app.tokens(&login, ALL);
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &path).expect(200);
    let refresh = answer["refresh_token"].as_str().unwrap();
    App::new(house, Kind::Public).post("/auth/revoke", &[("token", refresh)]).expect(200);
    get_with(house, token, &path).expect(200);
    app.post("/auth/revoke", &[("token", refresh)]).expect(200);
    get_with(house, token, &path).expect(401);
    let bearer = format!("Bearer {token}");
    let look =
        post_form(house, "/auth/introspect", &[("Authorization", &bearer)], &[("token", token)]);
    expect_error(look, 401, "invalid_token");
}

fn online_access_ends_with_the_login(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let code = app.code(&mut browser, &login, "launch/patient online_access patient/*.rs");
    let answer = app.exchange(&code).expect(200).json();
    let again = app.refresh(answer["refresh_token"].as_str().unwrap(), "").expect(200).json();
    let token = again["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{id}")).expect(200);
    let page = browser.get("/auth/manage").expect(200);
    browser.submit(&Form::of(&page, "/auth/logout")).expect(200);
    get_with(house, token, &format!("/Patient/{id}")).expect(401);
    expect_error(app.refresh(again["refresh_token"].as_str().unwrap(), ""), 400, "invalid_grant");
    let page = browser.get("/auth/manage").expect(200);
    assert!(page.text.contains("type=\"password\""));
}

fn a_form_of_somebody_else_is_refused(house: &House) {
    let (login, _) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let page = browser.get(&app.request(ALL, &[])).expect(200);
    let login_form = Form::of(&page, "/auth/login");
    // a login form that a page elsewhere made up
    let mut victim = Browser::new(house);
    victim.get("/auth/login").expect(200);
    let forged = login_form.clone().with("login", &login).with("password", PASSWORD);
    refused(&victim.submit(&forged));
    let elsewhere = login_form.with("then", "https://evil.example/").with("login", &login);
    refused(&browser.submit(&elsewhere));
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let form = Form::of(&page, "/auth/decide").with("answer", "allow");
    refused(&browser.submit(&form.clone().with("seal", "0")));
    let other = app.query("launch/patient patient/*.cruds", &[]);
    refused(&browser.submit(&form.clone().with("request", &other)));
    refused(&victim.submit(&form));
    came_back(&browser.submit(&form));
}

#[track_caller]
fn refused(page: &Reply) {
    assert_eq!(page.status, 400, "{}", page.text);
    assert_eq!(page.header("Location"), "");
}

fn the_same_with_post(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let query = app.query(ALL, &[]);
    let fields = super::browser::parameters(&format!("?{query}"));
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let reply = browser.post("/auth/authorize", &fields);
    let page = browser.follow(reply).expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let form = Form::of(&page, "/auth/decide").with("answer", "allow");
    let code = came_back(&browser.submit(&form))["code"].clone();
    assert_eq!(app.exchange(&code).expect(200).json()["patient"], id);
}
