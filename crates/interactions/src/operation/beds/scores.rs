//! How urgent: NEWS2 or, where the policy says so, MEWS; qSOFA with an infection, 4C with COVID-19; the order and the
//! clinician.

use std::fmt::Write as _;

use beds::{
    Code as _, EarlyWarning, Findings, Gender, Method, Points, Policy, Tier,
    severity::{self, FourC, FourCInputs, Mews, News2, Parameter, Part, Scale, Vitals},
    tier,
};
use fhir_model::json::Value;

use super::{
    document::{codes, items, text},
    order::Order,
    vitals::Measured,
};

/// How urgent a request is, and by what.
pub(super) struct Scores {
    pub(super) tier: Tier,
    pub(super) method: Method,
    pub(super) severity: Points,
    pub(super) words: String,
    pub(super) missing: Vec<String>,
    /// Whether values of the blood count, too.
    pub(super) is_by_blood: bool,
}

/// What the scores are made from.
pub(super) struct Known<'a> {
    pub(super) measured: &'a Measured,
    pub(super) patient: severity::Patient,
    pub(super) gender: Gender,
    pub(super) illness: &'a Illness,
    pub(super) policy: &'a Policy,
}

/// What the list of problems says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Illness {
    has_covid: bool,
    /// Other diseases that go on.
    others: i32,
}

/// COVID-19 in ICD-10 and SNOMED CT.
const COVID: [&str; 3] = ["U07.1", "U07.2", "840539006"];
const GOES_ON: [&str; 3] = ["active", "recurrence", "relapse"];

impl Illness {
    /// From a patient's Conditions: those that go on and were not refuted. What was noted as the reason of one stay
    /// is no disease of its own.
    pub(super) fn of(conditions: &[Value]) -> Self {
        let has = |of: &Value, name: &str, known: &[&str]| {
            of.get(name).is_some_and(|it| codes(it).any(|code| known.contains(&code)))
        };
        let mut illness = Self::default();
        let mut others: Vec<String> = Vec::new();
        for condition in conditions {
            let goes_on = condition.get("clinicalStatus").is_none()
                || has(condition, "clinicalStatus", &GOES_ON);
            let is_refuted = has(condition, "verificationStatus", &["refuted", "entered-in-error"]);
            let Some(code) = condition.get("code").filter(|_| goes_on && !is_refuted) else {
                continue;
            };
            let categories = items(condition, "category");
            let is_of_a_stay =
                categories.iter().flat_map(codes).any(|it| it == "encounter-diagnosis");
            if codes(code).any(|it| COVID.contains(&it)) {
                illness.has_covid = true;
            } else if !is_of_a_stay {
                let name = codes(code).next().or_else(|| text(code, "text"));
                others.extend(name.map(str::to_owned));
            }
        }
        others.sort_unstable();
        others.dedup();
        illness.others = i32::try_from(others.len()).unwrap_or(i32::MAX);
        illness
    }
}

/// The early-warning score of a patient; `None` where it is not valid, or nothing was measured.
pub(super) enum Early {
    News2(News2),
    Mews(Mews),
}

impl Early {
    pub(super) fn of(
        vitals: &Vitals,
        (scale, patient): (Scale, severity::Patient),
        policy: &Policy,
    ) -> Option<Self> {
        match policy.early_warning {
            EarlyWarning::News2 => severity::news2(vitals, scale, patient).ok().map(Self::News2),
            EarlyWarning::Mews => severity::mews(vitals, patient).ok().map(Self::Mews),
        }
    }

    fn parts(&self) -> &[Part] {
        match self {
            Self::News2(score) => &score.parts,
            Self::Mews(score) => &score.parts,
        }
    }

    fn missing(&self) -> impl Iterator<Item = Parameter> {
        self.parts().iter().filter(|(_, points)| points.is_none()).map(|(parameter, _)| *parameter)
    }

    /// On the scale of NEWS2: a MEWS of 3, from which a doctor is called, stands where a NEWS2 of 5 does.
    pub(super) fn points(&self) -> Points {
        match self {
            Self::News2(score) => Points::from(score.total()),
            Self::Mews(score) if score.total() >= 3 => Points::from(score.total() + 2),
            Self::Mews(score) => Points::from(score.total()),
        }
    }

    /// `NEWS2 9 at 10:42 UTC (breathing 3, oxygen 2)`
    pub(super) fn words(&self, measured_millis: Option<i64>) -> String {
        let mut words = match self {
            Self::News2(score) => format!("NEWS2 {}", score.total()),
            Self::Mews(score) => format!("MEWS {}", score.total()),
        };
        if let Some(millis) = measured_millis {
            let minutes = millis.div_euclid(60_000).rem_euclid(24 * 60);
            // writing to a String cannot fail
            let _written = write!(words, " at {:02}:{:02} UTC", minutes / 60, minutes % 60);
        }
        let parts = self.parts().iter().filter_map(|(parameter, points)| {
            let points = points.filter(|points| *points > 0)?;
            Some(format!("{} {points}", parameter.code()))
        });
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            let _written = write!(words, " ({})", parts.join(", "));
        }
        words
    }
}

