//! Beds with tokens: who may ask, give, accept and release, and who sees what.

use serde_json::{Value, json};

use super::hospital::{OURS, part, parts};
use crate::house::{House, Reply, unique};

smart_stories!(
    a_walk_with_tokens,
    strangers_see_numbers_only,
    who_may_hold_a_bed_for_an_emergency,
    other_hospitals_learn_nothing_of_a_stay,
    what_is_hidden_is_answered_as_what_is_absent,
    an_order_of_somebody_else_is_none,
    a_hospital_asks_on_orders_of_its_own,
);

/// Somebody with a token.
struct Person<'h> {
    house: &'h House,
    authorization: String,
}

impl<'h> Person<'h> {
    fn operator(house: &'h House) -> Self {
        let token = house.medvault(&["token", "--scope", "system/*.cruds"]);
        Self { house, authorization: format!("Bearer {token}") }
    }

    fn new(house: &'h House, role: &str, more: &[&str]) -> Self {
        let login = unique(role);
        house.account(&login, role, more);
        let token = house.medvault(&["token", "--user", &login, "--scope", "user/*.cruds"]);
        Self { house, authorization: format!("Bearer {token}") }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.house.send(method, path, &[("Authorization", &self.authorization)], &body)
    }

    fn call(&self, path: &str, parameters: Value) -> Reply {
        let mut body = json!({"resourceType": "Parameters"});
        if parameters.as_array().is_some_and(|it| !it.is_empty()) {
            body["parameter"] = parameters;
        }
        self.ask("POST", path, &body)
    }

    fn put(&self, ty: &str, id: &str, mut rest: Value) -> String {
        rest["resourceType"] = ty.into();
        rest["id"] = id.into();
        self.ask("PUT", &format!("/{ty}/{id}"), &rest).expect(201);
        format!("{ty}/{id}")
    }
}

/// A hospital with one free bed.
struct Place {
    organization: String,
    bed: String,
}

fn place(operator: &Person<'_>) -> Place {
    let organization = operator.put("Organization", &unique("hospital"), json!({"name": "City"}));
    let bed = operator.put(
        "Location",
        &unique("bed"),
        json!({"name": "Bed", "mode": "instance", "status": "active",
            "extension": [{"url": format!("{OURS}/bed-type"), "valueCode": "general"}],
            "operationalStatus": {"code": "U"}, "physicalType": {"coding": [{"code": "bd"}]},
            "managingOrganization": {"reference": organization}}),
    );
    Place { organization, bed }
}

/// A patient with a doctor's order for a bed there.
fn ordered(operator: &Person<'_>, place: &Place) -> (String, String) {
    let patient = operator.put("Patient", &unique("patient"), json!({"birthDate": "1970-05-05"}));
    let role = operator.put(
        "PractitionerRole",
        &unique("role"),
        json!({"active": true, "code": [{"coding": [{"code": "doctor"}]}]}),
    );
    let order = operator.put(
        "ServiceRequest",
        &unique("order"),
        json!({"status": "active", "intent": "order",
            "category": [{"coding": [{"code": "admission"}]}], "subject": {"reference": patient},
            "requester": {"reference": role},
            "occurrencePeriod": {"start": "2020-01-01", "end": "2999-01-01"},
            "locationCode": [{"coding": [{"code": "general"}]}],
            "performer": [{"reference": place.organization}]}),
    );
    (patient, order)
}

