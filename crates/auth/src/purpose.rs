//! What for somebody asks: <http://terminology.hl7.org/CodeSystem/v3-ActReason>.

use fhir_model::{IssueType, Outcome};

use crate::role::Role;

/// What for somebody asks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub enum Purpose {
    /// What their role is there for.
    #[default]
    Usual,
    /// As they say.
    Named(&'static str),
    /// An emergency (`BTG`): a doctor looks at a patient who is not under their care, and says why.
    Emergency(Box<str>),
}

/// The purposes there are, and who may have them.
const PURPOSES: &[(&str, &[Role])] = &[
    ("TREAT", &[Role::Doctor, Role::Intern, Role::Hospital, Role::BedManager, Role::Device]),
    ("ETREAT", &[Role::Doctor, Role::Hospital]),
    ("HPAYMT", &[Role::Insurer, Role::Hospital]),
    ("HOPERAT", &[Role::Hospital, Role::BedManager, Role::Admin]),
    ("HRESCH", &[Role::Researcher, Role::Study]),
    ("PUBHLTH", &[]),
    ("PATRQT", &[Role::Patient, Role::Proxy]),
];

/// The longest reason.
const REASON_BYTES_MAX: usize = 500;

impl Purpose {
    /// Reads `X-Purpose-Of-Use` and `X-Break-Glass-Reason`.
    ///
    /// # Errors
    /// `invalid` for an emergency without a reason, `forbidden` for a purpose that is not known.
    pub fn parse(code: Option<&str>, reason: Option<&str>) -> Result<Self, Outcome> {
        let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
            return Ok(Self::Usual);
        };
        if code == "BTG" {
            let reason = reason.map_or("", str::trim);
            if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
                let text =
                    "An emergency needs a reason of at most 500 bytes in X-Break-Glass-Reason";
                return Err(Outcome::new(IssueType::Invalid, text));
            }
            return Ok(Self::Emergency(reason.into()));
        }
        let known = PURPOSES.iter().find(|(known, _)| *known == code);
        known.map(|(code, _)| Self::Named(code)).ok_or_else(refused)
    }

    /// Refuses a purpose that a role does not have.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn suits(&self, role: Role) -> Result<(), Outcome> {
        let suits = match self {
            Self::Usual => true,
            Self::Emergency(_) => role == Role::Doctor,
            Self::Named(code) => {
                let mut all = PURPOSES.iter();
                all.any(|(known, roles)| known == code && roles.contains(&role))
            }
        };
        if suits { Ok(()) } else { Err(refused()) }
    }
}

fn refused() -> Outcome {
    Outcome::new(IssueType::Forbidden, "This purpose of use is not for who holds this token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_for_who_has_them() {
        let parse = |code, reason| Purpose::parse(code, reason).map_err(|no| no.status());
        assert_eq!(parse(None, None), Ok(Purpose::Usual));
        assert_eq!(parse(Some("XYZ"), None), Err(403));
        assert_eq!(parse(Some("BTG"), None), Err(400));
        assert_eq!(parse(Some("BTG"), Some("  ")), Err(400));
        let emergency = parse(Some("BTG"), Some("unconscious")).unwrap();
        for role in Role::all() {
            assert_eq!(emergency.suits(role).is_ok(), role == Role::Doctor, "{role}");
            assert!(Purpose::Usual.suits(role).is_ok());
        }
        assert!(Purpose::Named("HPAYMT").suits(Role::Insurer).is_ok());
        assert!(Purpose::Named("HPAYMT").suits(Role::Doctor).is_err());
    }
}
