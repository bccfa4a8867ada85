//! What an emergency entails: the patient is told, and an auditor reviews it within three days.

use std::collections::BTreeMap;

use fhir_model::{Instant, json};

use super::Note;

/// How long one look at a patient stands for those that follow.
const MINUTES: i64 = 60;

/// How long a review may take.
const REVIEW_HOURS: i64 = 72;

/// Whom somebody looked at, and when it was told last.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(String, Box<str>), Instant>);

impl Told {
    /// Whether to tell of it again.
    fn is_news(&mut self, who: &str, patient: &str, now: Instant) -> bool {
        let since = Instant::from_millis(now.millis() - MINUTES * 60_000);
        self.0.retain(|_, told| *told > since);
        self.0.insert((who.to_owned(), patient.into()), now).is_none()
    }
}

/// A Communication to each patient who was looked at, and a Task to review it.
pub(super) fn papers(note: &Note, patients: &[Box<str>], told: &mut Told) -> Vec<Vec<u8>> {
    let Some(reason) = note.who.emergency().filter(|_| note.status < 300) else {
        return Vec::new();
    };
    let doctor = note.who.itself().map(|(ty, id)| format!("{ty}/{id}")).unwrap_or_default();
    let news = patients.iter().filter(|patient| told.is_news(&doctor, patient, note.at));
    news.flat_map(|patient| {
        [notice(patient, &doctor, reason, note.at), review(patient, &doctor, reason, note.at)]
    })
    .collect()
}

fn notice(patient: &str, doctor: &str, reason: &str, at: Instant) -> Vec<u8> {
    let text =
        format!("Your record was opened in an emergency. The reason that was given: {reason}");
    format!(
        r#"{{"resourceType":"Communication","status":"completed","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}}]}}],"subject":{{"reference":"Patient/{patient}"}},"recipient":[{{"reference":"Patient/{patient}"}}],"about":[{{"reference":{}}}],"sent":"{at}","payload":[{{"contentString":{}}}]}}"#,
        quoted(doctor),
        quoted(&text),
    )
    .into_bytes()
}

fn review(patient: &str, doctor: &str, reason: &str, at: Instant) -> Vec<u8> {
    let due = Instant::from_millis(at.millis() + REVIEW_HOURS * 3_600_000);
    format!(
        r#"{{"resourceType":"Task","status":"requested","intent":"order","priority":"urgent","code":{{"coding":[{{"code":"review"}}]}},"description":{},"for":{{"reference":"Patient/{patient}"}},"focus":{{"reference":{}}},"authoredOn":"{at}","restriction":{{"period":{{"end":"{due}"}}}}}}"#,
        quoted(&format!("Review of an emergency: {reason}")),
        quoted(doctor),
    )
    .into_bytes()
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_an_hour_is_told() {
        let mut told = Told::default();
        let at = |minutes: i64| Instant::from_millis(minutes * 60_000);
        assert!(told.is_news("Practitioner/d", "a", at(0)));
        assert!(!told.is_news("Practitioner/d", "a", at(30)));
        assert!(told.is_news("Practitioner/d", "b", at(30)));
        assert!(told.is_news("Practitioner/e", "a", at(30)));
        assert!(told.is_news("Practitioner/d", "b", at(91)));
    }
}