fn a_walk_with_tokens(house: &House) {
    let operator = Person::operator(house);
    let (here, there) = (place(&operator), place(&operator));
    let (patient, order) = ordered(&operator, &here);
    let own = Person::new(house, "patient", &["--fhir-user", &patient]);
    let (stranger, _) = ordered(&operator, &here);
    let other = Person::new(house, "patient", &["--fhir-user", &stranger]);
    let manager = Person::new(house, "bed-manager", &["--organization", &here.organization]);
    let elsewhere = Person::new(house, "bed-manager", &["--organization", &there.organization]);

    let ask = format!("/{order}/$request-bed");
    other.call(&ask, json!([])).expect(404);
    let task = part(&own.call(&ask, json!([])).expect(200).json(), "task")["resource"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // the patient sees their own place in the queue, a stranger none
    let waitlist = "/ServiceRequest/$bed-waitlist";
    let entries = |who: &Person<'_>| {
        parts(&who.ask("GET", waitlist, &Value::Null).expect(200).json(), "entry").len()
    };
    assert_eq!((entries(&own), entries(&other)), (1, 0));

    // beds are given by who manages them
    let give = format!("/{order}/$allocate-bed");
    own.call(&give, json!([])).expect(403);
    let reason = json!([{"name": "bed", "valueReference": {"reference": here.bed}},
        {"name": "overrideReason", "valueCodeableConcept": {"text": "test"}}]);
    elsewhere.call(&give, reason).expect(404);
    let given = manager.call(&give, json!([])).expect(200).json();
    assert_eq!(part(&part(&given, "allocation"), "bed")["valueReference"]["reference"], here.bed);

    let confirm = format!("/Task/{task}/$confirm-bed");
    let decision = |code: &str| json!([{"name": "decision", "valueCode": code}]);
    other.call(&confirm, decision("accept")).expect(404);
    own.call(&confirm, decision("accept")).expect(200);
    own.call(&confirm, decision("arrived")).expect(403);
    let arrived = manager.call(&confirm, decision("arrived")).expect(200).json();
    let stay = part(&arrived, "encounter")["resource"]["id"].as_str().unwrap().to_owned();
    let release = format!("/Encounter/{stay}/$release-bed");
    elsewhere.call(&release, json!([])).expect(404);
    own.call(&release, json!([])).expect(403);
    manager.call(&release, json!([])).expect(200);
    let turnover = format!("/{}/$bed-turnover", here.bed);
    let to = |code: &str| json!([{"name": "to", "valueCode": code}]);
    elsewhere.call(&turnover, to("cleaning")).expect(404);
    manager.call(&turnover, to("cleaning")).expect(200);
    manager.call(&turnover, to("ready")).expect(200);
}

fn strangers_see_numbers_only(house: &House) {
    let operator = Person::operator(house);
    let here = place(&operator);
    let id = here.organization.strip_prefix("Organization/").unwrap();
    let path = format!("/Location/$bed-availability?organization=Organization/{id}");
    let counted = house.get(&path).expect(200).json();
    assert_eq!(part(&part(&counted, "facility"), "available")["valueUnsignedInt"], 1);
    house.get(&format!("{path}&detail=bed")).expect(403);
    let manager = Person::new(house, "bed-manager", &["--organization", &here.organization]);
    let shown = manager.ask("GET", &format!("{path}&detail=bed"), &Value::Null).expect(200).json();
    assert_eq!(parts(&part(&shown, "facility"), "bed").len(), 1);
}

fn who_may_hold_a_bed_for_an_emergency(house: &House) {
    let operator = Person::operator(house);
    let (here, there) = (place(&operator), place(&operator));
    let resus = |place: &Place| {
        let mut body =
            operator.ask("GET", &format!("/{}", place.bed), &Value::Null).expect(200).json();
        body["type"] = json!([{"coding": [{"code": "ETU"}]}]);
        operator.ask("PUT", &format!("/{}", place.bed), &body).expect(200);
    };
    resus(&here);
    resus(&there);
    let patient = operator.put("Patient", &unique("patient"), json!({"birthDate": "1970-05-05"}));
    let practitioner = operator.put("Practitioner", &unique("doctor"), json!({}));
    let stay = operator.put(
        "Encounter",
        &unique("emergency"),
        json!({"status": "arrived", "class": {"code": "EMER"}, "subject": {"reference": patient},
            "participant": [{"individual": {"reference": practitioner}}],
            "serviceProvider": {"reference": here.organization}}),
    );
    let hold = format!("/{stay}/$allocate-bed");
    let doctor = Person::new(house, "doctor", &["--fhir-user", &practitioner]);
    let own = Person::new(house, "patient", &["--fhir-user", &patient]);
    let manager = Person::new(house, "bed-manager", &["--organization", &here.organization]);
    let elsewhere = Person::new(house, "bed-manager", &["--organization", &there.organization]);
    house.post(&hold, &json!({"resourceType": "Parameters"})).expect(401);
    own.call(&hold, json!([])).expect(403);
    doctor.call(&hold, json!([])).expect(403);
    let proposal = json!([{"name": "mode", "valueCode": "propose"}]);
    let proposed = doctor.call(&hold, proposal).expect(200).json();
    assert_eq!(part(&part(&proposed, "allocation"), "status")["valueCode"], "proposed");
    elsewhere.call(&hold, json!([])).expect(404);
    let theirs = json!([{"name": "bed", "valueReference": {"reference": there.bed}}]);
    manager.call(&hold, theirs).expect(404);
    let given = part(&manager.call(&hold, json!([])).expect(200).json(), "allocation");
    assert_eq!(part(&given, "bed")["valueReference"]["reference"], here.bed);
    // who treats the patient is asked for the order, and sees that
    let order_task = &part(&given, "orderTask")["valueReference"]["reference"];
    let path = format!("/{}", order_task.as_str().unwrap());
    let seen = doctor.ask("GET", &path, &Value::Null).expect(200).json();
    assert_eq!(seen["owner"]["reference"], practitioner);
    own.ask("GET", &path, &Value::Null).expect(200);
}

