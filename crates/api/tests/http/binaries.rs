//! Binaries as what they are: <https://hl7.org/fhir/R4/binary.html#rest>.

use crate::wire::Hospital;

#[test]
fn content_goes_in_and_comes_out_as_it_is() {
    let hospital = Hospital::open();
    let image = b"\x89PNG\r\n\x1a\n\x00\xff";
    let created = hospital.ask("POST /fhir/Binary", &[("Content-Type", "image/png")], image);
    assert_eq!(created.status, 201, "{}", created.text());
    assert!(created.text().contains(r#""contentType":"image/png","data":"iVBORw0KGgoA/w==""#));

    let line = format!("GET {}", created.path());
    let cases = [
        // the resource has to be asked for by name
        (None, 200, "image/png"),
        (Some(""), 200, "image/png"),
        (Some("*/*"), 200, "image/png"),
        (Some("application/fhir+json"), 200, "application/fhir+json; charset=utf-8"),
        (Some("application/fhir+json, */*;q=0.1"), 200, "application/fhir+json; charset=utf-8"),
        (Some("application/json, */*"), 200, "application/fhir+json; charset=utf-8"),
        (Some("text/xml"), 200, "application/fhir+xml; charset=utf-8"),
        (Some("application/fhir+xml"), 200, "application/fhir+xml; charset=utf-8"),
        (Some("image/png"), 200, "image/png"),
        (Some("image/*, */*;q=0.1"), 200, "image/png"),
        (Some("text/html, */*;q=0.8"), 200, "image/png"),
        (Some("image/jpeg"), 406, "application/fhir+json; charset=utf-8"),
    ];
    for (accept, status, content_type) in cases {
        let headers: Vec<_> = accept.map(|accept| ("Accept", accept)).into_iter().collect();
        let answer = hospital.ask(&line, &headers, b"");
        assert_eq!(answer.status, status, "{accept:?}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{accept:?}");
        assert_eq!(answer.body == image, content_type == "image/png", "{accept:?}");
        assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
    }
    assert_eq!(hospital.ask("GET /fhir/Binary/none", &[("Accept", "image/png")], b"").status, 404);
}

#[test]
fn content_is_kept_under_an_id_with_its_security_context() {
    let hospital = Hospital::open();
    let headers = [("Content-Type", "text/plain"), ("X-Security-Context", "Patient/1")];
    let created = hospital.ask("PUT /fhir/Binary/note", &headers, b"well");
    assert_eq!(created.status, 201, "{}", created.text());
    let read = hospital.get("/fhir/Binary/note");
    assert_eq!((read.header("content-type"), &*read.body), (Some("text/plain"), &b"well"[..]));
    let named = [("Accept", "application/fhir+json")];
    let read = hospital.ask("GET /fhir/Binary/note", &named, b"");
    assert!(
        read.text().contains(r#""securityContext":{"reference":"Patient/1"}"#),
        "{}",
        read.text()
    );
    assert!(read.text().contains(r#""data":"d2VsbA==""#));
}

#[test]
fn what_a_browser_could_run_is_handed_out_as_a_file() {
    let hospital = Hospital::open();
    let page = b"<script>alert(1)</script>";
    let created = hospital.ask("POST /fhir/Binary", &[("Content-Type", "text/html")], page);
    assert_eq!(created.status, 201, "{}", created.text());
    let line = format!("GET {}", created.path());
    let shown = hospital.ask(&line, &[("Accept", "text/html")], b"");
    assert_eq!(shown.body, page);
    assert_eq!(shown.header("content-disposition"), Some("attachment"));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    assert!(shown.header("content-security-policy").unwrap().contains("sandbox"));
    // resources are no pages, whatever a browser asks for
    let read = hospital.ask("GET /fhir/metadata", &[("Accept", "text/html, */*;q=0.8")], b"");
    assert_eq!(read.header("content-type"), Some("application/fhir+json; charset=utf-8"));
}

#[test]
fn content_may_be_json_or_xml() {
    let hospital = Hospital::open();
    let document = r#"<ClinicalDocument xmlns="urn:hl7-org:v3"/>"#;
    for (media_type, content) in [
        ("text/xml", document),
        ("application/fhir+xml", document),
        ("application/xml", "<!-- --><Binary xmlns=\"urn:else\"/>"),
        ("application/json", r#"{"a":1}"#),
        ("application/json", "[1,"),
        ("application/fhir+json", r#"{"resourceType":"Patient"}"#),
        ("application/fhir+xml", r#"<Patient xmlns="http://hl7.org/fhir"/>"#),
    ] {
        let headers = [("Content-Type", media_type)];
        let created = hospital.ask("POST /fhir/Binary", &headers, content.as_bytes());
        assert_eq!(created.status, 201, "{media_type} {content}: {}", created.text());
        let read = hospital.get(created.path());
        assert_eq!(read.header("content-type"), Some(media_type), "{content}");
        assert_eq!(read.body, content.as_bytes(), "{media_type}");
        // in its own type, though that is one of resources, too
        if !media_type.contains("fhir") {
            let line = format!("GET {}", created.path());
            let read = hospital.ask(&line, &[("Accept", media_type)], b"");
            assert_eq!(read.body, content.as_bytes(), "{media_type}");
        }
    }
    // a Binary is the resource itself, and checked
    for (media_type, body) in [
        (
            "application/fhir+json",
            r#"{"resourceType":"Binary","contentType":"text/plain","data":"d2VsbA=="}"#,
        ),
        (
            "text/xml",
            r#"<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="d2VsbA=="/></Binary>"#,
        ),
    ] {
        let headers = [("Content-Type", media_type)];
        let created = hospital.ask("POST /fhir/Binary", &headers, body.as_bytes());
        assert_eq!(created.status, 201, "{}", created.text());
        assert_eq!(hospital.get(created.path()).body, b"well");
        let broken = body.replace("d2VsbA==", "*");
        let refused = hospital.ask("POST /fhir/Binary", &headers, broken.as_bytes());
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
}
