//! A hospital pushes whole records: transactions and batches.

use serde_json::{Value, json};

use crate::house::{House, unique};

stories!(
    a_record_arrives_whole,
    one_fault_and_nothing_is_stored,
    the_verbs_have_an_order,
    conditions_inside_a_transaction,
    conditions_see_what_the_transaction_does,
    references_by_search_see_what_the_transaction_does,
    a_search_inside_a_transaction_keeps_its_count,
    two_entries_for_one_resource_are_refused,
    criteria_that_mean_one_resource_are_refused,
    references_to_versions_go_on_naming_one,
    a_batch_answers_each_for_itself,
    a_fault_in_a_batch_is_its_entrys_own,
    answers_carry_what_was_preferred,
);

fn bundle(kind: &str, entries: &[Value]) -> Value {
    json!({"resourceType": "Bundle", "type": kind, "entry": entries})
}

fn patient(identifier: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": identifier}],
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},
    })
}

fn observation(subject: &str) -> Value {
    json!({
        "resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "subject": {"reference": subject},
    })
}

fn post(full_url: &str, resource: &Value) -> Value {
    let ty = resource["resourceType"].as_str().unwrap();
    json!({"fullUrl": full_url, "resource": resource, "request": {"method": "POST", "url": ty}})
}

fn statuses(answer: &Value) -> Vec<String> {
    let entries = answer["entry"].as_array().unwrap().iter();
    let status = |entry: &Value| entry["response"]["status"].as_str().unwrap()[..3].to_owned();
    entries.map(status).collect()
}

fn a_record_arrives_whole(house: &House) {
    let urn = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
    let sent = bundle(
        "transaction",
        &[
            post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &observation(urn)),
            post(urn, &patient(&unique("mrn"))),
        ],
    );
    let answer = house.post("", &sent).expect(200).json();
    assert_eq!(answer["type"], "transaction-response");
    assert_eq!(statuses(&answer), ["201", "201"]);
    let location =
        |n: usize| answer["entry"][n]["response"]["location"].as_str().unwrap().to_owned();
    let observation = house.get(&location(0)).expect(200).json();
    let patient = house.get(&location(1)).expect(200).json();
    let reference = format!("Patient/{}", patient["id"].as_str().unwrap());
    assert_eq!(observation["subject"]["reference"], reference.as_str());
    let found = house.get(&format!("/Observation?subject={reference}")).expect(200);
    assert_eq!(found.ids(), [observation["id"].as_str().unwrap()]);
    house.post("", &json!({"resourceType": "Bundle", "type": "transaction"})).expect(200);
}

fn one_fault_and_nothing_is_stored(house: &House) {
    let mrn = unique("mrn");
    let mut entries = vec![post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &patient(&mrn))];
    for broken in [
        json!({"resource": {"resourceType": "Observation"}, "request": {"method": "POST", "url": "Observation"}}),
        json!({"resource": {"resourceType": "Patient", "id": "x"}, "request": {"method": "PUT", "url": "Patient/x", "ifMatch": "W/\"99\""}}),
        json!({"request": {"method": "GET", "url": "Patient/nobody"}}),
        json!({"request": {"method": "GET", "url": "Patient?nonsense=1"}}),
        json!({"resource": {"resourceType": "Patient"}}),
    ] {
        entries.push(broken);
        let refused = house.post("", &bundle("transaction", &entries));
        assert!((400..=422).contains(&refused.status), "{}", refused.text);
        let place =
            refused.json()["issue"][0]["expression"][0].as_str().unwrap_or_default().to_owned();
        assert!(place.starts_with("Bundle.entry[1]"), "{place}: {}", refused.text);
        entries.pop();
    }
    assert!(house.get(&format!("/Patient?identifier={mrn}")).expect(200).ids().is_empty());
}

fn the_verbs_have_an_order(house: &House) {
    let (mrn, id) = (unique("mrn"), unique("kept"));
    let doomed = house.post("/Patient", &patient(&mrn)).expect(201).id();
    let answer = house.post("", &bundle("transaction", &[
        json!({"request": {"method": "GET", "url": format!("Basic/{id}")}}),
        json!({"request": {"method": "GET", "url": format!("Patient?identifier={mrn}")}}),
        json!({"resource": {"resourceType": "Basic", "id": id, "code": {"text": "x"}}, "request": {"method": "PUT", "url": format!("Basic/{id}")}}),
        post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &patient(&mrn)),
        json!({"request": {"method": "DELETE", "url": format!("Patient/{doomed}")}}),
    ])).expect(200).json();
    assert_eq!(statuses(&answer), ["200", "200", "201", "201", "204"]);
    assert_eq!(answer["entry"][0]["resource"]["id"], id.as_str());
    let found = answer["entry"][1]["resource"]["entry"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_ne!(found[0]["resource"]["id"], doomed.as_str());
}

