//! Pages and probes beside the FHIR base.

use crate::wire::Hospital;

#[test]
fn pages_need_nothing_from_elsewhere() {
    let hospital = Hospital::open();
    for (path, content_type, part) in [
        ("/", "text/html; charset=utf-8", "<h1>MedVault</h1>"),
        ("/docs", "text/html; charset=utf-8", "<code>/fhir/Patient/{id}</code>"),
        ("/style.css", "text/css; charset=utf-8", "main {"),
        ("/openapi.json", "application/json", r#""openapi":"3.1"#),
    ] {
        let page = hospital.get(path);
        assert_eq!((page.status, page.header("content-type")), (200, Some(content_type)), "{path}");
        assert!(page.text().contains(part), "{path}");
        assert!(!page.text().contains("<script"), "{path}");
        assert!(
            page.header("content-security-policy").unwrap().starts_with("default-src 'none'"),
            "{path}"
        );
        let head = hospital.ask(&format!("HEAD {path}"), &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
}

#[test]
fn the_openapi_document_has_every_type_and_only_what_is_there() {
    let hospital = Hospital::open();
    let document: serde_json::Value =
        serde_json::from_slice(&hospital.get("/openapi.json").body).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let types = paths.keys().filter(|path| path.ends_with("/{id}")).count();
    assert_eq!(types, 146);
    let criteria = paths["/fhir/Patient"]["get"]["parameters"].as_array().unwrap();
    assert!(criteria.iter().any(|one| one["name"] == "birthdate"));
    assert_eq!(document["servers"][0]["url"], "http://vault.example");
}

#[test]
fn monitors_see_what_happened() {
    let hospital = Hospital::open();
    assert_eq!(hospital.get("/health/live").text(), "alive\n");
    assert_eq!(hospital.get("/health/ready").text(), "ready\n");
    hospital.get("/fhir/Patient/none");
    let metrics = hospital.get("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(
        metrics.text().contains("http_requests_total{method=\"GET\",status=\"404\"} 1\n"),
        "{}",
        metrics.text()
    );
}

#[test]
fn the_statement_names_this_server() {
    let hospital = Hospital::open();
    let statement: serde_json::Value =
        serde_json::from_slice(&hospital.get("/fhir/metadata").body).unwrap();
    assert_eq!(statement["kind"], "instance");
    assert_eq!(statement["fhirVersion"], "4.0.1");
    assert_eq!(statement["implementation"]["url"], "http://vault.example/fhir");
    assert_eq!(statement["rest"][0]["resource"].as_array().unwrap().len(), 146);
    // it is a resource like any other
    assert_eq!(hospital.post("/fhir/CapabilityStatement", &statement.to_string()).status, 201);
}
