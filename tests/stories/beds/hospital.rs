//! A small hospital of one's own for each story: no other story sees its beds or its queue, since every order names
//! the hospital that it is for.

#![expect(clippy::needless_pass_by_value, reason = "literals read better without a borrow")]

use serde_json::{Value, json};

use crate::house::{House, Reply, unique};

pub(super) const OURS: &str = "https://medvault.example/fhir";

pub(super) struct Hospital<'h> {
    pub(super) house: &'h House,
    pub(super) organization: String,
    ward: String,
    doctor: String,
    intern: String,
}

impl<'h> Hospital<'h> {
    pub(super) fn new(house: &'h House) -> Self {
        Self::at(house, 12.97, 77.59)
    }

    pub(super) fn at(house: &'h House, latitude: f64, longitude: f64) -> Self {
        let organization = unique("hospital");
        let named = |ty: &str, id: &str, rest: Value| {
            let mut body = json!({"resourceType": ty, "id": id});
            body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            house.put(&format!("/{ty}/{id}"), &body).expect(201);
        };
        let managing = json!({"reference": format!("Organization/{organization}")});
        named("Organization", &organization, json!({"name": "City Hospital"}));
        let site = format!("{organization}-site");
        named(
            "Location",
            &site,
            json!({"name": "City", "managingOrganization": managing,
            "position": {"latitude": latitude, "longitude": longitude}}),
        );
        let ward = format!("{organization}-ward");
        named(
            "Location",
            &ward,
            json!({"name": "Ward", "managingOrganization": managing,
            "partOf": {"reference": format!("Location/{site}")}}),
        );
        let role = |code: &str| {
            let id = format!("{organization}-{code}");
            named(
                "PractitionerRole",
                &id,
                json!({"active": true,
                "code": [{"coding": [{"system": format!("{OURS}/CodeSystem/role"), "code": code}]}]}),
            );
            id
        };
        let (doctor, intern) = (role("doctor"), role("intern"));
        Self { house, organization, ward, doctor, intern }
    }

    /// A bed that is free.
    pub(super) fn bed(&self, kind: &str) -> String {
        self.bed_with(kind, json!([]))
    }

    pub(super) fn bed_with(&self, kind: &str, extensions: Value) -> String {
        let id = unique("bed");
        self.house
            .put(&format!("/Location/{id}"), &self.bed_body(&id, kind, extensions))
            .expect(201);
        id
    }

    pub(super) fn bed_body(&self, id: &str, kind: &str, extensions: Value) -> Value {
        let mut all = vec![
            json!({"url": format!("{OURS}/bed-type"), "valueCode": kind}),
            json!({"url": format!("{OURS}/staffed"), "valueBoolean": true}),
        ];
        all.extend(extensions.as_array().unwrap().clone());
        json!({
            "resourceType": "Location", "id": id, "name": id, "mode": "instance", "status": "active",
            "extension": all,
            "operationalStatus": {"system": "http://terminology.hl7.org/CodeSystem/v2-0116", "code": "U"},
            "physicalType": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/location-physical-type", "code": "bd"}]},
            "managingOrganization": {"reference": format!("Organization/{}", self.organization)},
            "partOf": {"reference": format!("Location/{}", self.ward)},
        })
    }

    pub(super) fn patient(&self) -> String {
        self.patient_with(json!({"gender": "female", "birthDate": "1970-05-05"}))
    }

    pub(super) fn patient_with(&self, rest: Value) -> String {
        let mut body = json!({"resourceType": "Patient", "name": [{"family": "Rao"}]});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        self.house.post("/Patient", &body).expect(201).id()
    }