fn conditions_inside_a_transaction(house: &House) {
    let mrn = unique("mrn");
    let criteria = format!("identifier=urn:mrn|{mrn}");
    let urn = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
    let mut conditional = post(urn, &patient(&mrn));
    conditional["request"]["ifNoneExist"] = json!(criteria);
    let sent = bundle(
        "transaction",
        &[conditional, post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &observation(urn))],
    );
    let first = house.post("", &sent).expect(200).json();
    let second = house.post("", &sent).expect(200).json();
    assert_eq!(statuses(&first), ["201", "201"]);
    assert_eq!(statuses(&second), ["200", "201"]);
    let id = house.get(&format!("/Patient?{criteria}")).expect(200).ids();
    assert_eq!(id.len(), 1);
    assert_eq!(house.get(&format!("/Observation?subject=Patient/{}", id[0])).ids().len(), 2);
    // a reference by search
    let sent = bundle(
        "transaction",
        &[post(
            "urn:uuid:0a1c5a0e-0000-4000-8000-000000000001",
            &observation(&format!("Patient?{criteria}")),
        )],
    );
    let answer = house.post("", &sent).expect(200).json();
    let stored = house.get(answer["entry"][0]["response"]["location"].as_str().unwrap()).json();
    assert_eq!(stored["subject"]["reference"], format!("Patient/{}", id[0]).as_str());
    let nobody = observation("Patient?identifier=urn:mrn|nobody-at-all");
    let sent =
        bundle("transaction", &[post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &nobody)]);
    house.post("", &sent).expect(412);
}

fn two_entries_for_one_resource_are_refused(house: &House) {
    let id = unique("twice");
    let put = json!({
        "resource": {"resourceType": "Basic", "id": id, "code": {"text": "x"}},
        "request": {"method": "PUT", "url": format!("Basic/{id}")},
    });
    let refused = house.post("", &bundle("transaction", &[put.clone(), put])).expect(400);
    assert_eq!(refused.json()["issue"][0]["expression"][0], "Bundle.entry[1]");
    house.get(&format!("/Basic/{id}")).expect(404);
}

fn criteria_that_mean_one_resource_are_refused(house: &House) {
    let put = |mrn: &str, id: Option<&str>| {
        let mut resource = patient(mrn);
        if let Some(id) = id {
            resource["id"] = json!(id);
        }
        json!({"resource": resource, "request": {"method": "PUT", "url": format!("Patient?identifier=urn:mrn|{mrn}")}})
    };
    let found = |mrn: &str| {
        house.get(&format!("/Patient?identifier=urn:mrn|{mrn}")).expect(200).ids().len()
    };
    let mrn = unique("mrn");
    let (one, two) = (unique("one"), unique("two"));
    let urn = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
    let mut created = post(urn, &patient(&mrn));
    created["request"]["ifNoneExist"] = json!(format!("identifier=urn:mrn|{mrn}"));
    let mut named = put(&mrn, Some(&one));
    named["request"]["url"] = json!(format!("Patient/{one}"));
    for (first, second) in [
        (put(&mrn, None), put(&mrn, None)),
        (put(&mrn, Some(&one)), put(&mrn, Some(&two))),
        (put(&mrn, None), created),
        (put(&mrn, None), post(urn, &patient(&mrn))),
        (put(&mrn, None), named),
    ] {
        let sent = bundle("transaction", &[first, second]);
        let refused = house.post("", &sent).expect(400).json();
        let place = refused["issue"][0]["expression"][0].as_str().unwrap();
        assert!(place.starts_with("Bundle.entry["), "{refused}");
        assert_eq!(found(&mrn), 0, "{sent}");
    }
    // those that mean two are carried out
    let other = unique("mrn");
    let sent = bundle("transaction", &[put(&mrn, None), put(&other, None)]);
    assert_eq!(statuses(&house.post("", &sent).expect(200).json()), ["201", "201"]);
    assert_eq!(statuses(&house.post("", &sent).expect(200).json()), ["200", "200"]);
    assert_eq!((found(&mrn), found(&other)), (1, 1));
}

