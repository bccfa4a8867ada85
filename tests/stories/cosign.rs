//! An intern writes, the supervisor signs.

use serde_json::{Value, json};

use crate::{
    house::{House, fresh_database},
    stories::gate::{Person, patient, practitioner},
};

smart_stories!(
    an_intern_writes_and_the_supervisor_signs,
    what_nobody_has_to_sign_is_not_signed,
    a_task_waits_for_the_supervisor,
    what_nobody_has_to_sign_waits_no_more,
    the_task_is_the_vaults_own,
    a_condition_is_provisional_in_every_coding,
    nobody_signs_for_another,
    what_was_read_is_what_is_signed,
    who_adds_a_tag_takes_no_signature_away,
    nobody_signs_for_another_by_another_name,
);

/// Two doctors and an intern who treat the same patient, and the consultant above one of the doctors.
struct Ward<'h> {
    operator: Person<'h>,
    intern: Person<'h>,
    supervisor: Person<'h>,
    other: Person<'h>,
    consultant: Person<'h>,
    patient: String,
    /// `Practitioner/1` of the intern and the supervisor.
    t: String,
    d: String,
}

impl<'h> Ward<'h> {
    fn new(house: &'h House) -> Self {
        let operator = Person::operator(house);
        let patient = patient(&operator);
        let [t, d, o, c] = [(); 4].map(|()| practitioner(&operator));
        let member = |who: &String| json!({"member": {"reference": who}});
        operator.store(&json!({"resourceType": "CareTeam", "status": "active",
            "subject": {"reference": patient},
            "participant": [member(&d), member(&o), member(&c)]}));
        let role = |of: &str, under: Option<&str>| {
            let mut role = json!({"resourceType": "PractitionerRole", "active": true,
                "practitioner": {"reference": of}});
            if let Some(under) = under {
                role["extension"] = json!([{"url": "https://medvault.example/fhir/supervisor",
                    "valueReference": {"reference": under}}]);
            }
            operator.store(&role)
        };
        let of_consultant = role(&c, None);
        let of_supervisor = role(&d, Some(&of_consultant));
        role(&t, Some(&of_supervisor));
        role(&o, None);
        let doctor = |who: &str| Person::new(house, "doctor", Some(who), "user/*.cruds");
        Self {
            intern: Person::new(house, "intern", Some(&t), "user/*.cruds"),
            supervisor: doctor(&d),
            other: doctor(&o),
            consultant: doctor(&c),
            operator,
            patient,
            t,
            d,
        }
    }

    fn report(&self, status: &str) -> Value {
        json!({"resourceType": "DiagnosticReport", "status": status, "code": {"text": "x"},
            "subject": {"reference": self.patient}})
    }
}

fn cosign(who: &Person<'_>, what: &str, status: u16) -> Value {
    who.ask("POST", &format!("/{what}/$cosign"), "").expect(status).json()
}

fn an_intern_writes_and_the_supervisor_signs(house: &House) {
    let ward = Ward::new(house);
    let refused = ward.report("final").to_string();
    ward.intern.ask("POST", "/DiagnosticReport", &refused).expect(422);
    let report = ward.intern.store(&ward.report("preliminary"));
    // neither the intern, nor another doctor of the patient, nor who runs the vault
    cosign(&ward.intern, &report, 403);
    let told = cosign(&ward.other, &report, 403);
    assert!(told.to_string().contains("supervisor"), "{told:#}");
    cosign(&ward.operator, &report, 403);
    ward.supervisor.ask("GET", &format!("/{report}/$cosign"), "").expect(405);
    assert_eq!(
        ward.supervisor.get(&format!("/{report}")).expect(200).json()["status"],
        "preliminary"
    );
    let signed = cosign(&ward.supervisor, &report, 200);
    assert_eq!((&signed["status"], &signed["meta"]["versionId"]), (&json!("final"), &json!("2")));
    // who wrote and who signed stands beside it
    let found = ward.supervisor.get(&format!("/Provenance?target={report}")).expect(200);
    let provenance = &found.json()["entry"][0]["resource"];
    let agents = provenance["agent"].as_array().unwrap().iter();
    let agents: Vec<(&str, &str)> = agents
        .map(|agent| {
            let code = agent["type"]["coding"][0]["code"].as_str().unwrap();
            (code, agent["who"]["reference"].as_str().unwrap())
        })
        .collect();
    assert_eq!(agents, [("author", ward.t.as_str()), ("verifier", ward.d.as_str())]);
    assert_eq!(provenance["target"][0]["reference"], format!("{report}/_history/2"));
    // it is the intern's no more
    let mut again = ward.report("preliminary");
    again["id"] = json!(report.rsplit('/').next().unwrap());
    ward.intern.ask("PUT", &format!("/{report}"), &again.to_string()).expect(422);
    cosign(&ward.supervisor, &report, 409);
    // whoever stands above signs as well
    let observation = ward.intern.store(&json!({"resourceType": "Observation",
        "status": "preliminary", "code": {"text": "x"}, "subject": {"reference": ward.patient}}));
    let signed = cosign(&ward.consultant, &observation, 200);
    assert_eq!(signed["status"], "final");
    let condition = ward.intern.store(&json!({"resourceType": "Condition",
        "clinicalStatus": {"coding": [{"code": "active",
            "system": "http://terminology.hl7.org/CodeSystem/condition-clinical"}]},
        "verificationStatus": {"coding": [{"code": "provisional",
            "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status"}]},
        "subject": {"reference": ward.patient}}));
    let signed = cosign(&ward.supervisor, &condition, 200);
    assert_eq!(signed["verificationStatus"]["coding"][0]["code"], "confirmed");
}

