//! Who sees the content of a Binary: whoever sees what its `securityContext` names, and whatever is asked for, as bytes or as
//! a resource: <https://hl7.org/fhir/R4/binary.html#security>.

use serde_json::{Value, json};

use crate::{
    house::{House, Reply, unique},
    stories::gate::{Person, patient, practitioner},
};

smart_stories!(
    content_is_as_open_as_what_protects_it,
    content_comes_as_it_is_asked_for,
    content_of_any_type_is_taken_as_it_is,
    content_is_put_under_what_one_may_read,
    content_has_a_limit,
);

/// Not text in any encoding.
const IMAGE: &[u8] = b"\x89PNG\r\n\x1a\n\x00\xff\xfe";

/// Patient A with two documents, the doctor who treats A, others, and content under each thing.
struct Archive<'h> {
    operator: Person<'h>,
    own: Person<'h>,
    doctor: Person<'h>,
    stranger: Person<'h>,
    insurer: Person<'h>,
    a: String,
    d: String,
    /// `DocumentReference/1` of A, and one of B.
    document: String,
    foreign: String,
    claim: String,
}

fn document(subject: &str) -> Value {
    json!({"resourceType": "DocumentReference", "status": "current", "subject": {"reference": subject},
        "content": [{"attachment": {"contentType": "image/png"}}]})
}