fn references_to_versions_go_on_naming_one(house: &House) {
    let (kept, base) = (unique("kept"), "http://source.example/fhir");
    let put = json!({"fullUrl": format!("{base}/Patient/{kept}"), "resource": {"resourceType": "Patient", "id": kept},
        "request": {"method": "PUT", "url": format!("Patient/{kept}")}});
    let made = format!("{base}/Patient/1");
    let sent = bundle(
        "transaction",
        &[
            post(&made, &patient(&unique("mrn"))),
            post(&format!("{base}/Observation/1"), &observation(&format!("{made}/_history/3"))),
            post(
                &format!("{base}/Observation/2"),
                &observation(&format!("{base}/Patient/{kept}/_history/3")),
            ),
            post(&format!("{base}/Observation/3"), &observation("Patient/1/_history/7")),
            post(&format!("{base}/Observation/4"), &observation(&made)),
            put,
        ],
    );
    let answer = house.post("", &sent).expect(200).json();
    let at = |n: usize| answer["entry"][n]["response"]["location"].as_str().unwrap().to_owned();
    let subject = |n: usize| {
        house.get(&at(n)).expect(200).json()["subject"]["reference"].as_str().unwrap().to_owned()
    };
    let id = house.get(&at(0)).expect(200).json()["id"].as_str().unwrap().to_owned();
    // of what is made here there is one version to mean
    assert_eq!(subject(1), format!("Patient/{id}/_history/1"));
    assert_eq!(subject(2), format!("Patient/{kept}/_history/3"));
    assert_eq!(subject(3), format!("Patient/{id}/_history/1"));
    assert_eq!(subject(4), format!("Patient/{id}"));
    house.get(&format!("/{}", subject(1))).expect(200);
}

fn a_batch_answers_each_for_itself(house: &House) {
    let mrn = unique("mrn");
    let answer = house.post("", &bundle("batch", &[
        post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &patient(&mrn)),
        json!({"request": {"method": "GET", "url": "Patient/nobody"}}),
        json!({"request": {"method": "GET", "url": "metadata"}}),
        json!({"resource": {"resourceType": "Patient", "id": "y"}, "request": {"method": "PUT", "url": "Patient/z"}}),
    ])).expect(200).json();
    assert_eq!(answer["type"], "batch-response");
    assert_eq!(statuses(&answer), ["201", "404", "200", "400"]);
    assert_eq!(answer["entry"][1]["response"]["outcome"]["resourceType"], "OperationOutcome");
    assert_eq!(answer["entry"][2]["resource"]["resourceType"], "CapabilityStatement");
    assert_eq!(house.get(&format!("/Patient?identifier={mrn}")).ids().len(), 1);
}