fn what_nobody_has_to_sign_is_not_signed(house: &House) {
    let ward = Ward::new(house);
    // a doctor's own draft, what an intern wrote and a doctor changed, what is not there
    let draft = ward.other.store(&ward.report("preliminary"));
    cosign(&ward.supervisor, &draft, 409);
    let report = ward.intern.store(&ward.report("preliminary"));
    let mut changed = ward.report("preliminary");
    changed["id"] = json!(report.rsplit('/').next().unwrap());
    changed["conclusion"] = json!("changed");
    ward.other.ask("PUT", &format!("/{report}"), &changed.to_string()).expect(200);
    cosign(&ward.supervisor, &report, 409);
    cosign(&ward.supervisor, "DiagnosticReport/absent", 404);
    // of another's patient there is nothing to sign
    let stranger = practitioner(&ward.operator);
    let stranger = Person::new(house, "doctor", Some(&stranger), "user/*.cruds");
    cosign(&stranger, &report, 404);
    // a token that may not write signs nothing, nor does one that is for another version
    let reader = Person::new(house, "doctor", Some(&ward.d), "user/*.rs");
    let last = ward.intern.store(&ward.report("preliminary"));
    cosign(&reader, &last, 403);
    let headers =
        [("Authorization", ward.supervisor.authorization.as_str()), ("If-Match", "W/\"7\"")];
    house.send("POST", &format!("/{last}/$cosign"), &headers, "").expect(412);
    cosign(&ward.supervisor, &last, 200);
}

impl Ward<'_> {
    /// The entries of the supervisor's list.
    fn waiting(&self) -> Vec<Value> {
        let path = format!("/Task?owner={}&status=requested", self.d);
        let found = self.supervisor.get(&path).expect(200).json();
        found["entry"].as_array().cloned().unwrap_or_default()
    }

    fn status(&self, task: &str) -> Value {
        self.supervisor.get(&format!("/{task}")).expect(200).json()["status"].clone()
    }
}

fn a_task_waits_for_the_supervisor(house: &House) {
    let ward = Ward::new(house);
    // a scope for reports is enough to be supervised
    let narrow = Person::new(house, "intern", Some(&ward.t), "user/DiagnosticReport.cruds");
    let report = narrow.store(&ward.report("preliminary"));
    let task = ward.waiting()[0]["resource"].clone();
    let id = format!("Task/{}", task["id"].as_str().unwrap());
    assert_eq!(task["code"]["coding"][0]["code"], "cosign", "{task:#}");
    assert_eq!(task["focus"]["reference"], format!("{report}/_history/1"));
    assert_eq!(task["owner"]["reference"], ward.d);
    assert_eq!(task["requester"]["reference"], ward.t);
    assert_eq!(task["for"]["reference"], ward.patient);
    // one a resource, whatever the intern does to it
    let mut again = ward.report("preliminary");
    again["id"] = json!(report.rsplit('/').next().unwrap());
    again["conclusion"] = json!("better");
    ward.intern.ask("PUT", &format!("/{report}"), &again.to_string()).expect(200);
    let all = ward.waiting();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["resource"]["focus"]["reference"], format!("{report}/_history/2"));
    // who is not the supervisor does not sign by it, the supervisor does
    cosign(&ward.other, &id, 403);
    let signed = cosign(&ward.supervisor, &id, 200);
    assert_eq!(
        (&signed["resourceType"], &signed["status"]),
        (&json!("DiagnosticReport"), &json!("final"))
    );
    assert_eq!((ward.waiting().len(), ward.status(&id)), (0, json!("completed")));
    cosign(&ward.supervisor, &id, 409);
    // another Task is not signed
    let other = ward.operator.store(&json!({"resourceType": "Task", "status": "requested",
        "intent": "order", "for": {"reference": ward.patient}}));
    cosign(&ward.supervisor, &other, 409);
}

