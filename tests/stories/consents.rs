//! What patients say of their record, down to the code and the day: from one request to the next.

use serde_json::{Value, json};

use crate::{
    house::House,
    stories::gate::{Person, patient, practitioner},
};

smart_stories!(a_consent_goes_by_codes_days_and_resources, deeper_rules_refine,);

/// A patient, the doctor who treats them, and what is written of them.
struct Ward<'h> {
    own: Person<'h>,
    doctor: Person<'h>,
    /// `Patient/1`, `Practitioner/1`
    a: String,
    d: String,
    /// An examination of 2010 and one of 2024, with codes of their own.
    old: String,
    new: String,
}

impl<'h> Ward<'h> {
    fn new(house: &'h House) -> Self {
        let operator = Person::operator(house);
        let (a, d) = (patient(&operator), practitioner(&operator));
        operator.store(&json!({"resourceType": "CareTeam", "status": "active",
            "subject": {"reference": a}, "participant": [{"member": {"reference": d}}]}));
        let observation = |code: &str, day: &str| {
            operator.store(&json!({"resourceType": "Observation", "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "performer": [{"reference": d}],
                "effectiveDateTime": day, "subject": {"reference": a}}))
        };
        let (old, new) =
            (observation("2345-7", "2010-03-04"), observation("75622-1", "2024-05-06"));
        Self {
            own: Person::new(house, "patient", Some(&a), "patient/*.cruds"),
            doctor: Person::new(house, "doctor", Some(&d), "user/*.cruds"),
            a,
            d,
            old,
            new,
        }
    }

    /// A Consent of the patient.
    fn says(&self, provision: &Value) -> String {
        self.own.store(&self.consent(provision))
    }

    fn consent(&self, provision: &Value) -> Value {
        json!({"resourceType": "Consent", "status": "active",
            "scope": {"coding": [{"code": "patient-privacy"}]},
            "category": [{"text": "privacy"}], "policyRule": {"text": "own"},
            "patient": {"reference": self.a}, "provision": provision})
    }

    fn changes(&self, consent: &str, provision: &Value) {
        let mut body = self.consent(provision);
        body["id"] = json!(consent.rsplit('/').next().unwrap());
        self.own.ask("PUT", &format!("/{consent}"), &body.to_string()).expect(200);
    }

    /// What the doctor sees of both examinations, each by every way that there is.
    #[track_caller]
    fn shows(&self, [old, new]: [bool; 2]) {
        let mut wanted = Vec::new();
        for (name, is_shown) in [(&self.old, old), (&self.new, new)] {
            let status = if is_shown { 200 } else { 404 };
            self.doctor.get(&format!("/{name}")).expect(status);
            self.doctor.get(&format!("/{name}/_history/1")).expect(status);
            self.doctor.get(&format!("/{name}/_history")).expect(status);
            if is_shown {
                wanted.push(name.rsplit('/').next().unwrap().to_owned());
            }
        }
        wanted.sort();
        let ids = |query: &str| {
            let mut ids = self.doctor.get(query).expect(200).ids();
            ids.sort();
            ids
        };
        assert_eq!(ids("/Observation"), wanted);
        assert_eq!(ids(&format!("/Observation?patient={}", self.a)), wanted);
        let counted = self.doctor.get("/Observation?_summary=count").expect(200);
        assert_eq!(counted.json()["total"], wanted.len());
        for (code, is_shown) in [("2345-7", old), ("75622-1", new)] {
            let found = ids(&format!("/Patient?_has:Observation:patient:code={code}"));
            assert_eq!(found.len(), usize::from(is_shown), "{code}");
        }
        let included = self.doctor.get("/Patient?_revinclude=Observation:patient").expect(200);
        assert_eq!(included.ids().len(), 1 + wanted.len());
    }
}

fn loinc(code: &str) -> Value {
    json!([{"coding": [{"system": "http://loinc.org", "code": code}]}])
}

