//! Reads and writes moments as the literals and FHIR's primitives have them.

use std::fmt;

use super::{Moment, NO_DAY, Precision, days_in_month};

impl Moment {
    /// `2014`, `2014-05`, `2014-05-25`.
    pub fn parse_date(text: &str) -> Option<Self> {
        let mut reader = Reader(text.as_bytes());
        let date = reader.date()?;
        reader.0.is_empty().then_some(date)
    }

    /// A date, or a date with `T`, a time as far as it is known, and perhaps a zone.
    pub fn parse_date_time(text: &str) -> Option<Self> {
        let mut reader = Reader(text.as_bytes());
        let mut moment = reader.date()?;
        if reader.0.is_empty() {
            return Some(moment);
        }
        reader.byte(b'T')?;
        if reader.0.is_empty() {
            return Some(moment);
        }
        if moment.precision != Precision::Day {
            return None;
        }
        reader.time(&mut moment)?;
        moment.offset = reader.offset()?;
        reader.0.is_empty().then_some(moment)
    }

    /// `14`, `14:30`, `14:30:15`, `14:30:15.123`, perhaps after a `T`.
    pub fn parse_time(text: &str) -> Option<Self> {
        let mut reader = Reader(text.strip_prefix('T').unwrap_or(text).as_bytes());
        let mut moment = NO_DAY;
        reader.time(&mut moment)?;
        reader.0.is_empty().then_some(moment)
    }

    /// The date part.
    pub(crate) fn write_date(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{:04}", self.year)?;
        if self.precision >= Precision::Month {
            write!(out, "-{:02}", self.month)?;
        }
        if self.precision >= Precision::Day {
            write!(out, "-{:02}", self.day)?;
        }
        Ok(())
    }

    /// The time part, without `T`.
    pub(crate) fn write_time(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{:02}", self.hour)?;
        if self.precision >= Precision::Minute {
            write!(out, ":{:02}", self.minute)?;
        }
        if self.precision >= Precision::Second {
            write!(out, ":{:02}", self.second)?;
        }
        if let Precision::Fraction(digits) = self.precision {
            let fraction = format!("{:09}", self.nanos);
            write!(out, ".{}", fraction.get(..usize::from(digits)).unwrap_or(&fraction))?;
        }
        Ok(())
    }

    /// Date, `T`, time and zone, as far as they are known.
    pub(crate) fn write_date_time(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.write_date(out)?;
        if self.precision >= Precision::Hour {
            out.write_char('T')?;
            self.write_time(out)?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => out.write_char('Z'),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs();
                write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }

    /// [`Self::write_date_time`] as a string of its own.
    pub fn to_date_time_string(&self) -> String {
        let mut out = String::with_capacity(32);
        // writing to a String cannot fail
        let _ = self.write_date_time(&mut out);
        out
    }

    /// [`Self::write_time`] as a string of its own.
    pub fn to_time_string(&self) -> String {
        let mut out = String::with_capacity(12);
        // writing to a String cannot fail
        let _ = self.write_time(&mut out);
        out
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self, expected: u8) -> Option<()> {
        let rest = self.0.strip_prefix(&[expected])?;
        self.0 = rest;
        Some(())
    }

    /// Exactly so many digits, at most `max` in value.
    fn number(&mut self, digits: usize, max: u16) -> Option<u16> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        let mut value = 0u16;
        for byte in head {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value * 10 + u16::from(byte - b'0');
        }
        self.0 = rest;
        (value <= max).then_some(value)
    }

    fn small(&mut self, min: u8, max: u8) -> Option<u8> {
        let value = u8::try_from(self.number(2, u16::from(max))?).ok()?;
        (value >= min).then_some(value)
    }

    fn date(&mut self) -> Option<Moment> {
        let year = i16::try_from(self.number(4, 9999)?).ok()?;
        if year == 0 {
            return None;
        }
        let mut moment = Moment { year, precision: Precision::Year, ..NO_DAY };
        if self.byte(b'-').is_none() {
            return Some(moment);
        }
        moment.month = self.small(1, 12)?;
        moment.precision = Precision::Month;
        if self.byte(b'-').is_none() {
            return Some(moment);
        }
        moment.day = self.small(1, days_in_month(year, moment.month))?;
        moment.precision = Precision::Day;
        Some(moment)
    }

    fn time(&mut self, moment: &mut Moment) -> Option<()> {
        moment.hour = self.small(0, 23)?;
        moment.precision = Precision::Hour;
        if self.byte(b':').is_none() {
            return Some(());
        }
        moment.minute = self.small(0, 59)?;
        moment.precision = Precision::Minute;
        if self.byte(b':').is_none() {
            return Some(());
        }
        // a leap second counts as the last second of its minute
        moment.second = self.small(0, 60)?.min(59);
        moment.precision = Precision::Second;
        if self.byte(b'.').is_none() {
            return Some(());
        }
        let mut digits = 0u8;
        let mut unit = 100_000_000u32;
        while let Some((byte, rest)) =
            self.0.split_first().filter(|(byte, _)| byte.is_ascii_digit())
        {
            // beyond nanoseconds digits are dropped
            if digits < 9 {
                digits += 1;
                moment.nanos += u32::from(byte - b'0') * unit;
                unit /= 10;
            }
            self.0 = rest;
        }
        moment.precision = Precision::Fraction(digits);
        (digits > 0).then_some(())
    }

    /// `Z`, `+10:00`, or nothing.
    #[expect(clippy::option_option, reason = "malformed, absent and present are three cases")]
    fn offset(&mut self) -> Option<Option<i16>> {
        let sign = match self.0.first() {
            None => return Some(None),
            Some(b'Z') => {
                self.byte(b'Z')?;
                return Some(Some(0));
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.0 = self.0.get(1..)?;
        let hours = self.small(0, 14)?;
        self.byte(b':')?;
        let minutes = self.small(0, 59)?;
        Some(Some(sign * (i16::from(hours) * 60 + i16::from(minutes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        for text in [
            "2014",
            "2014-05",
            "2014-05-25",
            "2014-05-25T14",
            "2014-05-25T14:30",
            "2014-05-25T14:30:15",
            "2014-05-25T14:30:15.10",
            "2014-05-25T14:30:15Z",
            "2014-05-25T14:30-05:30",
        ] {
            assert_eq!(Moment::parse_date_time(text).unwrap().to_date_time_string(), text);
        }
        for text in ["14", "14:30", "14:30:15", "14:30:15.123"] {
            assert_eq!(Moment::parse_time(text).unwrap().to_time_string(), text);
        }
    }

    #[test]
    fn days_that_no_calendar_has_are_refused() {
        for text in
            ["2015-02-29", "2015-13", "2015-00", "0000", "2015-02-04T24", "2015T10", "15", ""]
        {
            assert_eq!(Moment::parse_date_time(text), None, "{text}");
        }
    }
}
