//! Who somebody is within a study: pseudonyms and days by the study's key, so that what belongs together does within a
//! study, and neither ids nor days tell of it across two.

use fhir_model::{Instant, json::Value};
use ring::hmac;

use super::calendar::{Date, Day};

/// Dates are moved by so many days at most, into the past or the future.
const DAYS_MAX: u64 = 182;

/// From this age on it is not told how old somebody is: 45 CFR 164.514(b)(2)(i)(C).
const AGE_MAX: i64 = 90;

/// The key of a study.
#[derive(Debug, Clone)]
pub(super) struct StudyKey(hmac::Key);

impl StudyKey {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(super) fn sign(&self, what: &str, of: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(of);
        context.sign().as_ref().to_vec()
    }

    /// The logical id of a resource in the study's view: 128 bits.
    pub(super) fn pseudonym(&self, ty: &str, id: &str) -> String {
        format!("{:032x}", self.number(ty, id))
    }

    /// The same as a number, of the same order.
    pub(super) fn number(&self, ty: &str, id: &str) -> u128 {
        let tag = self.sign("id", format!("{ty}/{id}").as_bytes());
        tag.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// By how many days everything of a patient is moved: at least one.
    fn days(&self, patient: &str) -> i64 {
        let tag = self.sign("days", patient.as_bytes());
        let drawn = tag.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let days = drawn % (2 * DAYS_MAX);
        let magnitude = i64::try_from(days % DAYS_MAX).unwrap_or(0) + 1;
        if days < DAYS_MAX { -magnitude } else { magnitude }
    }

    /// The patient of this logical id and this resource, as of today.
    pub(super) fn person(&self, id: &str, patient: Option<&Value>, today: Instant) -> Person {
        let text = |name: &str| patient?.get(name)?.as_str().and_then(Date::parse);
        let until = text("deceasedDateTime").map_or_else(|| Day::on(today), |died| died.day);
        let years_ago = |years: i64| {
            let (year, month, day) = until.date();
            let part = |part: i64| u32::try_from(part).unwrap_or(1);
            Day::of(i32::try_from(year - years).unwrap_or(1), part(month), part(day))
        };
        // whose date of birth nobody knows may be old
        let is_old = text("birthDate").is_none_or(|born| born.day <= years_ago(AGE_MAX));
        let since = is_old.then(|| years_ago(AGE_MAX));
        Person { days: self.days(id), since }
    }
}

/// What is done to what belongs to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    /// So many days are added to each date.
    pub(super) days: i64,
    /// Of who is too old to say how old, or may be: the day on which somebody of that age was born. Nothing before it is
    /// told.
    pub(super) since: Option<Day>,
}

impl Person {
    /// A date or time as it is shown.
    pub(super) fn date(self, text: &str) -> Option<String> {
        let date = Date::parse(text)?;
        let is_told = self.since.is_none_or(|since| date.day >= since);
        date.moved(self.days).filter(|_| is_told)
    }

    /// A date of birth as it is shown.
    pub(super) fn birth(self, text: &str) -> Option<String> {
        let born = Date::parse(text)?;
        match self.since {
            Some(since) if born.day <= since => Some(format!("{:04}", since.date().0)),
            Some(_) | None => self.date(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(members: &[(&str, &str)]) -> Value {
        let member =
            |(name, text): &(&str, &str)| ((*name).to_owned(), Value::String((*text).to_owned()));
        Value::Object(members.iter().map(member).collect())
    }

    #[test]
    fn pseudonyms_and_days_belong_to_a_study_and_a_patient() {
        let (one, other) = (StudyKey::new(b"one"), StudyKey::new(b"other"));
        assert_eq!(one.pseudonym("Patient", "a"), one.pseudonym("Patient", "a"));
        assert_ne!(one.pseudonym("Patient", "a"), one.pseudonym("Patient", "b"));
        assert_ne!(one.pseudonym("Patient", "a"), one.pseudonym("Condition", "a"));
        assert_ne!(one.pseudonym("Patient", "a"), other.pseudonym("Patient", "a"));
        let days: Vec<i64> = (0..2_000).map(|n| one.days(&n.to_string())).collect();
        assert!(days.iter().all(|days| (1..=182).contains(&days.abs())));
        assert_eq!((days.iter().min(), days.iter().max()), (Some(&-182), Some(&182)));
        assert_ne!((one.days("a"), one.days("b"), one.days("c")), {
            (other.days("a"), other.days("b"), other.days("c"))
        });
    }

    #[test]
    fn nobody_is_older_than_ninety() {
        let key = StudyKey::new(b"k");
        let today = Instant::from_date(2026, 11, 22);
        let person = |members: &[(&str, &str)]| key.person("a", Some(&patient(members)), today);
        let young = person(&[("birthDate", "1936-11-23")]);
        assert_eq!(young.since, None);
        let moved = young.birth("1936-11-23").unwrap();
        assert_eq!(moved, young.date("1936-11-23").unwrap());
        assert_ne!(moved, "1936-11-23");
        let old = person(&[("birthDate", "1920-03-01")]);
        assert_eq!(old.birth("1920-03-01").as_deref(), Some("1936"));
        // nothing tells that it was longer
        assert_eq!(old.date("1931-05-01"), None);
        assert!(old.date("2026-01-01T10:00:00Z").unwrap().ends_with("T10:00:00Z"));
        // nor does anything where it is not known
        let unknown = person(&[]);
        assert_eq!(unknown.date("1925-03-01"), None);
        assert_eq!(unknown.date("1936"), None);
        assert!(unknown.date("1937-01-01").is_some());
        // who died young is not old
        let died = person(&[("birthDate", "1920-03-01"), ("deceasedDateTime", "1990-01-01")]);
        assert_eq!(died.since, None);
        let died = person(&[("birthDate", "1890-03-01"), ("deceasedDateTime", "1990-01-01")]);
        assert_eq!(died.birth("1890-03-01").as_deref(), Some("1900"));
    }
}