fn a_consent_goes_by_codes_days_and_resources(house: &House) {
    let ward = Ward::new(house);
    ward.shows([true, true]);
    let to = json!([{"role": {"text": "reader"}, "reference": {"reference": ward.d}}]);
    let data =
        |meaning: &str, of: &str| json!([{"meaning": meaning, "reference": {"reference": of}}]);
    let consent = ward.says(&json!({"type": "deny", "actor": to,
        "class": [{"code": "Observation"}], "dataPeriod": {"end": "2015-12-31"}}));
    ward.shows([false, true]);
    let class = json!([{"code": "Observation"}]);
    let rules = [
        (json!({"dataPeriod": {"start": "2020", "end": "2024-05-06"}}), [true, false]),
        (json!({"dataPeriod": {"start": "1990"}}), [false, false]),
        (json!({"code": loinc("75622-1")}), [true, false]),
        (json!({"code": loinc("2345-7"), "dataPeriod": {"end": "2009"}}), [true, true]),
        // words that are no code may mean anything
        (json!({"code": [{"text": "the bad ones"}]}), [false, false]),
        (json!({"data": data("instance", &ward.old)}), [false, true]),
        (json!({"data": data("dependents", &ward.a)}), [false, false]),
        (json!({"data": data("authoredby", &ward.d)}), [false, false]),
        (json!({"data": data("authoredby", "Practitioner/else")}), [true, true]),
        (json!({"data": data("instance", "http://else.example/Observation/1")}), [false, false]),
    ];
    for (rule, shown) in rules {
        let mut provision = rule;
        provision["type"] = json!("deny");
        provision["actor"] = to.clone();
        provision["class"] = class.clone();
        ward.changes(&consent, &provision);
        ward.shows(shown);
    }
    // taken back: from the next request on
    ward.own.ask("DELETE", &format!("/{consent}"), "").expect(403);
    let mut over = ward.consent(&json!({"type": "deny", "dataPeriod": {"end": "2015"}}));
    over["id"] = json!(consent.rsplit('/').next().unwrap());
    over["status"] = json!("inactive");
    ward.own.ask("PUT", &format!("/{consent}"), &over.to_string()).expect(200);
    ward.shows([true, true]);
}

fn deeper_rules_refine(house: &House) {
    let ward = Ward::new(house);
    let class = json!([{"code": "Observation"}]);
    // nothing but what is newer, and of that not one kind
    let consent = ward.says(&json!({"type": "deny", "class": class, "provision": [
        {"type": "permit", "dataPeriod": {"start": "2020"}}]}));
    ward.shows([false, true]);
    ward.changes(
        &consent,
        &json!({"type": "deny", "class": class, "provision": [
            {"type": "permit", "dataPeriod": {"start": "2020"}, "provision": [
                {"type": "deny", "code": loinc("75622-1")}]}]}),
    );
    ward.shows([false, false]);
    // but to this doctor, in their time
    let but = |period: Value| {
        json!({"type": "deny", "class": class, "provision": [
            {"type": "permit", "dataPeriod": {"start": "2020"}, "provision": [
                {"type": "deny", "code": loinc("75622-1"), "provision": [
                    {"type": "permit", "period": period,
                        "actor": [{"role": {"text": "reader"}, "reference": {"reference": ward.d}}]}]}]}]})
    };
    ward.changes(&consent, &but(json!({"start": "2020", "end": "2999"})));
    ward.shows([false, true]);
    ward.changes(&consent, &but(json!({"end": "2020"})));
    ward.shows([false, false]);
    // of two that refine the same, the denial wins
    ward.changes(
        &consent,
        &json!({"type": "deny", "class": class, "provision": [
            {"type": "permit"}, {"type": "deny", "data": [
                {"meaning": "instance", "reference": {"reference": ward.new}}]}]}),
    );
    ward.shows([true, false]);
    // deeper than is read: closed
    let mut rule = json!({"type": "permit", "class": class});
    for _ in 0..8 {
        rule = json!({"type": "permit", "class": class, "provision": [rule]});
    }
    ward.changes(&consent, &rule);
    ward.shows([false, false]);
}
