//! When what is claimed was done, and when somebody was insured: <https://hl7.org/fhir/R4/claim.html>,
//! <https://hl7.org/fhir/R4/coverage.html>. R4 has no parameters of these times; nobody asks for them but the gate.

use fhir_model::{NodeRef, ResourceType};

use crate::{
    registry::ParamId,
    rows::{DateRow, Rows},
    timespan::Timespan,
};

/// The first moment of the services of a Claim or an `ExplanationOfBenefit`, and the last.
pub const SERVICE: [ParamId; 2] = [ParamId(900_002), ParamId(900_003)];

/// The time in which a Coverage holds.
pub const COVERED: ParamId = ParamId(900_004);

/// Adds the rows of a resource of these types; of others none.
pub(super) fn add(rows: &mut Rows, root: NodeRef<'_>) {
    let Some(ty) = root.ty().as_resource() else { return };
    let before = rows.dates.len();
    match ty.name() {
        "Claim" | "ExplanationOfBenefit" => {
            let moments = served(root, ty).map(|span| [span.lo, span.hi.saturating_sub(1)]);
            for (param, moment) in SERVICE.into_iter().zip(moments.into_iter().flatten()) {
                let span = Timespan { lo: moment, hi: moment.saturating_add(1) };
                rows.dates.push(DateRow { param, span });
            }
        }
        "Coverage" => {
            let span = covered(root).map(|span| DateRow { param: COVERED, span });
            rows.dates.extend(span);
        }
        _ => {}
    }
    if rows.dates.len() > before {
        rows.dates.sort();
    }
}

/// From the first service to the last: the time that is billed, that of each item and procedure, and that of what supports
/// them; where none is said, when the Claim was made (an `ExplanationOfBenefit` is made when it was decided, long after).
/// `None` where one of them cannot be read.
fn served(root: NodeRef<'_>, ty: ResourceType) -> Option<Timespan> {
    let billed = root.child("billablePeriod").into_iter();
    let items = root.named("item").chain(root.named("addItem"));
    let items = items.filter_map(|item| item.child("serviced"));
    let mut all: Option<Timespan> = None;
    let procedures = root.named("procedure").filter_map(|one| one.child("date"));
    let infos = root.named("supportingInfo").filter_map(|info| info.child("timing"));
    for said in billed.chain(items).chain(procedures).chain(infos) {
        let span = time(said)?;
        all = Some(all.map_or(span, |all| all.hull(span)));
    }
    let made = || root.child_text("created").filter(|_| ty.name() == "Claim");
    all.or_else(|| Timespan::parse(&made()?))
}

/// A date, or a period; of one that has an open end the bound that it has.
fn time(said: NodeRef<'_>) -> Option<Timespan> {
    if let Some(text) = said.text() {
        return Timespan::parse(&text);
    }
    let (start, end) = (said.child_text("start"), said.child_text("end"));
    let first = Timespan::parse(start.as_deref().or(end.as_deref())?)?;
    let last = Timespan::parse(end.as_deref().or(start.as_deref())?)?;
    Some(first.hull(last))
}

/// One that is active holds for its period, without one always; one that was cancelled held until the end that it has.
fn covered(root: NodeRef<'_>) -> Option<Timespan> {
    let always = Timespan { lo: i64::MIN, hi: i64::MAX };
    let status = root.child_text("status")?;
    let period = root.child("period");
    let bound = |name: &str| period.and_then(|period| period.child_text(name));
    let (start, end) = (bound("start"), bound("end"));
    if !(*status == *"active" || *status == *"cancelled" && end.is_some()) {
        return None;
    }
    let start = start.map_or(Some(None), |text| Timespan::parse(&text).map(Some))?;
    let end = end.map_or(Some(None), |text| Timespan::parse(&text).map(Some))?;
    Some(Timespan::period(start, end).unwrap_or(always)).filter(|span| span.lo < span.hi)
}

#[cfg(test)]
mod tests {
    use fhir_model::json;

    use super::*;
    use crate::{Registry, extract};

