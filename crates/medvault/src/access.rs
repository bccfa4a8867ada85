//! `user`, `client`, `token`: accounts straight in the database, beside a server that may be running.

mod client;
mod token;
mod user;

use fhir_model::{Instant, IssueType, Outcome};
use storage::Accounts;

use crate::{config::Config, serve, trouble::Trouble};

pub(crate) use client::{ClientCommand, run as clients};
pub(crate) use token::{TokenWish, mint, run as token};
pub(crate) use user::{UserCommand, run as users};

/// Opens the accounts.
async fn open(config: &Config) -> Result<Accounts, Trouble> {
    serve::make_private(&config.data_dir)?;
    Ok(Accounts::open(&serve::options(config)).await?)
}

/// A sentence for the person who typed the command.
fn refuse(why: impl Into<std::borrow::Cow<'static, str>>) -> Trouble {
    Trouble::Vault(Outcome::new(IssueType::Invalid, why))
}

/// `Type/id`, with one of these types.
fn reference(text: String, types: &[&str]) -> Result<String, Trouble> {
    let is_fit = text.split_once('/').is_some_and(|(ty, id)| {
        types.contains(&ty)
            && (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    });
    if is_fit {
        return Ok(text);
    }
    Err(refuse(format!("{text:?} is no reference to {}: write Type/id", types.join(", "))))
}

/// A time as FHIR writes it: `2026-11-22T14:00:00Z`, with an offset or without one, or a date alone.
fn instant(text: &str) -> Option<Instant> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let mut parts = date.splitn(3, '-');
    let (year, month, day) =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(at)?;
    let mut parts = clock.splitn(3, ':');
    let (hour, minute): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let second: f64 = parts.next().unwrap_or("0").parse().ok()?;
    let offset = match zone.get(..1) {
        None | Some("Z") => 0,
        Some(sign) => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let is_fit = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&second)
        && (1970..=9999).contains(&year);
    #[expect(clippy::cast_possible_truncation, reason = "below 61,000")]
    let millis = (second * 1000.0) as i64;
    is_fit.then(|| {
        let midnight = Instant::from_date(year, month, day).millis();
        Instant::from_millis(midnight + (hour * 60 + minute - offset) * 60_000 + millis)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_references_are_read_or_refused() {
        let cases = [
            ("2026-11-22T14:00:00Z", Some("2026-11-22T14:00:00.000Z")),
            ("2026-11-22T14:00:00.250+05:30", Some("2026-11-22T08:30:00.250Z")),
            ("2026-11-22", Some("2026-11-22T00:00:00.000Z")),
            ("2026-13-22", None),
            ("tomorrow", None),
            ("2026-11-22T25:00:00Z", None),
        ];
        for (text, expected) in cases {
            let read = instant(text).map(|instant| instant.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
        assert!(reference("Practitioner/a-1".to_owned(), &["Practitioner"]).is_ok());
        for text in ["Patient/1", "Practitioner/", "Practitioner", "Practitioner/a b"] {
            assert!(reference(text.to_owned(), &["Practitioner"]).is_err(), "{text}");
        }
    }
}
