//! The four tiers of urgency, which are strict: a bed that a higher tier can use is never given to a lower
//! one.

use crate::code::codes;
use crate::severity::{FourC, FourCRisk, Mews, News2, NewsBand, Qsofa};

codes! {
    /// How urgent a request is; the first is the most urgent.
    Tier {
        /// NEWS2 of 7 and more, qSOFA of 2 and more with an infection, or ordered `stat`.
        Immediate = "immediate",
        /// NEWS2 of 5 or 6, a single value that gives 3, or ordered `asap`.
        Urgent = "urgent",
        /// NEWS2 of 1 to 4, or ordered `urgent`.
        Soon = "soon",
        /// Elective; ordered `routine`.
        Routine = "routine",
    }
}

codes! {
    /// `ServiceRequest.priority`: what the ordering doctor asked for.
    Priority {
        /// At once.
        Stat = "stat",
        /// As soon as possible.
        Asap = "asap",
        /// Before routine work.
        Urgent = "urgent",
        /// In its turn.
        Routine = "routine",
    }
}

codes! {
    /// What put a request into its tier.
    Method {
        /// A clinician set it, with a reason.
        Clinician = "clinician",
        /// The priority of the order.
        Priority = "priority",
        /// NEWS2.
        News2 = "news2",
        /// qSOFA with an infection.
        Qsofa = "qsofa",
        /// MEWS.
        Mews = "mews",
        /// 4C.
        FourC = "4c",
    }
}

/// What is known about the urgency of a request. Scores that were refused or not taken are absent.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// `ServiceRequest.priority`; absent is routine.
    pub priority: Option<Priority>,
    /// A tier that a clinician set; it stands whatever the scores say.
    pub clinician: Option<Tier>,
    /// NEWS2.
    pub news2: Option<News2>,
    /// qSOFA, of a patient with a suspected infection.
    pub qsofa_with_infection: Option<Qsofa>,
    /// MEWS, at a site that uses it in place of NEWS2.
    pub mews: Option<Mews>,
    /// 4C, of a patient with COVID-19.
    pub four_c: Option<FourC>,
}

/// The tier, and what put the request there: the most urgent of what priority and scores say, so that a
/// partial score may raise but never lower what the doctor ordered. On a tie the earlier [`Method`].
pub fn tier(findings: &Findings) -> (Tier, Method) {
    if let Some(tier) = findings.clinician {
        return (tier, Method::Clinician);
    }
    let said = [
        Some((of_priority(findings.priority), Method::Priority)),
        findings.news2.as_ref().map(|score| (of_news2(score), Method::News2)),
        findings.qsofa_with_infection.as_ref().map(|score| (of_qsofa(score), Method::Qsofa)),
        findings.mews.as_ref().map(|score| (of_mews(score), Method::Mews)),
        findings.four_c.as_ref().map(|score| (of_four_c(score), Method::FourC)),
    ];
    said.into_iter().flatten().min().unwrap_or((Tier::Routine, Method::Priority))
}

fn of_priority(priority: Option<Priority>) -> Tier {
    match priority {
        Some(Priority::Stat) => Tier::Immediate,
        Some(Priority::Asap) => Tier::Urgent,
        Some(Priority::Urgent) => Tier::Soon,
        Some(Priority::Routine) | None => Tier::Routine,
    }
}

fn of_news2(score: &News2) -> Tier {
    match score.band() {
        NewsBand::High => Tier::Immediate,
        NewsBand::Medium | NewsBand::LowMedium => Tier::Urgent,
        NewsBand::Low if score.total() > 0 => Tier::Soon,
        NewsBand::Low => Tier::Routine,
    }
}

/// Only a bump: fewer than 2 points say nothing.
fn of_qsofa(score: &Qsofa) -> Tier {
    if score.total() >= 2 { Tier::Immediate } else { Tier::Routine }
}