fn what_nobody_has_to_sign_waits_no_more(house: &House) {
    let ward = Ward::new(house);
    // what is taken back, deleted or changed by somebody else waits no more
    let observation = json!({"resourceType": "Observation", "status": "preliminary",
        "code": {"text": "x"}, "subject": {"reference": ward.patient}});
    let end = |change: &dyn Fn(&str, Value)| {
        let written = ward.intern.store(&observation);
        let task = format!("Task/{}", ward.waiting()[0]["resource"]["id"].as_str().unwrap());
        let mut body = observation.clone();
        body["id"] = json!(written.rsplit('/').next().unwrap());
        change(&written, body);
        assert_eq!((ward.waiting().len(), ward.status(&task)), (0, json!("cancelled")));
        (written, task)
    };
    end(&|written, mut body| {
        body["status"] = json!("entered-in-error");
        ward.supervisor.ask("PUT", &format!("/{written}"), &body.to_string()).expect(200);
    });
    end(&|written, _| {
        ward.supervisor.ask("DELETE", &format!("/{written}"), "").expect(204);
    });
    let (written, task) = end(&|written, mut body| {
        body["valueString"] = json!("y");
        ward.other.ask("PUT", &format!("/{written}"), &body.to_string()).expect(200);
    });
    // the intern takes it up again
    let mut body = observation.clone();
    body["id"] = json!(written.rsplit('/').next().unwrap());
    body["valueString"] = json!("z");
    ward.intern.ask("PUT", &format!("/{written}"), &body.to_string()).expect(200);
    assert_eq!(ward.status(&task), "requested");
    // in a transaction that is refused nothing is left
    let bad = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": observation, "request": {"method": "POST", "url": "Observation"}},
        {"resource": ward.report("final"), "request": {"method": "POST", "url": "DiagnosticReport"}}]});
    ward.intern.ask("POST", "/", &bad.to_string()).expect(422);
    assert_eq!(ward.waiting().len(), 1);
    // what a doctor drafts waits for nobody
    ward.other.store(&observation);
    assert_eq!(ward.waiting().len(), 1);
}

impl Ward<'_> {
    /// The one Task that waits, and its address.
    fn task(&self) -> (Value, String) {
        let task = self.waiting()[0]["resource"].clone();
        let address = format!("/Task/{}", task["id"].as_str().unwrap());
        (task, address)
    }
}

