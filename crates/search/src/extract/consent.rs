//! What a Consent permits and denies, as codes that a search can ask for: <https://hl7.org/fhir/R4/consent.html>.
//!
//! A code is `effect|actor|purpose|class|label`, `*` where the rule does not say. The effects are `p` permit, `d` deny
//! and `x`, an exception from what the same Consent denies. All conditions of a rule hold together; of the values of
//! one condition each has codes of its own.
//!
//! **Invariant**: what is not understood never opens anything. A permission with such a condition is left out; a
//! denial is taken to be without that condition.

use std::collections::BTreeSet;

use fhir_model::{NodeRef, ResourceType};

use crate::{registry::ParamId, rows::TokenRow};

/// The parameter of these codes. It has no name: nobody asks for it but the gate.
pub const CONSENT_RULE: ParamId = ParamId(900_000);

/// Codes of one Consent, at most.
const CODES_MAX: usize = 400;

/// Whatever it is.
const ANY: &str = "*";

/// Types that an actor can be looked up by.
const ACTORS: &[&str] = &["Device", "Organization", "Patient", "Practitioner", "RelatedPerson"];

/// Labels that a rule can be about.
const LABELS: &[&str] = &[
    "U", "L", "M", "N", "R", "V", "ETH", "ETHUD", "OPIOIDUD", "PSY", "SDV", "HIV", "SEX", "GDIS",
    "STD",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Permit,
    Deny,
    Except,
}

/// The rows of a Consent; of other resources none.
pub(super) fn rules(root: NodeRef<'_>) -> Vec<TokenRow> {
    let Some(provision) = root.child("provision") else { return Vec::new() };
    if !applies(root) {
        return Vec::new();
    }
    let mut codes = BTreeSet::new();
    let base = effect(provision);
    if let Some(base) = base {
        add(base, provision, &mut codes);
    }
    for exception in provision.named("provision") {
        let opposite = match base {
            Some(Effect::Permit) => Effect::Deny,
            _ => Effect::Permit,
        };
        let own = effect(exception).unwrap_or(opposite);
        if own == Effect::Permit {
            // its own times and exceptions would not be asked for
            if exception.child("period").is_some() || exception.child("provision").is_some() {
                continue;
            }
            if base == Some(Effect::Deny) {
                add(Effect::Except, exception, &mut codes);
            }
        }
        add(own, exception, &mut codes);
        if exception.named("provision").any(|inner| effect(inner) != Some(Effect::Permit)) {
            codes.insert(code(Effect::Deny, [ANY; 4]));
        }
    }
    if codes.len() > CODES_MAX {
        let denies = codes.iter().any(|code| code.starts_with('d'));
        codes.clear();
        if denies {
            codes.insert(code(Effect::Deny, [ANY; 4]));
        }
    }
    let row = |code: String| TokenRow {
        param: CONSENT_RULE,
        code: code.into(),
        system: None,
        first: true,
    };
    codes.into_iter().map(row).collect()
}

/// Whether it is about who may see what; consents to treatment and to research have their own ways.
fn applies(root: NodeRef<'_>) -> bool {
    let is_consent = root.ty().as_resource().is_some_and(|ty| ty.name() == "Consent");
    let scope = root.child("scope");
    let mut codes = scope.iter().flat_map(|scope| scope.named("coding"));
    is_consent
        && codes.any(|coding| coding.child_text("code").as_deref() == Some("patient-privacy"))
}

fn effect(provision: NodeRef<'_>) -> Option<Effect> {
    match provision.child_text("type").as_deref() {
        Some("permit") => Some(Effect::Permit),
        Some("deny") => Some(Effect::Deny),
        _ => None,
    }
}

fn add(effect: Effect, provision: NodeRef<'_>, codes: &mut BTreeSet<String>) {
    let conditions = [
        values(provision, "actor", actor),
        values(provision, "purpose", |coding| coding.child_text("code").map(Into::into)),
        values(provision, "class", class),
        values(provision, "securityLabel", label),
    ];
    let opens = effect != Effect::Deny;
    let is_lost = conditions.iter().any(|(values, is_clear)| values.is_empty() && !is_clear);
    if opens && (is_lost || is_narrower(provision)) {
        return;
    }
    let [actors, purposes, classes, labels] = conditions.map(|(values, is_clear)| {
        if values.is_empty() || !(opens || is_clear) { vec![ANY.to_owned()] } else { values }
    });
    for actor in &actors {
        for purpose in &purposes {
            for class in &classes {
                for label in &labels {
                    if codes.len() > CODES_MAX {
                        return;
                    }
                    let label = if effect == Effect::Deny && is_low(label) { ANY } else { label };
                    codes.insert(code(effect, [actor, purpose, class, label]));
                }
            }
        }
    }
}

/// Whether it is about less than codes can say, or about something else than looking.
fn is_narrower(provision: NodeRef<'_>) -> bool {
    let is_partial =
        ["code", "dataPeriod", "data"].iter().any(|name| provision.child(name).is_some());
    let mut actions =
        provision.named("action").flat_map(|action| action.named("coding")).peekable();
    let is_other = actions.peek().is_some()
        && !actions.any(|coding| {
            let code = coding.child_text("code");
            code.is_some_and(|code| matches!(&*code, "access" | "use" | "disclose"))
        });
    is_partial || is_other
}