fn other_hospitals_learn_nothing_of_a_stay(house: &House) {
    let operator = Person::operator(house);
    let (here, there) = (place(&operator), place(&operator));
    let patient = operator.put("Patient", &unique("patient"), json!({"birthDate": "1970-05-05"}));
    let manager = Person::new(house, "bed-manager", &["--organization", &there.organization]);
    let stay = |rest: Value| {
        let mut body = json!({"status": "arrived", "class": {"code": "EMER"},
            "subject": {"reference": patient},
            "serviceProvider": {"reference": here.organization}});
        for (name, value) in rest.as_object().unwrap() {
            body[name] = value.clone();
        }
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        operator.put("Encounter", &unique("stay"), body)
    };
    let proposal = json!([{"name": "mode", "valueCode": "propose"}]);
    let told = |stay: &str| {
        let reply = manager.call(&format!("/{stay}/$allocate-bed"), proposal.clone());
        (reply.status, reply.text.replace(stay, "it"))
    };
    let absent = told(&format!("Encounter/{}", unique("stay")));
    assert_eq!(absent.0, 404);
    for rest in [
        json!({}),
        json!({"class": {"code": "IMP"}}),
        json!({"status": "finished"}),
        json!({"subject": null}),
        json!({"serviceProvider": null}),
    ] {
        let hidden = stay(rest.clone());
        manager.ask("GET", &format!("/{hidden}"), &Value::Null).expect(404);
        assert_eq!(told(&hidden), absent, "{rest}");
    }
}

/// What is answered to a call on something, with its name taken out.
fn told(who: &Person<'_>, what: &str, operation: &str, parameters: &Value) -> (u16, String) {
    let reply = who.call(&format!("/{what}/{operation}"), parameters.clone());
    let id = what.rsplit('/').next().unwrap();
    (reply.status, reply.text.replace(id, "it"))
}