fn the_task_is_the_vaults_own(house: &House) {
    let ward = Ward::new(house);
    let report = ward.intern.store(&ward.report("preliminary"));
    let (task, address) = ward.task();
    let with = |name: &str, value: Value| {
        let mut task = task.clone();
        task[name] = value;
        task.to_string()
    };
    let other_report = ward.other.store(&ward.report("preliminary"));
    let focus = json!({"reference": format!("{other_report}/_history/1")});
    // nobody closes it, makes it another one, hides what it is, deletes it or makes one like it
    for who in [&ward.intern, &ward.other, &ward.supervisor] {
        who.ask("PUT", &address, &with("status", json!("completed"))).expect(403);
        who.ask("PUT", &address, &with("focus", focus.clone())).expect(403);
        who.ask("PUT", &address, &with("code", json!({"text": "x"}))).expect(403);
        who.ask("POST", "/Task", &task.to_string()).expect(403);
        let headers = [
            ("Authorization", who.authorization.as_str()),
            ("Content-Type", "application/json-patch+json"),
        ];
        let patch = r#"[{"op":"replace","path":"/status","value":"completed"}]"#;
        house.send("PATCH", &address, &headers, patch).expect(403);
        let plain = json!({"resourceType": "Task", "status": "requested", "intent": "order",
            "for": {"reference": ward.patient}});
        let mut plain = json!({"id": who.store(&plain).rsplit('/').next(), "code": task["code"],
            "resourceType": "Task", "status": "requested", "intent": "order",
            "for": {"reference": ward.patient}});
        let own = format!("/Task/{}", plain["id"].as_str().unwrap());
        who.ask("PUT", &own, &plain.to_string()).expect(403);
        plain["code"] = json!({"text": "x"});
        who.ask("PUT", &own, &plain.to_string()).expect(200);
    }
    ward.supervisor.ask("DELETE", &address, "").expect(403);
    // nor beside a change of what it is about
    let mut again = ward.report("preliminary");
    again["id"] = json!(report.rsplit('/').next().unwrap());
    again["conclusion"] = json!("worse");
    let done: Value = serde_json::from_str(&with("status", json!("completed"))).unwrap();
    let both = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": again, "request": {"method": "PUT", "url": report}},
        {"resource": done, "request": {"method": "PUT", "url": &address[1..]}}]});
    ward.intern.ask("POST", "/", &both.to_string()).expect(403);
    assert_eq!(ward.waiting()[0]["resource"]["focus"], task["focus"]);
    // one that is not the vault's signs nothing, whoever wrote it
    let (mut like, mut moved) = (task.clone(), task.clone());
    like.as_object_mut().unwrap().remove("id");
    let like = ward.operator.store(&like);
    cosign(&ward.supervisor, &like, 409);
    let second = ward.intern.store(&ward.report("preliminary"));
    moved["focus"] = json!({"reference": format!("{second}/_history/1")});
    ward.operator.ask("PUT", &address, &moved.to_string()).expect(200);
    cosign(&ward.supervisor, &address[1..], 409);
    // who makes the report final without signing leaves no signature
    let mut last = ward.report("final");
    last["id"] = json!(second.rsplit('/').next().unwrap());
    let path = format!("/Task?owner={}&focus={second}&status=requested", ward.d);
    let own = ward.supervisor.get(&path).expect(200).json();
    let own = own["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]["id"]);
    let own =
        own.filter(|id| **id != task["id"]).map(|id| format!("Task/{}", id.as_str().unwrap()));
    let own: Vec<String> = own.collect();
    let [own] = own.as_slice() else { panic!("{own:?}") };
    ward.other.ask("PUT", &format!("/{second}"), &last.to_string()).expect(200);
    assert_eq!(ward.status(own), "cancelled");
}

fn what_was_read_is_what_is_signed(house: &House) {
    let ward = Ward::new(house);
    let report = ward.intern.store(&ward.report("preliminary"));
    let (mut task, address) = ward.task();
    let mut again = ward.report("preliminary");
    again["id"] = json!(report.rsplit('/').next().unwrap());
    again["conclusion"] = json!("worse");
    ward.intern.ask("PUT", &format!("/{report}"), &again.to_string()).expect(200);
    // a Task that stayed behind
    task.as_object_mut().unwrap().remove("meta");
    ward.operator.ask("PUT", &address, &task.to_string()).expect(200);
    cosign(&ward.supervisor, &address[1..], 412);
    assert_eq!(
        ward.supervisor.get(&format!("/{report}")).expect(200).json()["status"],
        "preliminary"
    );
    task["focus"] = json!({"reference": format!("{report}/_history/2")});
    ward.operator.ask("PUT", &address, &task.to_string()).expect(200);
    let headers =
        [("Authorization", ward.supervisor.authorization.as_str()), ("If-Match", "W/\"1\"")];
    house.send("POST", &format!("{address}/$cosign"), &headers, "").expect(412);
    cosign(&ward.supervisor, &address[1..], 200);
    assert_eq!(ward.status(&address[1..]), "completed");
}

