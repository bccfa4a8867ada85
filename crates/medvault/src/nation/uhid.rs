//! Medical ids: a role letter, eleven digits and a check digit after Verhoeff, computed over the role's
//! value and the digits.

use interactions::verhoeff::check_digit;

use super::dice::Dice;

/// Whose id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Patient,
    Practitioner,
    Insurer,
    Hospital,
}

impl Role {
    const fn row(self) -> (char, u8) {
        match self {
            Self::Patient => ('p', 1),
            Self::Practitioner => ('d', 2),
            Self::Insurer => ('i', 3),
            Self::Hospital => ('h', 4),
        }
    }
}

/// A fresh id.
pub(super) fn issue(role: Role, dice: &mut Dice) -> String {
    let payload = format!("{:011}", dice.next() % 100_000_000_000);
    let (letter, value) = role.row();
    let digits = std::iter::once(value).chain(payload.bytes().map(|byte| byte - b'0'));
    format!("{letter}{payload}{}", check_digit(&digits.collect::<Vec<u8>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_verhoeff() {
        let digits = |text: &str| text.bytes().map(|byte| byte - b'0').collect::<Vec<u8>>();
        let cases = [("236", 3), ("12345", 1), ("142857", 0)];
        for (text, check) in cases {
            assert_eq!(check_digit(&digits(text)), check, "{text}");
        }
        // one payload, three roles, three check digits
        for (role, check) in [("1", 4), ("2", 7), ("3", 0)] {
            assert_eq!(check_digit(&digits(&format!("{role}48213095577"))), check);
        }
    }

    #[test]
    fn an_id_is_a_letter_and_twelve_digits() {
        let id = issue(Role::Patient, &mut Dice::new(1));
        assert_eq!((id.len(), id.chars().next()), (13, Some('p')));
        assert!(id.bytes().skip(1).all(|byte| byte.is_ascii_digit()));
    }
}