fn what_is_hidden_is_answered_as_what_is_absent(house: &House) {
    let operator = Person::operator(house);
    let (here, there) = (place(&operator), place(&operator));
    let elsewhere = Person::new(house, "bed-manager", &["--organization", &there.organization]);
    let manager = Person::new(house, "bed-manager", &["--organization", &here.organization]);
    let none = json!([]);
    let arrived = json!([{"name": "decision", "valueCode": "arrived"}]);
    let is_absent = |hidden: &str, operation: &str, parameters: &Value| {
        elsewhere.ask("GET", &format!("/{hidden}"), &Value::Null).expect(404);
        let (ty, _) = hidden.split_once('/').unwrap();
        let absent = told(&elsewhere, &format!("{ty}/{}", unique("absent")), operation, parameters);
        let found = told(&elsewhere, hidden, operation, parameters);
        assert_eq!(found, absent, "{hidden} {operation}");
    };
    // orders: one that waits for nothing, a proposal, one that was deleted, one that is asked for, one that has its bed
    let (patient, order) = ordered(&operator, &here);
    is_absent(&order, "$request-bed", &none);
    let (_, proposed) = ordered(&operator, &here);
    let mut body = operator.ask("GET", &format!("/{proposed}"), &Value::Null).expect(200).json();
    body["intent"] = json!("proposal");
    operator.ask("PUT", &format!("/{proposed}"), &body).expect(200);
    is_absent(&proposed, "$request-bed", &none);
    operator.ask("DELETE", &format!("/{proposed}"), &Value::Null).expect(204);
    is_absent(&proposed, "$request-bed", &none);
    let asked = operator.call(&format!("/{order}/$request-bed"), none.clone()).expect(200).json();
    let task = format!("Task/{}", part(&asked, "task")["resource"]["id"].as_str().unwrap());
    is_absent(&order, "$request-bed", &none);
    is_absent(&task, "$confirm-bed", &arrived);
    is_absent(&task, "$explain-allocation", &none);
    manager.call(&format!("/{order}/$allocate-bed"), none.clone()).expect(200);
    is_absent(&order, "$request-bed", &none);
    is_absent(&order, "$allocate-bed", &none);
    is_absent(&task, "$confirm-bed", &arrived);
    let again = manager.call(&format!("/{order}/$allocate-bed"), none.clone()).expect(200).json();
    assert_eq!(part(&part(&again, "allocation"), "status")["valueCode"], "unchanged");
    let other = operator.put(
        "Task",
        &unique("task"),
        json!({"status": "requested",
        "intent": "order", "for": {"reference": patient}}),
    );
    is_absent(&other, "$confirm-bed", &arrived);
    is_absent(&other, "$explain-allocation", &none);
    // stays: with a bed, without one, and one that was deleted
    let arrival = manager.call(&format!("/{task}/$confirm-bed"), arrived.clone()).expect(200);
    let stay = part(&arrival.json(), "encounter")["resource"]["id"].as_str().unwrap().to_owned();
    let free = operator.put(
        "Encounter",
        &unique("stay"),
        json!({"status": "arrived",
        "class": {"code": "IMP"}, "subject": {"reference": patient}}),
    );
    for stay in [format!("Encounter/{stay}"), free.clone()] {
        is_absent(&stay, "$transfer-bed", &none);
        is_absent(&stay, "$transfer-bed", &arrived);
        is_absent(&stay, "$release-bed", &none);
    }
    operator.ask("DELETE", &format!("/{free}"), &Value::Null).expect(204);
    is_absent(&free, "$release-bed", &none);
}

fn an_order_of_somebody_else_is_none(house: &House) {
    let operator = Person::operator(house);
    let (here, there) = (place(&operator), place(&operator));
    let elsewhere = Person::new(house, "bed-manager", &["--organization", &there.organization]);
    let (_, order) = ordered(&operator, &here);
    let (there_lies, _) = ordered(&operator, &there);
    let lies = operator.put(
        "Encounter",
        &unique("stay"),
        json!({"status": "in-progress",
        "class": {"code": "IMP"}, "subject": {"reference": there_lies},
        "serviceProvider": {"reference": there.organization},
        "location": [{"location": {"reference": there.bed}, "status": "active"}]}),
    );
    let to = |order: &str| {
        let by = json!([{"name": "order", "valueReference": {"reference": order}}]);
        let reply = elsewhere.call(&format!("/{lies}/$transfer-bed"), by);
        (reply.status, reply.text.replace(order, "it"))
    };
    let absent = to(&format!("ServiceRequest/{}", unique("absent")));
    assert_eq!(absent.0, 404);
    assert_eq!(to(&order), absent);
    elsewhere.call(&format!("/{lies}/$release-bed"), json!([])).expect(200);
}

fn a_hospital_asks_on_orders_of_its_own(house: &House) {
    let operator = Person::operator(house);
    let (here, there) = (place(&operator), place(&operator));
    let manager = Person::new(house, "bed-manager", &["--organization", &here.organization]);
    let role = operator.put(
        "PractitionerRole",
        &unique("role"),
        json!({"active": true,
        "code": [{"coding": [{"code": "doctor"}]}],
        "organization": {"reference": here.organization}}),
    );
    // by who performs them
    let (_, order) = ordered(&operator, &here);
    manager.call(&format!("/{order}/$request-bed"), json!([])).expect(200);
    // by whose doctor gave them
    let (_, order) = ordered(&operator, &there);
    let mut body = operator.ask("GET", &format!("/{order}"), &Value::Null).expect(200).json();
    body["requester"] = json!({"reference": role});
    operator.ask("PUT", &format!("/{order}"), &body).expect(200);
    manager.call(&format!("/{order}/$request-bed"), json!([])).expect(200);
}