fn a_condition_is_provisional_in_every_coding(house: &House) {
    let ward = Ward::new(house);
    let condition = |codes: &[&str]| {
        let codings: Vec<Value> = codes
            .iter()
            .map(|code| {
                json!({"code": code,
                    "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status"})
            })
            .collect();
        json!({"resourceType": "Condition", "verificationStatus": {"coding": codings},
            "subject": {"reference": ward.patient}})
    };
    for codes in [["confirmed", "provisional"], ["provisional", "confirmed"]] {
        let refused = condition(&codes).to_string();
        let told = ward.intern.ask("POST", "/Condition", &refused).expect(422).json();
        assert!(told.to_string().contains("cosign-required"), "{told:#}");
    }
    assert!(ward.waiting().is_empty());
    let written = ward.intern.store(&condition(&["provisional"]));
    assert_eq!(ward.waiting().len(), 1);
    let mut both = condition(&["provisional", "confirmed"]);
    both["id"] = json!(written.rsplit('/').next().unwrap());
    ward.intern.ask("PUT", &format!("/{written}"), &both.to_string()).expect(422);
    let signed = cosign(&ward.supervisor, &written, 200);
    assert_eq!(signed["verificationStatus"]["coding"][0]["code"], "confirmed");
}

fn nobody_signs_for_another(house: &House) {
    let ward = Ward::new(house);
    let report = ward.intern.store(&ward.report("preliminary"));
    let role = |of: &str| {
        ward.operator.store(&json!({"resourceType": "PractitionerRole", "active": true,
            "practitioner": {"reference": of}}))
    };
    let (own, others) = (role(&ward.d), role(&ward.t));
    let provenance = |who: Value| {
        json!({"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": report}, {"reference": ward.patient}],
            "agent": [
                {"type": {"coding": [{"code": "author"}]}, "who": {"reference": ward.t}},
                {"type": {"coding": [{"code": "verifier"}]}, "who": who}]})
        .to_string()
    };
    let post = |who: &Person<'_>, verifier: &Value, status: u16| {
        who.ask("POST", "/Provenance", &provenance(verifier.clone())).expect(status);
    };
    let supervisor = json!({"reference": ward.d});
    post(&ward.other, &supervisor, 403);
    post(&ward.other, &json!({"reference": own}), 403);
    post(&ward.other, &json!({"display": "the supervisor"}), 403);
    post(&ward.supervisor, &json!({"reference": others}), 403);
    post(&ward.supervisor, &supervisor, 201);
    post(&ward.supervisor, &json!({"reference": own}), 201);
    post(&ward.operator, &supervisor, 201);
}

fn who_adds_a_tag_takes_no_signature_away(house: &House) {
    let ward = Ward::new(house);
    let tag = |who: &Person<'_>, what: &str, name: &str| {
        let parameter = json!({"name": "meta", "valueMeta": {"tag": [{"code": name}]}});
        let body = json!({"resourceType": "Parameters", "parameter": [parameter]}).to_string();
        who.ask("POST", &format!("/{what}/$meta-add"), &body).expect(200);
    };
    let report = ward.intern.store(&ward.report("preliminary"));
    let (before, address) = ward.task();
    tag(&ward.other, &report, "read");
    tag(&ward.supervisor, &report, "seen");
    let (after, _) = ward.task();
    assert_eq!(before["focus"]["reference"], format!("{report}/_history/1"));
    assert_eq!(after["focus"]["reference"], format!("{report}/_history/3"));
    assert_eq!((&after["owner"], &after["status"]), (&before["owner"], &json!("requested")));
    cosign(&ward.other, &report, 403);
    let signed = cosign(&ward.supervisor, &address[1..], 200);
    assert_eq!((&signed["status"], &signed["meta"]["versionId"]), (&json!("final"), &json!("4")));
    assert_eq!(ward.status(&address[1..]), "completed");
    // who changes more than that wrote it, whatever is added afterwards
    let report = ward.intern.store(&ward.report("preliminary"));
    let (_, address) = ward.task();
    let mut again = ward.report("preliminary");
    again["id"] = json!(report.rsplit('/').next().unwrap());
    again["conclusion"] = json!("better");
    ward.other.ask("PUT", &format!("/{report}"), &again.to_string()).expect(200);
    tag(&ward.other, &report, "read");
    assert_eq!(ward.status(&address[1..]), "cancelled");
    cosign(&ward.supervisor, &report, 409);
}

