//! The order in which requests are served: a total order, so that a plan is deterministic.
//!
//! A request stands at its severity, kept within its tier, plus a point for every tau of waiting. Waiting
//! alone lifts to the top of [`Tier::Urgent`] at most, never into [`Tier::Immediate`]. Ties go to the
//! earlier request, then by id. A request whose bed was taken back stands where the most severe of its tier stand.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::policy::{Order, Policy};
use crate::request::Request;
use crate::tier::Tier;

/// Millionths of a point on the scale of NEWS2.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Points(pub i64);

impl Points {
    /// Points without a fraction.
    pub const fn whole(points: i64) -> Self {
        Self(points.saturating_mul(1_000_000))
    }
}

impl From<u8> for Points {
    fn from(points: u8) -> Self {
        Self::whole(i64::from(points))
    }
}

/// Where a request stands and how it got there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What requests are ordered by, the greatest first.
    pub points: Points,
    /// What waiting added, before the ceiling.
    pub wait_credit: Points,
    /// Since `authoredOn`.
    pub wait_millis: i64,
}

/// The least standing of a tier, and the first that is above it.
fn band(tier: Tier) -> (i64, i64) {
    let (floor, above) = match tier {
        Tier::Immediate => (7, 1_000),
        Tier::Urgent => (5, 7),
        Tier::Soon => (1, 5),
        Tier::Routine => (0, 1),
    };
    (Points::whole(floor).0, Points::whole(above).0)
}

/// Where the request stands at this time (milliseconds since 1970).
pub fn standing(request: &Request, policy: &Policy, as_of_millis: i64) -> Standing {
    let (floor, above) = band(request.tier);
    let wait_millis = as_of_millis.saturating_sub(request.authored_on_millis).max(0);
    let head = above - 1;
    let severity = if request.is_recalled { head } else { request.severity.0.clamp(floor, head) };
    let wait_credit = match policy.order {
        Order::Arrival | Order::Severity => 0,
        Order::SeverityAndWait => {
            let tau_millis = i64::from(policy.tau_hours.of(request.tier).max(1)) * 3_600_000;
            if let Some(micro) = wait_millis.checked_mul(1_000_000) {
                micro / tau_millis
            } else {
                // somebody who waits for three centuries
                let credit = i128::from(wait_millis) * 1_000_000 / i128::from(tau_millis);
                i64::try_from(credit).unwrap_or(i64::MAX)
            }
        }
    };
    let ceiling = match request.tier {
        Tier::Immediate => i64::MAX,
        Tier::Urgent | Tier::Soon | Tier::Routine => band(Tier::Urgent).1 - 1,
    };
    let points = match policy.order {
        Order::Arrival => 0,
        Order::Severity | Order::SeverityAndWait => {
            severity.saturating_add(wait_credit).min(ceiling)
        }
    };
    Standing { points: Points(points), wait_credit: Points(wait_credit), wait_millis }
}

/// The places of the requests in the list, the first to be served first. Barred requests are left out.
pub fn rank(requests: &[Request], policy: &Policy, as_of_millis: i64) -> Vec<(usize, Standing)> {
    let taking_part = requests.iter().enumerate().filter(|(_, request)| request.barred.is_none());
    let mut ranked: Vec<_> = taking_part
        .map(|(n, request)| (n, request, standing(request, policy, as_of_millis)))
        .collect();
    ranked.sort_by_key(|(_, request, standing)| {
        (Reverse(standing.points), request.authored_on_millis, request.id.as_str())
    });
    ranked.into_iter().map(|(n, _, standing)| (n, standing)).collect()
}

/// The place that a request has among others, from 1.
pub fn position<'r>(
    request: &Request,
    others: impl Iterator<Item = &'r Request>,
    policy: &Policy,
    as_of_millis: i64,
) -> usize {
    let stands = |it: &Request| Reverse(standing(it, policy, as_of_millis).points);
    let own = (stands(request), request.authored_on_millis, request.id.as_str());
    let above = others
        .filter(|it| it.barred.is_none())
        .filter(|it| (stands(it), it.authored_on_millis, it.id.as_str()) < own);
    above.count() + 1
}

/// Whether a request has waited so long that a human must look (`guard_hours`).
pub fn is_overdue(request: &Request, policy: &Policy, as_of_millis: i64) -> bool {
    let guard_millis = i64::from(policy.guard_hours.of(request.tier)) * 3_600_000;
    as_of_millis.saturating_sub(request.authored_on_millis) > guard_millis
}