    /// A doctor's order that holds now.
    pub(super) fn order_body(&self, patient: &str, kind: &str) -> Value {
        json!({
            "resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": "routine",
            "category": [{"coding": [{"system": format!("{OURS}/CodeSystem/order-category"), "code": "admission"}]}],
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "32485007"}]},
            "subject": {"reference": format!("Patient/{patient}")},
            "requester": {"reference": format!("PractitionerRole/{}", self.doctor)},
            "occurrencePeriod": {"start": "2020-01-01", "end": "2999-01-01"},
            "locationCode": [{"coding": [{"system": format!("{OURS}/CodeSystem/bed-type"), "code": kind}]}],
            "performer": [{"reference": format!("Organization/{}", self.organization)}],
        })
    }

    pub(super) fn intern_role(&self) -> String {
        format!("PractitionerRole/{}", self.intern)
    }

    pub(super) fn doctor_role(&self) -> String {
        format!("PractitionerRole/{}", self.doctor)
    }

    pub(super) fn order(&self, patient: &str, kind: &str) -> String {
        self.house.post("/ServiceRequest", &self.order_body(patient, kind)).expect(201).id()
    }

    /// A patient with an order who waits: patient, order, Task.
    pub(super) fn waiting(&self, kind: &str) -> Waiting {
        let patient = self.patient();
        let order = self.order(&patient, kind);
        self.request(&patient, &order)
    }

    pub(super) fn waiting_with(&self, kind: &str, change: impl Fn(&mut Value)) -> Waiting {
        let patient = self.patient();
        let mut body = self.order_body(&patient, kind);
        change(&mut body);
        let order = self.house.post("/ServiceRequest", &body).expect(201).id();
        self.request(&patient, &order)
    }

    pub(super) fn request(&self, patient: &str, order: &str) -> Waiting {
        let answer =
            self.call(&format!("ServiceRequest/{order}/$request-bed"), &json!([])).expect(200);
        let task = part(&answer.json(), "task")["resource"]["id"].as_str().unwrap().to_owned();
        Waiting { patient: patient.to_owned(), order: order.to_owned(), task }
    }

    pub(super) fn call(&self, path: &str, parameters: &Value) -> Reply {
        call(self.house, path, parameters)
    }

    pub(super) fn allocate(&self, order: &str) -> Reply {
        self.call(&format!("ServiceRequest/{order}/$allocate-bed"), &json!([]))
    }

    /// The batch over the beds of this hospital.
    pub(super) fn batch(&self) -> Reply {
        let scope = json!([{"name": "scope", "valueReference": {"reference": format!("Organization/{}", self.organization)}}]);
        loop {
            let answer = self.call("ServiceRequest/$allocate-bed", &scope);
            if answer.status != 409 {
                return answer;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    pub(super) fn confirm(&self, task: &str, decision: &str) -> Reply {
        self.call(
            &format!("Task/{task}/$confirm-bed"),
            &json!([{"name": "decision", "valueCode": decision}]),
        )
    }

    /// `status/operationalStatus/bed-state` of a bed.
    pub(super) fn face(&self, bed: &str) -> String {
        let body = self.house.get(&format!("/Location/{bed}")).expect(200).json();
        let state = body["extension"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["url"] == format!("{OURS}/bed-state").as_str())
            .map_or("-", |it| it["valueCode"].as_str().unwrap());
        format!(
            "{} {} {state}",
            body["status"].as_str().unwrap(),
            body["operationalStatus"]["code"].as_str().unwrap()
        )
    }

    /// `status/businessStatus` of a request.
    pub(super) fn task_state(&self, task: &str) -> String {
        let body = self.house.get(&format!("/Task/{task}")).expect(200).json();
        format!(
            "{}/{}",
            body["status"].as_str().unwrap(),
            body["businessStatus"]["coding"][0]["code"].as_str().unwrap()
        )
    }

    /// Vital signs that give this NEWS2: breathing, oxygen and pulse.
    pub(super) fn vitals(&self, patient: &str, news2: u32) {
        // by the server's clock
        let patient_now = self.house.get(&format!("/Patient/{patient}")).expect(200).json();
        let now = &patient_now["meta"]["lastUpdated"];
        // spread over breathing, saturation, pulse and pressure
        let level = |n: u32| (news2 / 4 + u32::from(n < news2 % 4)) as usize;
        let breaths = [16, 10, 22, 26][level(0)];
        let saturation = [98, 95, 93, 90][level(1)];
        let pulse = [70, 100, 120, 140][level(2)];
        let pressure = [120, 105, 95, 85][level(3)];
        for (code, value) in
            [("9279-1", breaths), ("2708-6", saturation), ("8867-4", pulse), ("8480-6", pressure)]
        {
            self.house
                .post(
                    "/Observation",
                    &json!({
                        "resourceType": "Observation", "status": "final",
                        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                        "subject": {"reference": format!("Patient/{patient}")},
                        "effectiveDateTime": now,
                        "valueQuantity": {"value": value},
                    }),
                )
                .expect(201);
        }
    }
}

pub(super) struct Waiting {
    pub(super) patient: String,
    pub(super) order: String,
    pub(super) task: String,
}

pub(super) fn call(house: &House, path: &str, parameters: &Value) -> Reply {
    let mut body = json!({"resourceType": "Parameters"});
    if parameters.as_array().is_some_and(|it| !it.is_empty()) {
        body["parameter"] = parameters.clone();
    }
    house.post(&format!("/{path}"), &body)
}

/// A parameter of an answer.
pub(super) fn part(parameters: &Value, name: &str) -> Value {
    parts(parameters, name).into_iter().next().unwrap_or(Value::Null)
}

pub(super) fn parts(parameters: &Value, name: &str) -> Vec<Value> {
    let list = if parameters["parameter"].is_array() {
        &parameters["parameter"]
    } else {
        &parameters["part"]
    };
    let all = list.as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|it| it["name"] == name).collect()
}

/// The code in `details` of a refusal.
pub(super) fn code(reply: &Reply) -> String {
    reply.json()["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap_or_default().to_owned()
}