impl<'h> Archive<'h> {
    fn new(house: &'h House) -> Self {
        let operator = Person::operator(house);
        let (a, b) = (patient(&operator), patient(&operator));
        let (d, other) = (practitioner(&operator), practitioner(&operator));
        operator.store(&json!({"resourceType": "CareTeam", "status": "active",
            "subject": {"reference": a}, "participant": [{"member": {"reference": d}}]}));
        let payer =
            operator.store(&json!({"resourceType": "Organization", "name": unique("payer")}));
        operator.store(
            &json!({"resourceType": "Coverage", "status": "active", "beneficiary": {"reference": a},
            "payor": [{"reference": payer}]}),
        );
        let claim = operator.store(&json!({"resourceType": "Claim", "status": "active",
            "type": {"text": "x"}, "use": "claim", "patient": {"reference": a}, "created": "2026-11-22",
            "provider": {"reference": d}, "insurer": {"reference": payer}, "priority": {"text": "x"},
            "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "x"}}]}));
        let own = Person::new(house, "patient", Some(&a), "patient/*.cruds");
        own.store(&json!({"resourceType": "Consent", "status": "active",
            "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"text": "x"}],
            "policyRule": {"text": "x"}, "patient": {"reference": a},
            "provision": {"type": "permit", "purpose": [{"code": "HPAYMT"}],
                "class": [{"code": "Claim"}, {"code": "Patient"}],
                "actor": [{"role": {"text": "x"}, "reference": {"reference": payer}}]}}));
        let login = unique("insurer");
        house.account(&login, "insurer", &["--organization", &payer]);
        let insurer = house.medvault(&["token", "--user", &login, "--scope", "user/*.cruds"]);
        Self {
            own,
            doctor: Person::new(house, "doctor", Some(&d), "user/*.cruds"),
            stranger: Person::new(house, "doctor", Some(&other), "user/*.cruds"),
            insurer: Person::with(house, &insurer),
            document: operator.store(&document(&a)),
            foreign: operator.store(&document(&b)),
            operator,
            a,
            d,
            claim,
        }
    }

    /// The operator's; its address. Sent as it is, under what a header names.
    fn image(&self, context: Option<&str>) -> String {
        let (created, _) = put(&self.operator, "POST", "/Binary", context, IMAGE);
        format!("/Binary/{}", created.expect(201).id())
    }

    fn everybody(&self) -> [&Person<'h>; 4] {
        [&self.own, &self.doctor, &self.stranger, &self.insurer]
    }

    /// Who sees it: the patient, the doctor, another doctor, the insurer. By every address, in every form.
    #[track_caller]
    fn shows(&self, address: &str, who: [bool; 4]) {
        for (n, (person, sees)) in self.everybody().into_iter().zip(who).enumerate() {
            for tail in ["", "/_history/1"] {
                let address = format!("{address}{tail}");
                for accept in ["image/png", "*/*", "application/fhir+json", "application/fhir+xml"]
                {
                    let (reply, bytes) = read(person, &address, accept);
                    assert_eq!(
                        reply.status,
                        if sees { 200 } else { 404 },
                        "{n} {address} {accept}"
                    );
                    let is_content = ["image/png", "*/*"].contains(&accept);
                    assert_eq!(bytes == IMAGE, sees && is_content, "{n} {address}");
                    // what is hidden tells neither type nor length
                    assert!(sees || !reply.header("Content-Type").starts_with("image/"));
                }
                // a form that the content does not have is refused where there is content only
                let (reply, _) = read(person, &address, "image/jpeg");
                assert_eq!(reply.status, if sees { 406 } else { 404 }, "{n} {address}");
            }
            let history = person.get(&format!("{address}/_history"));
            assert_eq!(history.status, if sees { 200 } else { 404 }, "{n} {address}");
            let id = address.rsplit('/').next().unwrap();
            let found = person.get(&format!("/Binary?_id={id}")).expect(200).ids();
            assert_eq!(found.len(), usize::from(sees), "{n} {address}");
            let batch = json!({"resourceType": "Bundle", "type": "batch",
                "entry": [{"request": {"method": "GET", "url": address.trim_start_matches('/')}}]});
            let answer = person.ask("POST", "", &batch.to_string()).expect(200).json();
            let status = answer["entry"][0]["response"]["status"].as_str().unwrap().to_owned();
            assert!(status.starts_with(if sees { "200" } else { "404" }), "{n} {address} {status}");
        }
    }
}

fn read(person: &Person<'_>, address: &str, accept: &str) -> (Reply, Vec<u8>) {
    let headers = [("Authorization", person.authorization.as_str()), ("Accept", accept)];
    person.house.send_bytes("GET", address, &headers, b"")
}

/// Sends content as it is.
fn put(
    person: &Person<'_>,
    method: &str,
    address: &str,
    context: Option<&str>,
    content: &[u8],
) -> (Reply, Vec<u8>) {
    let mut headers =
        vec![("Authorization", person.authorization.as_str()), ("Content-Type", "image/png")];
    headers.extend(context.map(|context| ("X-Security-Context", context)));
    person.house.send_bytes(method, address, &headers, content)
}

fn content_is_as_open_as_what_protects_it(house: &House) {
    let archive = Archive::new(house);
    let of_document = archive.image(Some(&archive.document));
    archive.shows(&of_document, [true, true, false, false]);
    let of_patient = archive.image(Some(&archive.a));
    archive.shows(&of_patient, [true, true, false, true]);
    let of_claim = archive.image(Some(&archive.claim));
    archive.shows(&of_claim, [true, false, false, true]);
    archive.shows(&archive.image(Some(&archive.foreign)), [false; 4]);
    // what names nothing, or nothing here, is the operator's: that a document of A's attaches it opens nothing
    let of_nothing = archive.image(None);
    let mut attached = document(&archive.a);
    attached["content"][0]["attachment"]["url"] = json!(of_nothing.trim_start_matches('/'));
    let attached = archive.operator.store(&attached);
    archive.own.get(&format!("/{attached}")).expect(200);
    archive.shows(&of_nothing, [false; 4]);
    archive.shows(&archive.image(Some("DocumentReference/nobody")), [false; 4]);
    let (reply, bytes) = read(&archive.operator, &of_nothing, "image/png");
    assert_eq!((reply.status, bytes.as_slice()), (200, IMAGE));
    // without a token, and with a scope that does not open what protects it
    house.get(&of_document).expect(401);
    let only =
        Person::new(house, "patient", Some(&archive.a), "patient/Binary.rs patient/Patient.rs");
    only.get(&of_document).expect(404);
    read(&only, &of_patient, "*/*").0.expect(200);
    // hidden and absent are told alike
    let absent = format!("/Binary/{}", "0".repeat(of_document.len() - "/Binary/".len()));
    for accept in ["image/png", "application/fhir+json", "application/fhir+xml"] {
        let told = |address: &str| {
            let (reply, _) = read(&archive.stranger, address, accept);
            let id = address.rsplit('/').next().unwrap();
            (reply.status, reply.header("Content-Type").to_owned(), reply.text.replace(id, "ID"))
        };
        assert_eq!(told(&of_document), told(&absent), "{accept}");
    }
    // what protects it is taken away: closed with the next request
    let denial = json!({"resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"text": "x"}],
        "policyRule": {"text": "x"}, "patient": {"reference": archive.a}, "provision": {"type": "deny",
            "actor": [{"role": {"text": "x"}, "reference": {"reference": archive.d}}]}});
    archive.own.store(&denial);
    archive.shows(&of_document, [true, false, false, false]);
    archive.operator.ask("DELETE", &format!("/{}", archive.document), "").expect(204);
    archive.shows(&of_document, [false; 4]);
}

fn content_comes_as_it_is_asked_for(house: &House) {
    let archive = Archive::new(house);
    let address = archive.image(Some(&archive.document));
    for (accept, form) in [
        ("image/png", "image/png"),
        ("image/*", "image/png"),
        ("text/html, image/*;q=0.9, */*;q=0.1", "image/png"),
        ("image/png;q=0.5, application/fhir+xml", "application/fhir+xml"),
        ("*/*", "image/png"),
        ("application/fhir+json", "application/fhir+json"),
        ("application/json, */*;q=0.5", "application/fhir+json"),
    ] {
        let (reply, bytes) = read(&archive.doctor, &address, accept);
        assert!(reply.header("Content-Type").starts_with(form), "{accept}: {:?}", reply.headers);
        assert_eq!(bytes == IMAGE, form == "image/png", "{accept}");
        assert_eq!(reply.header("X-Content-Type-Options"), "nosniff");
        assert!(reply.header("Content-Security-Policy").contains("sandbox"));
        assert_eq!(reply.header("ETag"), "W/\"1\"", "{accept}");
    }
    // _format wants the resource, whatever Accept says
    let (reply, _) = read(&archive.doctor, &format!("{address}?_format=xml"), "image/png");
    assert!(reply.text.contains("<contentType value=\"image/png\""), "{}", reply.text);
    // a part is not served: the whole is, as who serves no parts has to
    let headers = [
        ("Authorization", archive.doctor.authorization.as_str()),
        ("Accept", "image/png"),
        ("Range", "bytes=2-4"),
    ];
    let (reply, bytes) = house.send_bytes("GET", &address, &headers, b"");
    assert_eq!((reply.status, bytes.as_slice()), (200, IMAGE));
    assert!(reply.headers.get("Content-Range").is_none());
    let headers =
        [("Authorization", archive.stranger.authorization.as_str()), ("Range", "bytes=2-4")];
    house.send_bytes("GET", &address, &headers, b"").0.expect(404);
    // who has it already is told so; who may not see it is not
    for (person, status) in [(&archive.doctor, 304), (&archive.stranger, 404)] {
        let headers = [
            ("Authorization", person.authorization.as_str()),
            ("Accept", "image/png"),
            ("If-None-Match", "W/\"1\""),
        ];
        house.send_bytes("GET", &address, &headers, b"").0.expect(status);
    }
}

fn content_of_any_type_is_taken_as_it_is(house: &House) {
    let archive = Archive::new(house);
    let document = r#"<ClinicalDocument xmlns="urn:hl7-org:v3"/>"#;
    for (media_type, content) in [
        ("text/xml", document),
        ("application/json", r#"{"a":1}"#),
        ("application/fhir+json", r#"{"resourceType":"Patient"}"#),
    ] {
        let headers = [
            ("Authorization", archive.doctor.authorization.as_str()),
            ("Content-Type", media_type),
            ("X-Security-Context", archive.document.as_str()),
        ];
        let created = house.send("POST", "/Binary", &headers, content).expect(201);
        let address = format!("/Binary/{}", created.id());
        let (read, bytes) = read(&archive.own, &address, "*/*");
        assert_eq!(read.header("Content-Type"), media_type);
        assert_eq!(bytes, content.as_bytes());
        archive.stranger.get(&address).expect(404);
    }
}

fn content_is_put_under_what_one_may_read(house: &House) {
    let archive = Archive::new(house);
    let doctor = &archive.doctor;
    let post = |person, context| put(person, "POST", "/Binary", context, b"new").0;
    let created = post(doctor, Some(archive.document.as_str())).expect(201);
    let address = format!("/Binary/{}", created.id());
    assert_eq!(read(&archive.own, &address, "image/png").1, b"new");
    // what is not open to them, what is not there, and nothing: all the same to them
    for context in [Some(archive.foreign.as_str()), Some("DocumentReference/nobody"), None] {
        post(doctor, context).expect(403);
    }
    post(&archive.stranger, Some(archive.document.as_str())).expect(403);
    // who only reads content: patients and insurers
    post(&archive.own, Some(archive.document.as_str())).expect(403);
    post(&archive.insurer, Some(archive.claim.as_str())).expect(403);
    // content stays as it was put; nobody but the operator changes it, or takes it from under what protects it
    for person in archive.everybody() {
        put(person, "PUT", &address, Some(&archive.document), b"other").0.expect(403);
        person.ask("DELETE", &address, "").expect(403);
        let patch = r#"[{"op":"replace","path":"/contentType","value":"text/html"}]"#;
        let headers = [
            ("Authorization", person.authorization.as_str()),
            ("Content-Type", "application/json-patch+json"),
        ];
        house.send("PATCH", &address, &headers, patch).expect(403);
    }
    let operator = &archive.operator;
    put(operator, "PUT", &address, Some(&archive.foreign), b"other").0.expect(200);
    archive.doctor.get(&address).expect(404);
    // each version under what protected it
    assert_eq!(read(doctor, &format!("{address}/_history/1"), "image/png").1, b"new");
    doctor.get(&format!("{address}/_history/2")).expect(404);
    assert_eq!(doctor.get(&format!("{address}/_history")).expect(200).json()["total"], 1);
    operator.ask("DELETE", &address, "").expect(204);
    operator.get(&address).expect(410);
    archive.doctor.get(&address).expect(404);
    archive.stranger.get(&address).expect(404);
}

fn content_has_a_limit(house: &House) {
    let archive = Archive::new(house);
    let content = vec![0_u8; (16 << 20) + 1];
    let (refused, _) = put(&archive.doctor, "POST", "/Binary", Some(&archive.document), &content);
    let outcome = refused.expect(413).json();
    assert_eq!(outcome["issue"][0]["code"], "too-long");
    // what fits comes back whole
    let content: Vec<u8> = (0..4_u32 << 20).map(|n| (n % 251) as u8).collect();
    let (created, _) = put(&archive.doctor, "POST", "/Binary", Some(&archive.document), &content);
    let address = format!("/Binary/{}", created.expect(201).id());
    assert!(read(&archive.own, &address, "image/png").1 == content);
    read(&archive.stranger, &address, "image/png").0.expect(404);
}