fn code(effect: Effect, [actor, purpose, class, label]: [&str; 4]) -> String {
    let effect = match effect {
        Effect::Permit => 'p',
        Effect::Deny => 'd',
        Effect::Except => 'x',
    };
    format!("{effect}|{actor}|{purpose}|{class}|{label}")
}

/// What is denied from a rung that everything is on is denied as a whole.
fn is_low(label: &str) -> bool {
    matches!(label, "U" | "L" | "M" | "N")
}

/// The values of a condition that are understood, and whether all are.
fn values(
    provision: NodeRef<'_>,
    name: &str,
    read: impl Fn(NodeRef<'_>) -> Option<String>,
) -> (Vec<String>, bool) {
    let all: Vec<Option<String>> = provision.named(name).map(read).collect();
    let is_clear = all.iter().all(Option::is_some);
    (all.into_iter().flatten().collect(), is_clear)
}

fn actor(actor: NodeRef<'_>) -> Option<String> {
    let reference = actor.child("reference")?.child_text("reference")?;
    let mut pieces = reference.rsplit('/');
    let (id, ty) = (pieces.next()?, pieces.next()?);
    (ACTORS.contains(&ty) && !id.contains('|')).then(|| format!("{ty}/{id}"))
}

fn class(coding: NodeRef<'_>) -> Option<String> {
    let code = coding.child_text("code")?;
    ResourceType::named(&code).map(|ty| ty.name().to_owned())
}

fn label(coding: NodeRef<'_>) -> Option<String> {
    let code = coding.child_text("code")?;
    LABELS.contains(&&*code).then(|| code.into_owned())
}

#[cfg(test)]
mod tests {
    use fhir_model::json;

    use super::*;

    fn codes(provision: &str) -> Vec<String> {
        let text = format!(
            r#"{{"resourceType":"Consent","scope":{{"coding":[{{"code":"patient-privacy"}}]}},"provision":{provision}}}"#
        );
        let tree = json::parse_trusted(text.into_bytes().into());
        rules(tree.root()).into_iter().map(|row| row.code.into()).collect()
    }

    #[test]
    fn rules_become_codes() {
        let actor = |of: &str| format!(r#""actor":[{{"reference":{{"reference":"{of}"}}}}]"#);
        let org = actor("Organization/h");
        let cases: &[(String, &[&str])] = &[
            (r#"{"type":"deny"}"#.into(), &["d|*|*|*|*"]),
            (format!(r#"{{"type":"permit",{org}}}"#), &["p|Organization/h|*|*|*"]),
            (
                r#"{"type":"permit","purpose":[{"code":"TREAT"},{"code":"HPAYMT"}],
                    "class":[{"code":"Observation"}]}"#
                    .into(),
                &["p|*|HPAYMT|Observation|*", "p|*|TREAT|Observation|*"],
            ),
            // exceptions
            (
                format!(r#"{{"type":"deny","provision":[{{"type":"permit",{org}}}]}}"#),
                &["d|*|*|*|*", "p|Organization/h|*|*|*", "x|Organization/h|*|*|*"],
            ),
            (
                format!(r#"{{"type":"permit","provision":[{{{org}}}]}}"#),
                &["d|Organization/h|*|*|*", "p|*|*|*|*"],
            ),
            // what is not understood opens nothing
            (format!(r#"{{"type":"permit",{}}}"#, actor("CareTeam/c")), &[]),
            (format!(r#"{{"type":"deny",{}}}"#, actor("CareTeam/c")), &["d|*|*|*|*"]),
            (r#"{"type":"permit","dataPeriod":{"start":"2020"}}"#.into(), &[]),
            (r#"{"type":"deny","dataPeriod":{"start":"2020"}}"#.into(), &["d|*|*|*|*"]),
            (r#"{"type":"permit","class":[{"code":"urn:doc"}]}"#.into(), &[]),
            (r#"{"type":"deny","securityLabel":[{"code":"PSY"}]}"#.into(), &["d|*|*|*|PSY"]),
            (r#"{"type":"deny","securityLabel":[{"code":"N"}]}"#.into(), &["d|*|*|*|*"]),
            (r#"{"provision":[{"type":"deny"}]}"#.into(), &["d|*|*|*|*"]),
        ];
        for (provision, expected) in cases {
            assert_eq!(codes(provision), *expected, "{provision}");
        }
    }

    #[test]
    fn too_many_combinations_close() {
        let many = |n: usize| -> String {
            let one = |n| format!(r#"{{"reference":{{"reference":"Organization/{n}"}}}}"#);
            (0..n).map(one).collect::<Vec<_>>().join(",")
        };
        assert_eq!(codes(&format!(r#"{{"type":"permit","actor":[{}]}}"#, many(1000))), [""; 0]);
        assert_eq!(codes(&format!(r#"{{"type":"deny","actor":[{}]}}"#, many(1000))), ["d|*|*|*|*"]);
    }
}
