//! Accounts and tokens by the commands, beside a running server.

use super::{a_patient, expect_error, get_with, post_form, with_token};
use crate::house::{House, unique};

smart_stories!(
    nobody_gets_in_without_a_token,
    a_minted_token_counts_at_once_and_until_it_ends,
    an_account_ends_with_its_tokens,
    a_client_ends_with_its_tokens,
    commands_refuse_what_makes_no_sense,
);

fn nobody_gets_in_without_a_token(house: &House) {
    let refused = house.get("/Patient/x").expect(401);
    assert_eq!(refused.header("WWW-Authenticate"), "Bearer");
    assert_eq!(refused.json()["issue"][0]["code"], "login");
    for wrong in ["Bearer x", "Bearer vat_AAAA", "Basic dTpw", "Bearer", ""] {
        let refused = house.send("GET", "/Patient/x", &[("Authorization", wrong)], "").expect(401);
        assert_eq!(refused.header("WWW-Authenticate"), "Bearer error=\"invalid_token\"", "{wrong}");
    }
    house.get("/metadata").expect(200);
}

fn a_minted_token_counts_at_once_and_until_it_ends(house: &House) {
    let (login, id) = a_patient(house);
    let mint = |expires: &str| {
        house.medvault(&[
            "token",
            "--scope",
            "patient/*.rs",
            "--user",
            &login,
            "--patient",
            &id,
            "--expires",
            expires,
        ])
    };
    let token = mint("60");
    assert!(token.starts_with("vat_"));
    get_with(house, &token, &format!("/Patient/{id}")).expect(200);
    let body = r#"{"resourceType":"Patient"}"#;
    with_token(house, &token, "POST", "/Patient", body).expect(403);
    let short = mint("1");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    get_with(house, &short, &format!("/Patient/{id}")).expect(401);
}

fn an_account_ends_with_its_tokens(house: &House) {
    let (login, id) = a_patient(house);
    let args = ["token", "--scope", "patient/*.rs", "--user", &login, "--patient", &id];
    let token = house.medvault(&args);
    let path = format!("/Patient/{id}");
    get_with(house, &token, &path).expect(200);
    house.medvault(&["user", "expire", &login]);
    get_with(house, &token, &path).expect(401);
    assert!(house.medvault(&["user", "list"]).lines().any(|line| line.starts_with(&login)));
    assert!(!house.try_medvault(&["user", "expire", "nobody"]).status.success());
    // by the clock alone
    let reference = format!("Patient/{id}");
    let add = ["user", "add", "--login", &login, "--role", "patient", "--fhir-user", &reference];
    house.medvault(&[&add[..], &["--until", "2020-01-01T00:00:00Z"]].concat());
    get_with(house, &token, &path).expect(401);
    house.medvault(&[&add[..], &["--until", "2099-01-01T00:00:00Z"]].concat());
    get_with(house, &token, &path).expect(200);
}

fn a_client_ends_with_its_tokens(house: &House) {
    let (login, id) = a_patient(house);
    let client = unique("client");
    house.medvault(&["client", "add", "--id", &client, "--redirect-uri", "https://app.example/cb"]);
    let args = [
        "token",
        "--scope",
        "patient/*.rs",
        "--user",
        &login,
        "--patient",
        &id,
        "--client",
        &client,
    ];
    let token = house.medvault(&args);
    let path = format!("/Patient/{id}");
    get_with(house, &token, &path).expect(200);
    // over HTTP, effective with the answer
    let fields = [("token", token.as_str()), ("client_id", &client)];
    post_form(house, "/auth/revoke", &[], &fields).expect(200);
    get_with(house, &token, &path).expect(401);
    let token = house.medvault(&args);
    get_with(house, &token, &path).expect(200);
    house.medvault(&["client", "revoke", &client]);
    get_with(house, &token, &path).expect(401);
    let again = post_form(house, "/auth/revoke", &[], &fields);
    expect_error(again, 401, "invalid_client");
    assert!(house.medvault(&["client", "list"]).contains(&format!("{client}\trevoked")));
}

fn commands_refuse_what_makes_no_sense(house: &House) {
    for wrong in [
        &["user", "add", "--login", "x", "--role", "king"][..],
        &["user", "add", "--login", "x", "--role", "doctor", "--fhir-user", "Nonsense/1"],
        &["user", "add", "--login", "x", "--role", "intern"],
        &["user", "add", "--login", "x y", "--role", "doctor"],
        &["user", "add", "--login", "x", "--role", "doctor", "--until", "tomorrow"],
        &["user", "add", "--login", "x", "--role", "doctor", "--password", "short"],
        &["client", "add", "--id", "x", "--redirect-uri", "http://app.example/cb"],
        &["client", "add", "--id", "x y", "--redirect-uri", "https://app.example/cb"],
        &["client", "add", "--id", "x", "--jwks", "/nowhere"],
        &["token", "--scope", "patient/Nonsense.rs"],
        &["token", "--scope", "user/*.rs system/*.rs"],
        &["token", "--scope", "user/*.rs", "--user", "nobody"],
        &["token", "--scope", "user/*.rs", "--client", "nobody"],
        &["token", "--scope", "user/*.rs", "--expires", "0"],
    ] {
        let done = house.try_medvault(wrong);
        assert!(!done.status.success(), "{wrong:?}");
        assert!(!done.stderr.is_empty(), "{wrong:?}");
    }
}