fn a_fault_in_a_batch_is_its_entrys_own(house: &House) {
    let (first, last) = (unique("first"), unique("last"));
    let put = |id: &str| {
        json!({"resource": {"resourceType": "Basic", "id": id, "code": {"text": "x"}},
            "request": {"method": "PUT", "url": format!("Basic/{id}")}})
    };
    let script = json!({"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\"><script/></div>"});
    let faulty = [
        (json!({"resourceType": "Patient", "birthDate": "xx"}), "400", ".birthDate"),
        (json!({"resourceType": "Patient", "nonsense": 1}), "400", ".nonsense"),
        (json!({"resourceType": "Foo"}), "400", ""),
        (json!({"resourceType": "Observation", "status": "final"}), "400", ".code"),
        (json!({"resourceType": "Patient", "text": script}), "422", ".text.div"),
    ];
    let mut entries = vec![put(&first)];
    entries.extend(
        faulty
            .iter()
            .map(|(resource, ..)| post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", resource)),
    );
    entries.push(put(&last));
    let sent = bundle("batch", &entries);
    let answer = house.post("", &sent).expect(200).json();
    let given = statuses(&answer);
    assert!(given[0] == "201" && given[6] == "201", "{given:?}");
    for (n, (resource, status, place)) in (1..).zip(&faulty) {
        let outcome = &answer["entry"][n]["response"]["outcome"];
        assert_eq!(given[n], *status, "{resource}: {outcome}");
        let expected = format!("Bundle.entry[{n}].resource{place}");
        assert_eq!(outcome["issue"][0]["expression"][0], expected.as_str(), "{outcome}");
    }
    house.get(&format!("/Basic/{first}")).expect(200);
    house.get(&format!("/Basic/{last}")).expect(200);
    // a transaction is one thing, and so is what is wrong with a batch itself
    house.post("", &bundle("transaction", &entries)).expect(400);
    let mut odd = sent;
    odd["nonsense"] = json!(1);
    house.post("", &odd).expect(400);
    // the same in XML
    let (id, xml_type) = (unique("xml"), [("Content-Type", "application/fhir+xml")]);
    let xml = |kind: &str| {
        format!(
            r#"<Bundle xmlns="http://hl7.org/fhir"><type value="{kind}"/>
        <entry><resource><Patient><nonsense value="1"/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry>
        <entry><resource><Patient><birthDate value="xx"/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry>
        <entry><resource><Basic><id value="{id}"/><code><text value="x"/></code></Basic></resource><request><method value="PUT"/><url value="Basic/{id}"/></request></entry></Bundle>"#
        )
    };
    house.send("POST", "", &xml_type, &xml("transaction")).expect(400);
    house.get(&format!("/Basic/{id}")).expect(404);
    let answer = house.send("POST", "", &xml_type, &xml("batch")).expect(200).json();
    assert_eq!(statuses(&answer), ["400", "400", "201"], "{answer}");
    let issue = &answer["entry"][0]["response"]["outcome"]["issue"][0];
    assert!(issue["diagnostics"].as_str().unwrap().contains("line 2"), "{issue}");
    house.get(&format!("/Basic/{id}")).expect(200);
}

fn answers_carry_what_was_preferred(house: &House) {
    for kind in ["batch", "transaction"] {
        let sent = bundle(
            kind,
            &[post("urn:uuid:0a1c5a0e-0000-4000-8000-000000000001", &patient(&unique("mrn")))],
        );
        let send = |prefer: &str| {
            let answer =
                house.send("POST", "", &[("Prefer", prefer)], &sent.to_string()).expect(200);
            answer.json()["entry"][0].clone()
        };
        assert_eq!(send("return=minimal").get("resource"), None, "{kind}");
        assert_eq!(send("return=representation")["resource"]["resourceType"], "Patient", "{kind}");
        let outcome = send("return=OperationOutcome");
        assert_eq!(outcome["response"]["outcome"]["resourceType"], "OperationOutcome", "{kind}");
    }
}

fn created(mrn: &str) -> Value {
    let mut entry =
        json!({"resource": patient(mrn), "request": {"method": "POST", "url": "Patient"}});
    entry["request"]["ifNoneExist"] = json!(format!("identifier=urn:mrn|{mrn}"));
    entry
}

fn conditions_see_what_the_transaction_does(house: &House) {
    let mrn = unique("mrn");
    let twice = bundle("transaction", &[created(&mrn), created(&mrn)]);
    let answer = house.post("", &twice).expect(200).json();
    assert_eq!(statuses(&answer), ["201", "200"]);
    let location = |n: usize| answer["entry"][n]["response"]["location"].clone();
    assert_eq!(location(0), location(1));
    let address = format!("Patient?identifier=urn:mrn|{mrn}");
    let before = house.get(&format!("/{address}")).expect(200).ids();
    let doomed = json!({"request": {"method": "DELETE", "url": address}});
    let anew = bundle("transaction", &[created(&mrn), doomed]);
    let answer = house.post("", &anew).expect(200).json();
    assert_eq!(statuses(&answer), ["201", "204"]);
    let after = house.get(&format!("/{address}")).expect(200).ids();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
}

fn references_by_search_see_what_the_transaction_does(house: &House) {
    let (here, sent) = (unique("mrn"), unique("mrn"));
    house.post("/Patient", &patient(&here)).expect(201);
    let mut found = created(&here);
    let also = json!({"system": "urn:mrn", "value": sent});
    found["resource"]["identifier"].as_array_mut().unwrap().push(also);
    let by_search = observation(&format!("Patient?identifier=urn:mrn|{sent}"));
    let observe =
        json!({"resource": by_search, "request": {"method": "POST", "url": "Observation"}});
    // the conditional create finds somebody else, so nobody has the identifier that was sent
    house.post("", &bundle("transaction", &[found, observe.clone()])).expect(412);
    let url = format!("Patient?identifier=urn:mrn|{sent}");
    let upsert = json!({"resource": patient(&sent), "request": {"method": "PUT", "url": url}});
    house.post("", &bundle("transaction", &[upsert, observe])).expect(200);
    let patient = house.get(&format!("/{url}")).expect(200).ids().remove(0);
    let found = house.get(&format!("/Observation?subject=Patient/{patient}")).expect(200);
    assert_eq!(found.ids().len(), 1);
}

fn a_search_inside_a_transaction_keeps_its_count(house: &House) {
    let mrn = unique("mrn");
    for _ in 0..3 {
        house.post("/Patient", &patient(&mrn)).expect(201);
    }
    let search = |rest: &str| {
        let url = format!("Patient?identifier=urn:mrn|{mrn}&{rest}");
        house.post("", &bundle("transaction", &[json!({"request": {"method": "GET", "url": url}})]))
    };
    let answer = search("_count=2").expect(200).json();
    assert_eq!(answer["entry"][0]["resource"]["entry"].as_array().unwrap().len(), 2);
    search("_summary=count").expect(400);
}
