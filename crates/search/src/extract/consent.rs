//! What a Consent permits and denies, as codes that a search can ask for: <https://hl7.org/fhir/R4/consent.html>.
//!
//! A code is `effect|actor|purpose|class|label`, `*` where the rule does not say. The effects are `p` permit, `d` deny
//! and `x`, an exception from what the same Consent denies. All conditions of a rule hold together; of the values of
//! one condition each has codes of its own.
//!
//! A Consent of which codes cannot say all, because it asks for what is in a resource or refines what refines, has to
//! be read: `t|actor` says by whom, and `u|actor` that it may deny something to them.
//!
//! Of a Consent to research the effects are capital letters: what it permits opens nothing but the view of a study.
//!
//! **Invariant**: what is not understood never opens anything. A permission with such a condition is left out; a
//! denial is taken to be without that condition.

use std::collections::BTreeSet;

use fhir_model::NodeRef;

use crate::{
    provision::{ConsentScope, Effect, Provision, Times, Values},
    registry::ParamId,
    rows::TokenRow,
};

/// The parameter of these codes. It has no name: nobody asks for it but the gate.
pub const CONSENT_RULE: ParamId = ParamId(900_000);

/// Codes of one Consent, at most.
const CODES_MAX: usize = 400;

/// Whatever it is.
const ANY: &str = "*";

/// The rows of a Consent; of other resources none.
pub(super) fn rules(root: NodeRef<'_>, base: &str) -> Vec<TokenRow> {
    let privacy = Provision::of(root, ConsentScope::Privacy, base);
    let mut codes = privacy.map_or_else(BTreeSet::new, |provision| codes_of(&provision));
    if let Some(provision) = Provision::of(root, ConsentScope::Research, base) {
        codes.extend(codes_of(&provision).into_iter().map(|code| capital(&code)));
    }
    let row = |code: String| TokenRow {
        param: CONSENT_RULE,
        code: code.into(),
        system: None,
        first: true,
    };
    codes.into_iter().map(row).collect()
}

/// The same effect of a Consent to research.
fn capital(code: &str) -> String {
    let (effect, rest) = code.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", effect.to_ascii_uppercase())
}

fn codes_of(provision: &Provision) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    if is_plain(provision) {
        add(provision, &mut codes);
        for exception in &provision.inner {
            if (provision.effect, exception.effect) == (Some(Effect::Deny), Some(Effect::Permit)) {
                add_as('x', exception, &mut codes);
            }
            add(exception, &mut codes);
        }
    } else {
        to_be_read(provision, &mut codes);
    }
    if codes.len() > CODES_MAX {
        let denies = codes.iter().any(|code| code.starts_with('d'));
        codes.clear();
        if denies {
            codes.insert(code('d', [ANY; 4]));
        }
    }
    codes
}

/// Whether codes can say all of it: nothing is asked of what is in a resource, exceptions are no deeper than one level,
/// and what they are taken from has no conditions but its time.
fn is_plain(provision: &Provision) -> bool {
    let is_simple =
        |one: &Provision| one.inner.is_empty() && one.period == Times::Any && !one.is_cut;
    let suits = |one: &Provision| match (provision.effect, one.effect) {
        (Some(Effect::Deny), Some(Effect::Permit)) => !one.labels.is_asked(),
        (Some(Effect::Deny), _) => false,
        (Some(Effect::Permit) | None, _) => true,
    };
    let is_bare = |one: &Provision| {
        !one.actors.is_asked()
            && !one.purposes.is_asked()
            && !one.classes.is_asked()
            && !one.labels.is_asked()
            && !one.is_other
    };
    if provision.is_about_content() || provision.is_cut {
        return false;
    }
    provision.inner.is_empty()
        || (is_bare(provision) && provision.inner.iter().all(|one| is_simple(one) && suits(one)))
}

/// Who has to read it.
fn to_be_read(provision: &Provision, codes: &mut BTreeSet<String>) {
    let whom = provision.whom().filter(|all| all.len() <= CODES_MAX / 2);
    for actor in whom.unwrap_or_else(|| vec![ANY]) {
        codes.insert(format!("t|{actor}"));
        if provision.may_deny() {
            codes.insert(format!("u|{actor}"));
        }
    }
}

fn add(provision: &Provision, codes: &mut BTreeSet<String>) {
    match provision.effect {
        Some(Effect::Permit) => add_as('p', provision, codes),
        Some(Effect::Deny) => add_as('d', provision, codes),
        None => {}
    }
}

fn add_as(effect: char, provision: &Provision, codes: &mut BTreeSet<String>) {
    let conditions = [
        texts(&provision.actors, |actor| actor),
        texts(&provision.purposes, |purpose| purpose),
        texts(&provision.classes, |class| class.name()),
        texts(&provision.labels, |label| label),
    ];
    let opens = effect != 'd';
    let is_lost = conditions.iter().any(|(values, is_clear)| values.is_empty() && !is_clear);
    if opens && (is_lost || provision.is_other) {
        return;
    }
    let [actors, purposes, classes, labels] =
        conditions.map(
            |(values, is_clear)| {
                if values.is_empty() || !(opens || is_clear) { vec![ANY] } else { values }
            },
        );
    for actor in &actors {
        for purpose in &purposes {
            for class in &classes {
                for label in &labels {
                    if codes.len() > CODES_MAX {
                        return;
                    }
                    let label = if effect == 'd' && is_low(label) { ANY } else { label };
                    codes.insert(code(effect, [actor, purpose, class, label]));
                }
            }
        }
    }
}

