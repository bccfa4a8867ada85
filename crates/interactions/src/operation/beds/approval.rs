//! When an order is a doctor's approval: the exact rule, over what the resources say. Pure.

use fhir_model::{Instant, IssueType, Outcome, json::Value};
use search::Timespan;

use super::{
    document::{codes, items, referred, text},
    order::Order,
};

/// What the rule looks at besides the order.
#[derive(Debug, Default, Clone)]
pub(super) struct Evidence {
    /// The address of this vault, by which some name what is here.
    pub(super) base: String,
    /// The requester's `PractitionerRole`.
    pub(super) role: Option<Value>,
    /// `Provenance` resources about the order.
    pub(super) provenances: Vec<Value>,
    /// The roles of those who verified it, by id.
    pub(super) verifiers: Vec<(String, Value)>,
    /// Whether a stay on this order is planned or going on.
    pub(super) has_stay: bool,
}

/// Orders; a proposal is a patient's own wish.
pub(super) const INTENTS: [&str; 3] = ["order", "original-order", "instance-order"];

/// Whether the order approves a bed for its patient now.
///
/// # Errors
/// `approval-missing`, `approval-expired`, `already-admitted`.
pub(super) fn approve(order: &Order, evidence: &Evidence, now: Instant) -> Result<(), Outcome> {
    if order.status != "active" {
        return Err(missing("The order is not active", "ServiceRequest.status"));
    }
    if !INTENTS.contains(&order.intent.as_str()) {
        let text = "A proposal needs a doctor to make an order of it";
        return Err(missing(text, "ServiceRequest.intent"));
    }
    if !order.is_admission {
        let text = "The order is not about an admission: its category needs the code admission";
        return Err(missing(text, "ServiceRequest.category"));
    }
    if order.patient.is_none() {
        return Err(missing("The order names no patient", "ServiceRequest.subject"));
    }
    let Some(role) = &evidence.role else {
        let text = "The requester must be the PractitionerRole of a doctor";
        return Err(missing(text, "ServiceRequest.requester"));
    };
    signed(order, role, evidence)?;
    if !order.holds_at(now) {
        let text = "The order is out of its time; the doctor may sign it again";
        return Err(expired(text, "ServiceRequest.occurrence"));
    }
    if evidence.has_stay {
        let text = "There is a stay on this order already";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("already-admitted"));
    }
    Ok(())
}

/// By a doctor, or by an intern whose doctor verified it.
fn signed(order: &Order, role: &Value, evidence: &Evidence) -> Result<(), Outcome> {
    if !is_active_at(role, order.authored) {
        let text = "The requester's role was not in force when the order was signed";
        return Err(expired(text, "ServiceRequest.requester"));
    }
    if has_role(role, "doctor") {
        return Ok(());
    }
    if !has_role(role, "intern") {
        let text = "The requester's role is not that of a doctor";
        return Err(missing(text, "ServiceRequest.requester"));
    }
    let verified = evidence.provenances.iter().flat_map(|it| items(it, "agent")).any(|agent| {
        let is_verifier = agent.get("type").is_some_and(|it| codes(it).any(|it| it == "verifier"));
        let who = referred(agent, "who", "PractitionerRole", &evidence.base);
        is_verifier
            && evidence.verifiers.iter().any(|(id, role)| {
                Some(id.as_str()) == who
                    && has_role(role, "doctor")
                    && is_active_at(role, order.authored)
            })
    });
    if verified {
        return Ok(());
    }
    let text = "An intern signed the order; a supervising doctor has to verify it";
    Err(missing(text, "ServiceRequest.requester"))
}

fn has_role(role: &Value, code: &str) -> bool {
    items(role, "code").iter().flat_map(codes).any(|it| it == code)
}

fn is_active_at(role: &Value, signed: Option<i64>) -> bool {
    if role.get("active") == Some(&Value::Bool(false)) {
        return false;
    }
    let (Some(period), Some(signed)) = (role.get("period"), signed) else { return true };
    let micros = signed.saturating_mul(1000);
    let end = |name: &str| text(period, name).and_then(Timespan::parse);
    end("start").is_none_or(|span| span.lo <= micros)
        && end("end").is_none_or(|span| micros < span.hi)
}