/// How urgent what an order asks for is.
pub(super) fn scores(order: &Order, known: &Known<'_>) -> Scores {
    let Known { measured, patient, policy, .. } = *known;
    let scale = if order.is_hypercapnic { Scale::Hypercapnic } else { Scale::Usual };
    let early = Early::of(&measured.vitals, (scale, patient), policy);
    let qsofa = severity::qsofa(&measured.vitals, patient).ok();
    let four_c = four_c(known);
    let (news2, mews) = match &early {
        Some(Early::News2(score)) => (Some(score.clone()), None),
        Some(Early::Mews(score)) => (None, Some(score.clone())),
        None => (None, None),
    };
    let findings = Findings {
        priority: order.priority,
        clinician: order.tier,
        news2,
        qsofa_with_infection: qsofa.filter(|_| order.has_infection),
        mews,
        four_c: four_c.clone(),
    };
    let (tier, method) = tier(&findings);
    let missing = early.iter().flat_map(Early::missing);
    let missing = missing.chain(four_c.iter().flat_map(FourC::missing));
    let mut missing: Vec<String> = missing.map(|it| it.code().to_owned()).collect();
    missing.sort_unstable();
    missing.dedup();
    let mut words = match (&early, order.priority) {
        (Some(score), _) => score.words(measured.latest_millis),
        (None, Some(priority)) => format!("ordered {}", priority.code()),
        (None, None) => "ordered without a priority".to_owned(),
    };
    if let Some(score) = &four_c {
        let _written = write!(words, ", 4C {} ({} risk)", score.total(), score.risk().code());
    }
    let severity = early.map_or(Points::whole(0), |score| score.points());
    Scores { tier, method, severity, words, missing, is_by_blood: four_c.is_some() }
}

/// Of an adult with COVID-19.
fn four_c(known: &Known<'_>) -> Option<FourC> {
    let Known { measured, patient, gender, illness, .. } = known;
    if !illness.has_covid {
        return None;
    }
    let inputs = FourCInputs {
        is_male: match gender {
            Gender::Male => Some(true),
            Gender::Female => Some(false),
            Gender::Other | Gender::Unknown => None,
        },
        comorbidities: Some(illness.others),
        urea_decimoles: measured.blood.urea_decimoles,
        c_reactive_protein: measured.blood.c_reactive_protein,
    };
    // the score counts the saturation on air
    let on_air = measured.vitals.supplemental_oxygen != Some(true);
    let oxygen_saturation = measured.vitals.oxygen_saturation.filter(|_| on_air);
    let vitals = Vitals { oxygen_saturation, ..measured.vitals };
    severity::four_c(&vitals, &inputs, *patient).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{document::read, order::order};
    use super::*;

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_goes_on_counts_once() {
        let condition = |code: &str, rest: &str| {
            value(&format!(r#"{{"code":{{"coding":[{{"code":"{code}"}}]}}{rest}}}"#))
        };
        let status =
            |code: &str| format!(r#","clinicalStatus":{{"coding":[{{"code":"{code}"}}]}}"#);
        let all = [
            condition("E11", &status("active")),
            condition("E11", ""),
            condition("I10", &status("resolved")),
            condition("J45", r#","verificationStatus":{"coding":[{"code":"refuted"}]}"#),
            condition("R05", r#","category":[{"coding":[{"code":"encounter-diagnosis"}]}]"#),
            condition("N18", &status("relapse")),
        ];
        assert_eq!(Illness::of(&all), Illness { has_covid: false, others: 2 });
        for code in COVID {
            let found = Illness::of(&[condition(code, "")]);
            assert_eq!(found, Illness { has_covid: true, others: 0 });
        }
        assert_eq!(Illness::of(&[condition("U07.1", &status("resolved"))]), Illness::default());
    }

    #[test]
    fn a_policy_says_which_score() {
        let vitals = Vitals {
            heart_rate: Some(105),
            respiratory_rate: Some(18),
            systolic_pressure: Some(100),
            ..Vitals::default()
        };
        let measured = Measured { vitals, latest_millis: Some(0), ..Measured::default() };
        let patient = severity::Patient { age_years: Some(40), is_pregnant: false };
        let of = |early_warning: EarlyWarning| {
            let policy = Policy { early_warning, ..Policy::default() };
            let known = Known {
                measured: &measured,
                patient,
                gender: Gender::Female,
                illness: &Illness::default(),
                policy: &policy,
            };
            let found = scores(&order("o", &value("{}"), ""), &known);
            (found.tier, found.method, found.severity, found.words)
        };
        let (tier, method, severity, words) = of(EarlyWarning::News2);
        assert_eq!((tier, method, severity), (Tier::Soon, Method::News2, Points::whole(3)));
        assert!(words.starts_with("NEWS2 3 at 00:00 UTC ("), "{words}");
        let (tier, method, severity, words) = of(EarlyWarning::Mews);
        assert_eq!((tier, method, severity), (Tier::Urgent, Method::Mews, Points::whole(5)));
        assert!(words.starts_with("MEWS 3 at 00:00 UTC ("), "{words}");
    }
}