fn texts<T>(values: &Values<T>, text: impl Fn(&T) -> &str) -> (Vec<&str>, bool) {
    (values.known.iter().map(text).collect(), values.is_clear)
}

fn code(effect: char, [actor, purpose, class, label]: [&str; 4]) -> String {
    format!("{effect}|{actor}|{purpose}|{class}|{label}")
}

/// What is denied from a rung that everything is on is denied as a whole.
fn is_low(label: &str) -> bool {
    matches!(label, "U" | "L" | "M" | "N")
}

#[cfg(test)]
mod tests {
    use fhir_model::json;

    use super::*;

    fn codes(provision: &str) -> Vec<String> {
        codes_within("patient-privacy", provision)
    }

    fn codes_within(scope: &str, provision: &str) -> Vec<String> {
        let text = format!(
            r#"{{"resourceType":"Consent","scope":{{"coding":[{{"code":"{scope}"}}]}},"provision":{provision}}}"#
        );
        let tree = json::parse_trusted(text.into_bytes().into());
        let rows = rules(tree.root(), "http://own.example/fhir");
        rows.into_iter().map(|row| row.code.into()).collect()
    }

    fn actor(of: &str) -> String {
        format!(r#""actor":[{{"reference":{{"reference":"{of}"}}}}]"#)
    }

    #[test]
    fn rules_become_codes() {
        let org = actor("Organization/h");
        let cases: &[(String, &[&str])] = &[
            (r#"{"type":"deny"}"#.into(), &["d|*|*|*|*"]),
            (format!(r#"{{"type":"permit",{org}}}"#), &["p|Organization/h|*|*|*"]),
            (
                format!(
                    r#"{{"type":"permit",{}}}"#,
                    actor("http://own.example/fhir/Organization/h")
                ),
                &["p|Organization/h|*|*|*"],
            ),
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
            (
                format!(r#"{{"type":"permit",{}}}"#, actor("http://else.example/Organization/h")),
                &[],
            ),
            (format!(r#"{{"type":"deny",{}}}"#, actor("CareTeam/c")), &["d|*|*|*|*"]),
            (r#"{"type":"permit","class":[{"code":"urn:doc"}]}"#.into(), &[]),
            (r#"{"type":"deny","securityLabel":[{"code":"PSY"}]}"#.into(), &["d|*|*|*|PSY"]),
            (r#"{"type":"deny","securityLabel":[{"code":"N"}]}"#.into(), &["d|*|*|*|*"]),
            (r#"{"provision":[{"type":"deny"}]}"#.into(), &["d|*|*|*|*"]),
            (
                r#"{"provision":[{"class":[{"code":"Observation"}]}]}"#.into(),
                &["d|*|*|Observation|*"],
            ),
        ];
        for (provision, expected) in cases {
            assert_eq!(codes(provision), *expected, "{provision}");
        }
    }

    #[test]
    fn what_codes_cannot_say_has_to_be_read() {
        let org = actor("Organization/h");
        let cases: &[(String, &[&str])] = &[
            (r#"{"type":"permit","dataPeriod":{"start":"2020"}}"#.into(), &["t|*"]),
            (r#"{"type":"deny","dataPeriod":{"start":"2020"}}"#.into(), &["t|*", "u|*"]),
            (
                format!(r#"{{"type":"deny",{org},"code":[{{"text":"x"}}]}}"#),
                &["t|Organization/h", "u|Organization/h"],
            ),
            (
                format!(r#"{{"provision":[{{"type":"permit",{org},"data":[{{}}]}}]}}"#),
                &["t|Organization/h"],
            ),
            // exceptions from what has conditions, and from exceptions
            (
                format!(r#"{{"type":"permit",{org},"provision":[{{"type":"deny"}}]}}"#),
                &["t|Organization/h", "u|Organization/h"],
            ),
            (
                format!(
                    r#"{{"type":"permit","provision":[{{"type":"deny","provision":[{{{org}}}]}}]}}"#
                ),
                &["t|*", "u|*"],
            ),
            (
                r#"{"type":"permit","provision":[{"type":"deny","period":{"start":"2020"}}]}"#
                    .into(),
                &["t|*", "u|*"],
            ),
        ];
        for (provision, expected) in cases {
            assert_eq!(codes(provision), *expected, "{provision}");
        }
    }

    #[test]
    fn consents_to_research_open_nothing_else() {
        let research = |provision: &str| codes_within("research", provision);
        let org = actor("Organization/h");
        let permit = format!(r#"{{"type":"permit",{org},"purpose":[{{"code":"HRESCH"}}]}}"#);
        assert_eq!(research(&permit), ["P|Organization/h|HRESCH|*|*"]);
        let deny = format!(r#"{{"type":"deny","provision":[{{"type":"permit",{org}}}]}}"#);
        assert_eq!(
            research(&deny),
            ["D|*|*|*|*", "P|Organization/h|*|*|*", "X|Organization/h|*|*|*"]
        );
        assert_eq!(research(r#"{"type":"deny","dataPeriod":{"start":"2020"}}"#), ["T|*", "U|*"]);
        assert_eq!(codes_within("treatment", &permit), [""; 0]);
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