fn nobody_signs_for_another_by_another_name(house: &House) {
    let ward = Ward::new(house);
    let report = ward.intern.store(&ward.report("preliminary"));
    let role = ward.operator.store(&json!({"resourceType": "PractitionerRole", "active": true,
        "practitioner": {"reference": ward.d}}));
    let provenance = |agent: Value, signature: Option<Value>| {
        let mut body = json!({"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": report}, {"reference": ward.patient}], "agent": [agent]});
        if let Some(signature) = signature {
            body["signature"] = json!([signature]);
        }
        body.to_string()
    };
    let agent = |code: &str, who: &str| json!({"type": {"coding": [{"code": code}]}, "who": {"reference": who}});
    let own = [(&ward.supervisor, 201), (&ward.other, 403), (&ward.intern, 403)];
    for code in ["legal", "LA", "attester", "AUTHEN"] {
        for (who, status) in own {
            who.ask("POST", "/Provenance", &provenance(agent(code, &ward.d), None)).expect(status);
            who.ask("POST", "/Provenance", &provenance(agent(code, &role), None)).expect(status);
        }
    }
    let verified =
        json!([{"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.5"}]);
    for signer in [&ward.d, &role] {
        for (who, status) in own {
            let signature = json!({"type": verified, "when": "2026-01-01T00:00:00Z",
                "who": {"reference": signer}});
            let body = provenance(agent("author", &ward.t), Some(signature));
            who.ask("POST", "/Provenance", &body).expect(status);
        }
    }
    // who is no longer named by anything of this vault signs nothing
    let contained = json!({"type": verified, "when": "2026-01-01T00:00:00Z",
        "who": {"display": "the supervisor"}});
    let body = provenance(agent("author", &ward.t), Some(contained));
    ward.other.ask("POST", "/Provenance", &body).expect(403);
}

/// A server that asks for tokens and keeps no audit events.
fn forgetful(database: &[&str]) -> House {
    let quiet = [
        ("MEDVAULT__AUDIT__EVENTS", "off"),
        ("MEDVAULT__LIMITS__AUTH_PER_S", "0"),
        ("MEDVAULT__LIMITS__PUBLIC_PER_S", "0"),
    ];
    House::start_with(&[&["--auth", "smart"][..], database].concat(), &quiet)
}

#[test]
fn sqlite_signs_without_audit_events() {
    who_wrote_stands_in_the_task(&forgetful(&[]));
}

#[test]
fn postgres_signs_without_audit_events() {
    let url = fresh_database("cosign");
    who_wrote_stands_in_the_task(&forgetful(&["--database-url", &url]));
}

fn who_wrote_stands_in_the_task(house: &House) {
    let ward = Ward::new(house);
    let changed = |report: &str| {
        let mut body = ward.report("preliminary");
        body["id"] = json!(report.rsplit('/').next().unwrap());
        body["conclusion"] = json!("better");
        body.to_string()
    };
    let tag = |who: &Person<'_>, what: &str| {
        let parameter = json!({"name": "meta", "valueMeta": {"tag": [{"code": "seen"}]}});
        let body = json!({"resourceType": "Parameters", "parameter": [parameter]}).to_string();
        who.ask("POST", &format!("/{what}/$meta-add"), &body).expect(200);
    };
    let report = ward.intern.store(&ward.report("preliminary"));
    cosign(&ward.other, &report, 403);
    cosign(&ward.intern, &report, 403);
    assert_eq!(cosign(&ward.supervisor, &report, 200)["status"], "final");
    let report = ward.intern.store(&ward.report("preliminary"));
    tag(&ward.other, &report);
    assert_eq!(cosign(&ward.consultant, &report, 200)["status"], "final");
    let report = ward.intern.store(&ward.report("preliminary"));
    let (task, address) = ward.task();
    assert_eq!(task["requester"]["reference"], ward.t);
    assert_eq!(cosign(&ward.supervisor, &address[1..], 200)["status"], "final");
    assert_eq!(ward.status(&address[1..]), "completed");
    // what a doctor changed, what a doctor wrote and an intern labels
    let report_of_both = ward.intern.store(&ward.report("preliminary"));
    let body = changed(&report_of_both);
    ward.other.ask("PUT", &format!("/{report_of_both}"), &body).expect(200);
    cosign(&ward.supervisor, &report_of_both, 409);
    let draft = ward.other.store(&ward.report("preliminary"));
    tag(&ward.intern, &draft);
    assert!(ward.waiting().is_empty());
    cosign(&ward.supervisor, &draft, 409);
    cosign(&ward.supervisor, &report, 409);
}