/// Whether vital signs of this time are too old to count for the tier (`vitals_hours`).
pub fn is_stale(measured_millis: i64, tier: Tier, policy: &Policy, as_of_millis: i64) -> bool {
    as_of_millis > fresh_until(measured_millis, tier, policy)
}

/// Until when they count, in milliseconds since 1970.
pub fn fresh_until(measured_millis: i64, tier: Tier, policy: &Policy) -> i64 {
    let window_millis = i64::from(policy.vitals_hours.of(tier)) * 3_600_000;
    measured_millis.saturating_add(window_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    const HOUR: i64 = 3_600_000;

    fn stands(tier: Tier, severity: i64, wait_hours: i64, order: Order) -> i64 {
        let mut request = example::request("t1");
        (request.tier, request.severity) = (tier, Points::whole(severity));
        let policy = Policy { order, ..Policy::default() };
        standing(&request, &policy, wait_hours * HOUR).points.0
    }

    #[test]
    fn standings() {
        let by_severity_and_wait = [
            // ordered stat, and still well
            (Tier::Immediate, 2, 0, 7_000_000),
            (Tier::Immediate, 9, 0, 9_000_000),
            (Tier::Immediate, 9, 24, 10_000_000),
            (Tier::Immediate, 9, 240, 19_000_000),
            (Tier::Urgent, 3, 0, 5_000_000),
            (Tier::Urgent, 6, 24, 6_500_000),
            // a clinician put somebody very ill lower: the tier holds
            (Tier::Urgent, 9, 0, 6_999_999),
            (Tier::Soon, 9, 0, 4_999_999),
            (Tier::Soon, 4, 0, 4_000_000),
            (Tier::Soon, 4, 24, 5_000_000),
            // waiting lifts to the top of Urgent and no further
            (Tier::Urgent, 6, 1_000, 6_999_999),
            (Tier::Soon, 4, 1_000, 6_999_999),
            (Tier::Routine, 0, 36, 1_000_000),
            (Tier::Routine, 0, 10_000, 6_999_999),
        ];
        for (tier, severity, wait_hours, expected) in by_severity_and_wait {
            let found = stands(tier, severity, wait_hours, Order::SeverityAndWait);
            assert_eq!(found, expected, "{tier:?} {severity} {wait_hours} h");
        }
        assert_eq!(stands(Tier::Soon, 4, 48, Order::Severity), 4_000_000);
        assert_eq!(stands(Tier::Soon, 4, 48, Order::Arrival), 0);
    }

    #[test]
    fn ties_go_to_the_earlier_and_then_by_id() {
        let late =
            |id: &str, authored_on_millis| Request { authored_on_millis, ..example::request(id) };
        let barred = Request { barred: Some(crate::Bar::Paused), ..late("a", 0) };
        let requests = [late("c", 5), late("b", 5), barred, late("d", 4)];
        let policy = Policy { order: Order::Severity, ..Policy::default() };
        let ranked: Vec<usize> = rank(&requests, &policy, 10).into_iter().map(|(n, _)| n).collect();
        assert_eq!(ranked, [3, 1, 0]);
    }

    #[test]
    fn guards_and_windows() {
        let policy = Policy::default();
        let request = example::request("t1");
        assert!(!is_overdue(&request, &policy, 72 * HOUR));
        assert!(is_overdue(&request, &policy, 72 * HOUR + 1));
        assert!(!is_stale(0, Tier::Immediate, &policy, 6 * HOUR));
        assert!(is_stale(0, Tier::Immediate, &policy, 6 * HOUR + 1));
        assert!(!is_stale(0, Tier::Soon, &policy, 24 * HOUR));
        assert!(is_stale(0, Tier::Soon, &policy, 24 * HOUR + 1));
    }

    #[test]
    fn hostile_numbers_do_not_overflow() {
        let mut request = example::request("t1");
        (request.authored_on_millis, request.tier) = (i64::MIN, Tier::Immediate);
        request.severity = Points(i64::MAX);
        let policy = Policy {
            tau_hours: crate::PerTier { immediate: 0, urgent: 0, soon: 0, routine: 0 },
            ..Policy::default()
        };
        assert!(standing(&request, &policy, i64::MAX).points.0 > 0);
    }
}