fn missing(text: &'static str, place: &str) -> Outcome {
    Outcome::new(IssueType::BusinessRule, text).coded("approval-missing").at(place)
}

fn expired(text: &'static str, place: &str) -> Outcome {
    Outcome::new(IssueType::BusinessRule, text).coded("approval-expired").at(place)
}

#[cfg(test)]
mod tests {
    use super::super::{document::read, order::order};
    use super::*;

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    fn role(code: &str, rest: &str) -> Value {
        value(&format!(r#"{{"code":[{{"coding":[{{"code":"{code}"}}]}}]{rest}}}"#))
    }

    const ORDER: &str = r#"{"status":"active","intent":"order","subject":{"reference":"Patient/p"},
        "category":[{"coding":[{"code":"admission"}]}],"requester":{"reference":"PractitionerRole/r"},
        "authoredOn":"2026-11-20T10:00:00Z","occurrencePeriod":{"start":"2026-11-20","end":"2026-11-23"}}"#;

    #[test]
    fn each_condition() {
        let now = Instant::from_date(2026, 11, 22);
        let doctor = || Evidence { role: Some(role("doctor", "")), ..Evidence::default() };
        let intern = || Evidence { role: Some(role("intern", "")), ..Evidence::default() };
        let verified = |by: &str, kind: &str| Evidence {
            provenances: vec![value(&format!(
                r#"{{"agent":[{{"type":{{"coding":[{{"code":"{kind}"}}]}},"who":{{"reference":"PractitionerRole/s"}}}}]}}"#
            ))],
            verifiers: vec![("s".to_owned(), role(by, ""))],
            ..intern()
        };
        let with =
            |rest: &str| Evidence { role: Some(role("doctor", rest)), ..Evidence::default() };
        let other = |from: &str, to: &str| ORDER.replace(from, to);
        let missing = Some("approval-missing");
        let expired = Some("approval-expired");
        let cases = [
            (ORDER.to_owned(), doctor(), None),
            (other("\"active\"", "\"draft\""), doctor(), missing),
            (other("\"order\"", "\"proposal\""), doctor(), missing),
            (other("\"order\"", "\"instance-order\""), doctor(), None),
            (other("\"admission\"", "\"imaging\""), doctor(), missing),
            (other("Patient/p", "Group/g"), doctor(), missing),
            (other("2026-11-23", "2026-11-21"), doctor(), expired),
            (
                other(
                    "\"start\":\"2026-11-20\",\"end\":\"2026-11-23\"",
                    "\"start\":\"2026-11-23\"",
                ),
                doctor(),
                expired,
            ),
            (ORDER.to_owned(), Evidence::default(), missing),
            (
                ORDER.to_owned(),
                Evidence { role: Some(role("nurse", "")), ..Evidence::default() },
                missing,
            ),
            (ORDER.to_owned(), intern(), missing),
            (ORDER.to_owned(), verified("doctor", "verifier"), None),
            (ORDER.to_owned(), verified("doctor", "author"), missing),
            (ORDER.to_owned(), verified("intern", "verifier"), missing),
            (ORDER.to_owned(), with(r#","active":false"#), expired),
            (ORDER.to_owned(), with(r#","period":{"end":"2026-11-19"}"#), expired),
            (ORDER.to_owned(), with(r#","period":{"end":"2026-11-20"}"#), None),
            (ORDER.to_owned(), Evidence { has_stay: true, ..doctor() }, Some("already-admitted")),
        ];
        for (text, evidence, expected) in cases {
            let found = approve(&order("o", &value(&text), ""), &evidence, now);
            let code = found.err().and_then(|outcome| outcome.issues()[0].details);
            assert_eq!(code, expected, "{text} {evidence:?}");
        }
    }

    #[test]
    fn without_a_time_an_order_holds_for_two_days() {
        let text =
            ORDER.replace(r#","occurrencePeriod":{"start":"2026-11-20","end":"2026-11-23"}"#, "");
        let order = order("o", &value(&text), "");
        assert!(order.holds_at(Instant::from_date(2026, 11, 22)));
        assert!(!order.holds_at(Instant::from_date(2026, 11, 23)));
    }
}
