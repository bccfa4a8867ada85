//! Headers of answers, and what becomes of methods and addresses that do not exist.

use auth::Mode;

use crate::wire::Hospital;

const RAO: &str = r#"{"resourceType":"Patient","name":[{"family":"Rao"}]}"#;

#[test]
fn a_version_is_named_in_its_headers() {
    let hospital = Hospital::open();
    let created = hospital.post("/fhir/Patient", RAO);
    assert_eq!(created.status, 201);
    assert_eq!(created.header("etag"), Some("W/\"1\""));
    assert!(created.header("location").unwrap().ends_with("/_history/1"));
    assert!(created.header("last-modified").unwrap().ends_with(" GMT"));

    let read = hospital.get(created.path());
    assert_eq!(read.status, 200);
    assert_eq!(read.header("etag"), Some("W/\"1\""));
    assert_eq!(read.header("last-modified"), created.header("last-modified"));
    assert_eq!(read.header("location"), None);
    assert_eq!(read.header("content-type"), Some("application/fhir+json; charset=utf-8"));

    let known =
        hospital.ask(&format!("GET {}", created.path()), &[("If-None-Match", "W/\"1\"")], b"");
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some("W/\"1\""));

    let head = hospital.ask(&format!("HEAD {}", created.path()), &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(read.body.len().to_string().as_str()));
    assert_eq!(head.header("etag"), Some("W/\"1\""));
}

#[test]
fn an_update_under_a_new_id_tells_where() {
    let hospital = Hospital::open();
    let json = [("Content-Type", "application/fhir+json")];
    let body = br#"{"resourceType":"Patient","id":"rao"}"#;
    let created = hospital.ask("PUT /fhir/Patient/rao", &json, body);
    assert_eq!((created.status, created.path()), (201, "/fhir/Patient/rao"));
    let changed = hospital.ask(
        "PUT /fhir/Patient/rao",
        &json,
        br#"{"resourceType":"Patient","id":"rao","active":true}"#,
    );
    assert_eq!((changed.status, changed.header("location")), (200, None));
    let stale = [json[0], ("If-Match", "W/\"1\"")];
    let refused = hospital.ask("PUT /fhir/Patient/rao", &stale, body);
    assert_eq!((refused.status, refused.issue()), (412, "conflict"));
}

#[test]
fn every_answer_carries_the_headers_that_protect_it() {
    let hospital = Hospital::open();
    for path in ["/fhir/metadata", "/fhir/Patient/none", "/nowhere", "/fhir/Nothing"] {
        let answer = hospital.get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(
            answer.header("content-security-policy").unwrap().contains("default-src 'none'"),
            "{path}"
        );
        assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{path}");
        assert_eq!(answer.header("server"), None, "{path}");
    }
    assert_eq!(hospital.get("/fhir/metadata").header("strict-transport-security"), None);
    let secure = Hospital::at("https://vault.example/fhir", Mode::Open, api::Limits::default());
    let answer = secure.get("/fhir/metadata");
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    let named = hospital.ask("GET /fhir/metadata", &[("X-Request-Id", "visit-7")], b"");
    assert_eq!(named.header("x-request-id"), Some("visit-7"));
}

#[test]
fn methods_that_an_address_lacks_are_refused_with_those_it_has() {
    let hospital = Hospital::open();
    let cases = [
        ("POST /fhir/Patient/1", "PUT, PATCH, DELETE"),
        ("DELETE /fhir/metadata", "GET, HEAD"),
        ("PUT /fhir/Patient/_history", "GET, HEAD"),
        ("TRACE /fhir/Patient/1", "GET, HEAD"),
        ("BREW /fhir", "POST"),
        ("POST /metrics", "GET, HEAD"),
    ];
    for (line, allowed) in cases {
        let refused = hospital.ask(line, &[], b"");
        assert_eq!((refused.status, refused.issue()), (405, "not-supported"), "{line}");
        assert!(
            refused.header("allow").unwrap().contains(allowed),
            "{line} {:?}",
            refused.header("allow")
        );
    }
    let options = hospital.ask("OPTIONS /fhir/Patient/1", &[], b"");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("GET, HEAD, PUT, PATCH, DELETE, OPTIONS"))
    );
}

#[test]
fn addresses_that_lead_nowhere_are_not_found() {
    let hospital = Hospital::open();
    for path in ["/", "/fhir", "/fhir/"] {
        assert_ne!(hospital.get(path).status, 404, "{path}");
    }
    for path in [
        "/nowhere",
        "/fhirs",
        "/fhir/Nothing",
        "/fhir/Patient/none",
        "/fhir/Patient/$everything",
        "/fhir/a/b/c/d/e",
        "/.well-known/smart-configuration",
    ] {
        let answer = hospital.get(path);
        assert_eq!((answer.status, answer.issue()), (404, "not-found"), "{path}");
    }
    for path in ["/fhir/Patient/%ff", "/fhir/Patient/%00", "/fhir/Patient?name=%ff"] {
        assert_eq!(hospital.get(path).status, 400, "{path}");
    }
}

#[test]
fn strangers_are_asked_who_they_are() {
    let hospital = Hospital::with(Mode::Smart, api::Limits::default());
    for headers in [&[] as &[_], &[("Authorization", "Bearer x")]] {
        let refused = hospital.ask("GET /fhir/Patient/1", headers, b"");
        assert_eq!((refused.status, refused.issue()), (401, "login"));
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    assert_eq!(hospital.get("/fhir/metadata").status, 200);
}

#[test]
fn a_conditional_create_tells_where_the_resource_is() {
    let hospital = Hospital::open();
    let body = r#"{"resourceType":"Patient","identifier":[{"system":"urn:h","value":"1"}]}"#;
    let headers = [("Content-Type", "application/json"), ("If-None-Exist", "identifier=urn:h|1")];
    let first = hospital.ask("POST /fhir/Patient", &headers, body.as_bytes());
    let second = hospital.ask("POST /fhir/Patient?_format=json", &headers, body.as_bytes());
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.path(), second.path());
}
