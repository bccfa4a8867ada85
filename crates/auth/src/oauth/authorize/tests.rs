//! What happens to requests for authorization.

use super::*;
use crate::oauth::client::tests::app;

const BASE: &str = "https://vault.example/fhir";
const NOW: Instant = Instant::from_millis(1_000_000);

fn form(changes: &[(&str, &str)]) -> Form {
    let usual = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/back?x=1"),
        ("scope", "launch/patient patient/*.rs openid"),
        ("state", "s"),
        ("aud", BASE),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let mut all: std::collections::BTreeMap<&str, &str> = usual.into_iter().collect();
    all.extend(changes.iter().copied());
    Form::of(all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

fn request(changes: &[(&str, &str)]) -> Request {
    Request::check(&form(changes), Some(&app()), BASE).unwrap()
}

fn session(role: &str, fhir_user: &str) -> Session {
    Session {
        user: User {
            login: "rao".to_owned(),
            role: role.to_owned(),
            fhir_user: Some(fhir_user.to_owned()),
            organization: None,
            supervisor: None,
            until: None,
        },
        since: Instant::from_millis(900_000),
    }
}

fn launch() -> Launch {
    Launch {
        client: Some("app".to_owned()),
        login: Some("rao".to_owned()),
        patient: Some("p".to_owned()),
        encounter: Some("e".to_owned()),
        extras: crate::oauth::launch::Extras::default(),
        expires: Instant::from_millis(1_000_001),
    }
}

#[test]
fn wrong_requests_are_shown_or_sent_back() {
    let cases = [
        (("client_id", ""), None),
        (("redirect_uri", "https://evil.example/"), None),
        (("redirect_uri", ""), None),
        (("response_type", "token"), Some(Code::UnsupportedResponseType)),
        (("response_type", ""), Some(Code::InvalidRequest)),
        (("state", ""), Some(Code::InvalidRequest)),
        (("aud", "https://other.example/fhir"), Some(Code::InvalidRequest)),
        (("aud", ""), Some(Code::InvalidRequest)),
        (("aud", "https://vault.example/fhir//"), Some(Code::InvalidRequest)),
        (("code_challenge", ""), Some(Code::InvalidRequest)),
        (("code_challenge", "short"), Some(Code::InvalidRequest)),
        (("code_challenge_method", "plain"), Some(Code::InvalidRequest)),
        (("code_challenge_method", ""), Some(Code::InvalidRequest)),
        (("scope", ""), Some(Code::InvalidRequest)),
        (("scope", "patient/Nonsense.rs"), Some(Code::InvalidScope)),
        (("scope", "system/*.rs"), Some(Code::InvalidScope)),
    ];
    for (change, sent_back) in cases {
        let wrong = Request::check(&form(&[change]), Some(&app()), BASE).unwrap_err();
        match wrong {
            Wrong::Shown(_) => assert_eq!(sent_back, None, "{change:?}"),
            Wrong::Redirected { refusal, redirect_uri, .. } => {
                assert_eq!(Some(refusal.code), sent_back, "{change:?}");
                assert_eq!(redirect_uri, "https://app.example/back?x=1");
            }
        }
    }
    assert!(matches!(Request::check(&form(&[]), None, BASE), Err(Wrong::Shown(_))));
    let pending = Client { status: Status::Pending, ..app() };
    assert!(matches!(Request::check(&form(&[]), Some(&pending), BASE), Err(Wrong::Shown(_))));
    assert!(
        Request::check(&form(&[("aud", "https://vault.example/fhir/")]), Some(&app()), BASE)
            .is_ok()
    );
    let resource = form(&[("aud", ""), ("resource", BASE)]);
    assert!(Request::check(&resource, Some(&app()), BASE).is_ok());
}

#[test]
fn a_person_logs_in_then_picks_then_agrees() {
    let asked = request(&[]);
    let doctor = session("doctor", "Practitioner/d");
    let patient = session("patient", "Patient/me");
    let none = Chosen::default();
    let picked = Chosen { patient: Some("p".to_owned()), ..Chosen::default() };
    let agreed = |patient: Option<&str>| Chosen {
        patient: patient.map(str::to_owned),
        consent: Some(Consent::Given(vec!["openid".to_owned(), "patient/*.rs".to_owned()])),
        ..Chosen::default()
    };
    assert_eq!(decide(&asked, None, None, &none, NOW), Decision::Login);
    assert_eq!(decide(&asked, Some(&doctor), None, &none, NOW), Decision::PickPatient);
    assert!(matches!(decide(&asked, Some(&doctor), None, &picked, NOW), Decision::Ask(_)));
    assert!(matches!(decide(&asked, Some(&patient), None, &none, NOW), Decision::Ask(_)));
    // consent without a patient in context gives nothing
    assert_eq!(decide(&asked, Some(&doctor), None, &agreed(None), NOW), Decision::PickPatient);
    let issued = |decision| {
        let Decision::Issue(approved) = decision else { panic!("{decision:?}") };
        approved
    };
    let approved = issued(decide(&asked, Some(&doctor), None, &agreed(Some("p")), NOW));
    assert_eq!(approved.scopes, "openid patient/*.rs");
    assert_eq!(approved.patient.as_deref(), Some("p"));
    // a patient cannot choose somebody else
    let approved = issued(decide(&asked, Some(&patient), None, &agreed(Some("p")), NOW));
    assert_eq!(approved.patient.as_deref(), Some("me"));
    let denied = Chosen { consent: Some(Consent::Denied), ..picked };
    let refused = decide(&asked, Some(&doctor), None, &denied, NOW);
    assert!(matches!(refused, Decision::Refuse(why) if why.code == Code::AccessDenied));
}

#[test]
fn a_finer_scope_takes_the_place_of_the_wide_one() {
    let asked = request(&[("scope", "launch/patient patient/Condition.rs patient/Patient.rs")]);
    let finer = scopes::sub_scopes("patient/Condition.rs").remove(0);
    let ticked = vec![finer.clone(), "patient/Patient.rs".to_owned(), "user/*.rs".to_owned()];
    let chosen = Chosen {
        patient: Some("p".to_owned()),
        consent: Some(Consent::Given(ticked)),
        ..Chosen::default()
    };
    let doctor = session("doctor", "Practitioner/d");
    let decision = decide(&asked, Some(&doctor), None, &chosen, NOW);
    let Decision::Issue(approved) = decision else { panic!("{decision:?}") };
    assert_eq!(approved.scopes, format!("{finer} patient/Patient.rs"));
}

#[test]
fn a_launch_is_for_one_app_and_one_person_and_a_short_time() {
    let asked = request(&[("scope", "launch patient/*.rs"), ("launch", "x")]);
    let doctor = session("doctor", "Practitioner/d");
    let none = Chosen::default();
    let decision = |launch: Option<&Launch>| decide(&asked, Some(&doctor), launch, &none, NOW);
    assert!(matches!(decision(Some(&launch())), Decision::Ask(_)));
    for (launch, code) in [
        (None, Code::InvalidRequest),
        (Some(Launch { client: Some("other".to_owned()), ..launch() }), Code::InvalidRequest),
        (Some(Launch { expires: NOW, ..launch() }), Code::InvalidRequest),
        (Some(Launch { login: Some("other".to_owned()), ..launch() }), Code::AccessDenied),
    ] {
        let refused = decision(launch.as_ref());
        assert!(matches!(&refused, Decision::Refuse(why) if why.code == code), "{refused:?}");
    }
    let without = request(&[("scope", "launch patient/*.rs")]);
    let refused = decide(&without, Some(&doctor), None, &none, NOW);
    assert!(matches!(refused, Decision::Refuse(_)));
}

#[test]
fn prompts_and_ages_are_heeded() {
    let doctor = session("doctor", "Practitioner/d");
    let none = Chosen::default();
    let decision = |changes: &[(&str, &str)], session: Option<&Session>| {
        decide(&request(changes), session, None, &none, NOW)
    };
    let refused = |decision, code| matches!(decision, Decision::Refuse(why) if why.code == code);
    assert!(refused(decision(&[("prompt", "none")], None), Code::LoginRequired));
    assert!(refused(decision(&[("prompt", "none")], Some(&doctor)), Code::ConsentRequired));
    assert_eq!(decision(&[("prompt", "login")], Some(&doctor)), Decision::Login);
    assert_eq!(decision(&[("max_age", "99")], Some(&doctor)), Decision::Login);
    assert_eq!(decision(&[("max_age", "100")], Some(&doctor)), Decision::PickPatient);
    let over = Session { user: User { until: Some(NOW), ..doctor.user.clone() }, ..doctor };
    assert_eq!(decision(&[], Some(&over)), Decision::Login);
}