    fn rows(text: &str) -> Vec<(i32, Timespan)> {
        let tree = json::parse_trusted(text.as_bytes().to_vec().into());
        let rows = extract(Registry::r4(), &tree, "").dates.into_iter();
        rows.filter(|row| row.param.number() > 900_000)
            .map(|row| (row.param.number(), row.span))
            .collect()
    }

    #[test]
    fn services_have_a_first_and_a_last_moment() {
        let day = |text: &str| Timespan::parse(text).unwrap();
        let cases = [
            (r#""created":"2020-01-01""#, Some(("2020-01-01", "2020-01-01"))),
            (
                r#""created":"2020","billablePeriod":{"start":"2020-03-01","end":"2020-03-04"}"#,
                Some(("2020-03-01", "2020-03-04")),
            ),
            (
                r#""created":"2020","billablePeriod":{"start":"2020-03-01"}"#,
                Some(("2020-03-01", "2020-03-01")),
            ),
            (
                r#""created":"2020","item":[{"servicedDate":"2020-05-01"},
                {"servicedPeriod":{"start":"2020-04-01","end":"2020-04-02"}},{"sequence":3}]"#,
                Some(("2020-04-01", "2020-05-01")),
            ),
            (
                r#""created":"2020","procedure":[{"sequence":1,"date":"2019-12-31"},{"sequence":2}],
                "billablePeriod":{"start":"2020-03-01","end":"2020-03-04"}"#,
                Some(("2019-12-31", "2020-03-04")),
            ),
            (
                r#""created":"2020","supportingInfo":[{"timingDate":"2020-02-01"},{"sequence":2},
                {"timingPeriod":{"start":"2020-01-30","end":"2020-02-03"}}]"#,
                Some(("2020-01-30", "2020-02-03")),
            ),
            (r#""created":"2020-01-01","item":[{"servicedDate":"rao"}]"#, None),
            (r#""created":"2020-01-01","procedure":[{"date":"rao"}]"#, None),
            (r#""use":"claim""#, None),
        ];
        for (members, expected) in cases {
            let found = rows(&format!(r#"{{"resourceType":"Claim",{members}}}"#));
            let expected = expected.map(|(first, last)| [day(first).lo, day(last).hi - 1]);
            let moments: Vec<i64> = found.iter().map(|(_, span)| span.lo).collect();
            assert_eq!(moments, expected.map_or(Vec::new(), Vec::from), "{members}");
            assert!(found.iter().all(|(_, span)| span.hi - span.lo == 1));
        }
        // when it was decided is not when it was done
        let explained = |members: &str| {
            rows(&format!(r#"{{"resourceType":"ExplanationOfBenefit",{members}}}"#)).len()
        };
        assert_eq!(explained(r#""created":"2020-01-01""#), 0);
        assert_eq!(explained(r#""created":"2020","item":[{"servicedDate":"2020-05-01"}]"#), 2);
    }

    #[test]
    fn a_coverage_holds_for_its_period() {
        let day = |text: &str| Timespan::parse(text).unwrap();
        let cases = [
            (r#""status":"active""#, Some((i64::MIN, i64::MAX))),
            (r#""status":"active","period":{"start":"2020"}"#, Some((day("2020").lo, i64::MAX))),
            (
                r#""status":"cancelled","period":{"end":"2020-05"}"#,
                Some((i64::MIN, day("2020-05").hi)),
            ),
            (r#""status":"cancelled","period":{"start":"2020"}"#, None),
            (r#""status":"draft","period":{"start":"2020"}"#, None),
            (r#""status":"entered-in-error""#, None),
            (r#""status":"active","period":{"start":"2021","end":"2020"}"#, None),
        ];
        for (members, expected) in cases {
            let found = rows(&format!(r#"{{"resourceType":"Coverage",{members}}}"#));
            let spans: Vec<(i64, i64)> = found.iter().map(|(_, span)| (span.lo, span.hi)).collect();
            assert_eq!(spans, expected.map_or(Vec::new(), |one| vec![one]), "{members}");
        }
    }
}