fn of_mews(score: &Mews) -> Tier {
    match score.total() {
        0 => Tier::Routine,
        1..=2 => Tier::Soon,
        3..=4 => Tier::Urgent,
        _ => Tier::Immediate,
    }
}

fn of_four_c(score: &FourC) -> Tier {
    match score.risk() {
        FourCRisk::Low => Tier::Routine,
        FourCRisk::Intermediate => Tier::Soon,
        FourCRisk::High => Tier::Urgent,
        FourCRisk::VeryHigh => Tier::Immediate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::severity::Parameter;

    /// A score whose first values give these points.
    fn parts<const N: usize>(points: &[u8]) -> [(Parameter, Option<u8>); N] {
        std::array::from_fn(|n| (Parameter::HeartRate, points.get(n).copied()))
    }

    fn by(findings: &Findings) -> (Tier, Method) {
        tier(findings)
    }

    #[test]
    fn by_priority() {
        let cells = [
            (Some(Priority::Stat), Tier::Immediate),
            (Some(Priority::Asap), Tier::Urgent),
            (Some(Priority::Urgent), Tier::Soon),
            (Some(Priority::Routine), Tier::Routine),
            (None, Tier::Routine),
        ];
        for (priority, expected) in cells {
            let findings = Findings { priority, ..Findings::default() };
            assert_eq!(by(&findings), (expected, Method::Priority), "{priority:?}");
        }
    }

    #[test]
    fn by_score() {
        let none = Findings::default;
        let news2 =
            |points: &[u8]| Findings { news2: Some(News2 { parts: parts(points) }), ..none() };
        let qsofa = |points: &[u8]| Findings {
            qsofa_with_infection: Some(Qsofa { parts: parts(points) }),
            ..none()
        };
        let mews = |points: &[u8]| Findings { mews: Some(Mews { parts: parts(points) }), ..none() };
        let four_c =
            |points: &[u8]| Findings { four_c: Some(FourC { parts: parts(points) }), ..none() };
        let cells = [
            (news2(&[3, 2, 2]), Tier::Immediate, Method::News2),
            (news2(&[2, 2, 2]), Tier::Urgent, Method::News2),
            (news2(&[2, 2, 1]), Tier::Urgent, Method::News2),
            (news2(&[3]), Tier::Urgent, Method::News2),
            (news2(&[2, 2]), Tier::Soon, Method::News2),
            (news2(&[1]), Tier::Soon, Method::News2),
            (news2(&[0]), Tier::Routine, Method::Priority),
            (qsofa(&[1, 1]), Tier::Immediate, Method::Qsofa),
            (qsofa(&[1, 0]), Tier::Routine, Method::Priority),
            (mews(&[3, 2]), Tier::Immediate, Method::Mews),
            (mews(&[2, 2]), Tier::Urgent, Method::Mews),
            (mews(&[2, 1]), Tier::Urgent, Method::Mews),
            (mews(&[1]), Tier::Soon, Method::Mews),
            (four_c(&[7, 2, 2, 2, 2]), Tier::Immediate, Method::FourC),
            (four_c(&[7, 2]), Tier::Urgent, Method::FourC),
            (four_c(&[4]), Tier::Soon, Method::FourC),
            (four_c(&[2]), Tier::Routine, Method::Priority),
        ];
        for (findings, expected, method) in cells {
            assert_eq!(by(&findings), (expected, method), "{findings:?}");
        }
    }

    #[test]
    fn a_partial_score_never_lowers_the_order_and_a_clinician_always_wins() {
        let partial = News2 { parts: parts(&[1]) };
        let asap = Findings {
            priority: Some(Priority::Asap),
            news2: Some(partial),
            ..Findings::default()
        };
        assert_eq!(by(&asap), (Tier::Urgent, Method::Priority));
        let set = Findings { clinician: Some(Tier::Routine), ..asap };
        assert_eq!(by(&set), (Tier::Routine, Method::Clinician));
    }
}
