//! Dates and times as R4 writes them: <https://hl7.org/fhir/R4/datatypes.html#dateTime>.

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, a day that there is.
pub(super) fn is_date(text: &str) -> bool {
    date(text.as_bytes()).is_some_and(|(_, rest)| rest.is_empty())
}

/// A date; or a whole date with time and zone.
pub(super) fn is_date_time(text: &str) -> bool {
    match date(text.as_bytes()) {
        Some((_, [])) => true,
        Some((Precision::Day, [b'T', rest @ ..])) => is_zoned_time(rest),
        _ => false,
    }
}

/// A whole date with time and zone.
pub(super) fn is_instant(text: &str) -> bool {
    matches!(date(text.as_bytes()), Some((Precision::Day, [b'T', rest @ ..])) if is_zoned_time(rest))
}

/// `hh:mm:ss`, with a fraction if needed, no zone.
pub(super) fn is_time(text: &str) -> bool {
    time(text.as_bytes()) == Some(&[])
}

/// How much of a date was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Year,
    Month,
    Day,
}

/// Reads a date and returns what follows it.
fn date(text: &[u8]) -> Option<(Precision, &[u8])> {
    let (century, rest) = two_digits(text)?;
    let (year_of_century, rest) = two_digits(rest)?;
    let year = century * 100 + year_of_century;
    if year == 0 {
        return None;
    }
    let Some(rest) = rest.strip_prefix(b"-") else { return Some((Precision::Year, rest)) };
    let (month, rest) = two_digits(rest)?;
    if !(1..=12).contains(&month) {
        return None;
    }
    let Some(rest) = rest.strip_prefix(b"-") else { return Some((Precision::Month, rest)) };
    let (day, rest) = two_digits(rest)?;
    (1..=days_of_month(year, month)).contains(&day).then_some((Precision::Day, rest))
}

fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads `hh:mm:ss` and a fraction; second 60 is a leap second.
fn time(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = two_digits(text)?;
    let (minute, rest) = two_digits(rest.strip_prefix(b":")?)?;
    let (second, rest) = two_digits(rest.strip_prefix(b":")?)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(rest) };
    match fraction.iter().position(|byte| !byte.is_ascii_digit()) {
        Some(0) => None,
        Some(len) => fraction.get(len..),
        None if fraction.is_empty() => None,
        None => Some(&[]),
    }
}

/// A time, then `Z` or an offset of at most 14 hours.
fn is_zoned_time(text: &[u8]) -> bool {
    match time(text) {
        Some(b"Z") => true,
        Some([b'+' | b'-', offset @ ..]) => is_offset(offset).unwrap_or(false),
        _ => false,
    }
}

fn is_offset(text: &[u8]) -> Option<bool> {
    let (hour, rest) = two_digits(text)?;
    let (minute, rest) = two_digits(rest.strip_prefix(b":")?)?;
    Some(rest.is_empty() && (hour < 14 && minute < 60 || (hour, minute) == (14, 0)))
}

#[inline]
fn two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<2>()?;
    let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| (u32::from(tens) * 10 + u32::from(ones), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_and_hours_that_exist() {
        // text, date, dateTime, instant, time
        let cases = [
            ("2024", true, true, false, false),
            ("2024-02", true, true, false, false),
            ("2024-02-29", true, true, false, false),
            ("2023-02-29", false, false, false, false),
            ("1900-02-29", false, false, false, false),
            ("2000-02-29", true, true, false, false),
            ("2024-04-31", false, false, false, false),
            ("2024-13", false, false, false, false),
            ("2024-00", false, false, false, false),
            ("0000", false, false, false, false),
            ("24-01-01", false, false, false, false),
            ("2024-1-1", false, false, false, false),
            ("2024-01-01T", false, false, false, false),
            ("2024-01-01T10:00", false, false, false, false),
            ("2024-01-01T10:00:00", false, false, false, false),
            ("2024-01-01T10:00:00Z", false, true, true, false),
            ("2024-01-01T10:00:60.123456+14:00", false, true, true, false),
            ("2024-01-01T10:00:00+14:01", false, false, false, false),
            ("2024-01-01T10:00:00-05:60", false, false, false, false),
            ("2024-01-01T10:00:00.Z", false, false, false, false),
            ("2024-01-01T24:00:00Z", false, false, false, false),
            ("2024-01T10:00:00Z", false, false, false, false),
            ("2024-01-01t10:00:00z", false, false, false, false),
            ("10:00:00", false, false, false, true),
            ("10:00:00.5", false, false, false, true),
            ("10:00:00.", false, false, false, false),
            ("10:00", false, false, false, false),
            ("10:00:00Z", false, false, false, false),
            ("", false, false, false, false),
        ];
        for (text, date, date_time, instant, time) in cases {
            let got = (is_date(text), is_date_time(text), is_instant(text), is_time(text));
            assert_eq!(got, (date, date_time, instant, time), "{text}");
        }
    }
}
