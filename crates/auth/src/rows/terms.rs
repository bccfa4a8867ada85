//! What a Consent says of what is in a resource, as filters: its codes, its time, who made it, what it belongs to.
//!
//! Of each condition is asked whether it surely holds, and whether it may: a permission needs the one, a denial the
//! other. So what cannot be evaluated closes. Of the rules that refine another, a denial wins.

use std::collections::BTreeSet;

use fhir_model::{Instant, ResourceType, TypeId};
use search::{
    Comparison, ConsentScope, DateTest, Datum, Effect, Filter, Meaning, ParamId, Provision,
    Registry, SearchKind, System, Test, Times, Timespan, TokenTest, TypePlan, Values,
};

use super::{
    consent::Asker,
    sensitive,
    written::{id_is, refers_by},
};

/// A Consent in force whose provision asks for what codes do not say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Logical id of the Consent.
    pub consent: Box<str>,
    /// Logical id of the patient.
    pub patient: Box<str>,
    /// What it is about.
    pub scope: ConsentScope,
    /// What it says.
    pub provision: std::sync::Arc<Provision>,
}

/// What a provision does with the resources of a type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decided {
    /// Which it permits.
    pub(super) permits: Filter,
    /// Which it takes out of a denial around it: what it permits, also where the purpose has to be named and is not.
    excepts: Filter,
    /// Which it may deny.
    pub(super) denies: Filter,
}

/// What of a resource surely holds, and what may.
struct Told {
    surely: Filter,
    maybe: Filter,
}

/// Parameters of codes that say what a resource is about, of whatever type.
pub(super) const CODES: &[&str] = &[
    "body-site",
    "category",
    "class",
    "code",
    "component-code",
    "component-value-concept",
    "conclusion",
    "event",
    "evidence",
    "method",
    "reason-code",
    "service-type",
    "specialty",
    "type",
    "vaccine-code",
    "value-concept",
];

/// Parameters of the time that a resource is about, where it is not `date`.
const CLINICAL: &[(&str, &[&str])] = &[
    ("Account", &["period"]),
    ("AllergyIntolerance", &["date", "onset"]),
    ("ChargeItem", &["occurrence"]),
    ("Claim", &["created"]),
    ("ClaimResponse", &["created"]),
    ("Communication", &["sent", "received"]),
    ("CommunicationRequest", &["authored", "occurrence"]),
    ("Condition", &["onset-date", "recorded-date"]),
    ("CoverageEligibilityRequest", &["created"]),
    ("CoverageEligibilityResponse", &["created"]),
    ("DetectedIssue", &["identified"]),
    ("DeviceRequest", &["authored-on", "event-date"]),
    ("DocumentManifest", &["created"]),
    ("ExplanationOfBenefit", &["created"]),
    ("Goal", &["start-date"]),
    ("ImagingStudy", &["started"]),
    ("Media", &["created"]),
    ("MedicationAdministration", &["effective-time"]),
    ("MedicationDispense", &["whenhandedover", "whenprepared"]),
    ("MedicationRequest", &["authoredon"]),
    ("MedicationStatement", &["effective"]),
    ("NutritionOrder", &["datetime"]),
    ("QuestionnaireResponse", &["authored"]),
    ("RequestGroup", &["authored"]),
    ("ServiceRequest", &["authored", "occurrence"]),
    ("Specimen", &["collected"]),
    ("Task", &["authored-on", "period"]),
    ("VisionPrescription", &["datewritten"]),
];

/// Parameters of who made a resource, of whatever type.
pub(super) const AUTHORS: &[&str] =
    &["asserter", "author", "enterer", "performer", "provider", "recorder", "requester", "sender"];

/// The parameters that Consents to the word ask of a resource itself, of whatever type.
pub fn judged_by_terms() -> BTreeSet<ParamId> {
    let each = ResourceType::all().iter().flat_map(|ty| {
        let (codes, times) = (params(*ty, CODES, SearchKind::Token), clinical(*ty));
        [codes, times, references(*ty)].concat()
    });
    each.collect()
}

/// What a provision and those that refine it do: as deep as they are read.
pub(super) fn decided(provision: &Provision, asker: &Asker, ty: ResourceType) -> Decided {
    within(provision, asker, (ty, !asker.has_to_be_named()))
}

/// The same of one in others; `is_named`: whether the purpose was named around it, or need not be.
fn within(provision: &Provision, asker: &Asker, (ty, is_named): (ResourceType, bool)) -> Decided {
    let told = conditions(provision, asker, ty);
    if is_never(&told.maybe) {
        return Decided { permits: never(), excepts: never(), denies: never() };
    }
    let mut named = provision.purposes.known.iter();
    let is_named = is_named || named.any(|purpose| **purpose == *asker.purpose);
    let (mut permitted, mut excepted, mut denied) = (Vec::new(), Vec::new(), Vec::new());
    for one in &provision.inner {
        let one = within(one, asker, (ty, is_named));
        permitted.push(one.permits);
        excepted.push(one.excepts);
        denied.push(one.denies);
    }
    if provision.is_cut {
        denied.push(always());
    }
    let (permitted, excepted) = (any(permitted), any(excepted));
    let not_denied = not(any(denied.clone()));
    let is_permitted = match provision.effect {
        Some(Effect::Permit) => [if is_named { always() } else { permitted }, always()],
        Some(Effect::Deny) | None => [permitted, excepted.clone()],
    };
    let [permits, excepts] =
        is_permitted.map(|one| all([told.surely.clone(), not_denied.clone(), one]));
    if provision.effect == Some(Effect::Deny) {
        denied.push(not(excepted));
    }
    Decided { permits, excepts, denies: all([told.maybe, any(denied)]) }
}

/// Whether all conditions of a provision hold.
fn conditions(of: &Provision, asker: &Asker, ty: ResourceType) -> Told {
    let told = [
        if of.is_other { Told::unclear() } else { true.into() },
        now(of.period, asker.now),
        one_of(&of.actors, |actor| asker.is(actor)),
        one_of(&of.purposes, |purpose| **purpose == *asker.purpose),
        one_of(&of.classes, |class| *class == ty),
        labels(of, ty),
        codes(&of.codes, ty),
        times(of.data_period, ty),
        data(&of.data, ty),
    ];
    let (surely, maybe): (Vec<Filter>, Vec<Filter>) =
        told.into_iter().map(|one| (one.surely, one.maybe)).unzip();
    Told { surely: all(surely), maybe: all(maybe) }
}

impl Told {
    fn unclear() -> Self {
        Self { surely: never(), maybe: always() }
    }
}

impl From<bool> for Told {
    fn from(holds: bool) -> Self {
        let filter = if holds { always() } else { never() };
        Self { surely: filter.clone(), maybe: filter }
    }
}

/// Whether one of the values is what is there; one that is not understood may be.
fn one_of<T>(values: &Values<T>, is: impl Fn(&T) -> bool) -> Told {
    let holds = !values.is_asked() || values.known.iter().any(is);
    if holds || values.is_clear { holds.into() } else { Told::unclear() }
}

fn now(period: Times, now: Instant) -> Told {
    let now = Timespan::instant(now).lo;
    match period {
        Times::Any => Told::from(true),
        Times::Within(span) => Told::from(span.lo <= now && now < span.hi),
        Times::Unclear => Told::unclear(),
    }
}

/// A permission goes up to a rung; a denial is about what is on it or above, or sensitive in that way.
fn labels(of: &Provision, ty: ResourceType) -> Told {
    let labels = &of.labels;
    if !labels.is_asked() {
        return Told::from(true);
    }
    let not_above = |rung: &str| sensitive::reaches(ty, rung).map(not);
    let up_to = labels.known.iter().map(|label| match *label {
        "V" => Some(always()),
        "R" => not_above("V"),
        "N" => not_above("R"),
        _ => None,
    });
    let from = labels.known.iter().map(|label| match *label {
        "U" | "L" | "M" | "N" => Some(always()),
        label => sensitive::reaches(ty, label),
    });
    let (up_to, from) = (any(up_to.flatten()), any(from.flatten()));
    let maybe = |filter| if labels.is_clear { filter } else { always() };
    match of.effect {
        Some(Effect::Permit) => Told { surely: up_to.clone(), maybe: maybe(up_to) },
        Some(Effect::Deny) => Told { surely: from.clone(), maybe: maybe(from) },
        None => Told::unclear(),
    }
}

/// What a resource contains none of, it has not. A medication that stands elsewhere may have any.
fn codes(codes: &Values<(Box<str>, Box<str>)>, ty: ResourceType) -> Told {
    if !codes.is_asked() {
        return Told::from(true);
    }
    let test = |(system, code): &(Box<str>, Box<str>)| {
        Test::Token(TokenTest { system: System::Is(system.clone()), code: Some(code.clone()) })
    };
    let tests: Vec<Test> = codes.known.iter().map(test).collect();
    let surely = value(params(ty, CODES, SearchKind::Token), tests);
    let maybe = if codes.is_clear {
        any([surely.clone(), present(params(ty, &["medication"], SearchKind::Reference))])
    } else {
        always()
    };
    Told { surely, maybe }
}

/// What lies within the time surely belongs to it; what reaches into it, or has none, may. Who somebody is belongs to
/// no time.
fn times(times: Times, ty: ResourceType) -> Told {
    let span = match times {
        Times::Any => return Told::from(true),
        _ if ty.ty() == TypeId::PATIENT => return Told::from(false),
        Times::Unclear => return Told::unclear(),
        Times::Within(span) => span,
    };
    let params = clinical(ty);
    if params.is_empty() {
        return Told::unclear();
    }
    let is = |comparisons: &[Comparison]| {
        let test = |comparison: &Comparison| Test::Date(DateTest { comparison: *comparison, span });
        value(params.clone(), comparisons.iter().map(test).collect())
    };
    Told {
        surely: all([is(&[Comparison::Equal]), not(is(&[Comparison::NotEqual]))]),
        maybe: any([
            is(&[Comparison::Approximate]),
            not(is(&[Comparison::StartsAfter, Comparison::EndsBefore])),
        ]),
    }
}

/// The time that a resource of a type is about.
fn clinical(ty: ResourceType) -> Vec<ParamId> {
    let named = CLINICAL.iter().find(|(name, _)| *name == ty.name());
    params(ty, named.map_or(&["date"], |(_, codes)| codes), SearchKind::Date)
}

fn data(data: &Values<Datum>, ty: ResourceType) -> Told {
    if !data.is_asked() {
        return Told::from(true);
    }
    let each = data.known.iter().map(|one| {
        let mut told = datum(one, ty);
        if one.is_version {
            told.surely = never();
        }
        (told.surely, told.maybe)
    });
    let (surely, mut maybe): (Vec<Filter>, Vec<Filter>) = each.unzip();
    if !data.is_clear {
        maybe.push(always());
    }
    Told { surely: any(surely), maybe: any(maybe) }
}

fn datum(datum: &Datum, ty: ResourceType) -> Told {
    let target = (datum.ty.name(), &*datum.id);
    let itself = || if datum.ty == ty { id_is(&datum.id) } else { never() };
    let refers = |params: Vec<ParamId>| refers_by(params, target).unwrap_or_else(never);
    let exactly = |filter: Filter| Told { surely: filter.clone(), maybe: filter };
    match datum.meaning {
        Meaning::Instance => exactly(itself()),
        Meaning::Related => {
            let plan = TypePlan { ty: datum.ty, filters: vec![id_is(&datum.id)] };
            let params = references(datum.ty);
            let referred =
                (!params.is_empty()).then(|| Filter::Has { params, source: Box::new(plan) });
            exactly(any([itself(), referred.unwrap_or_else(never)]))
        }
        Meaning::Dependents => exactly(any([itself(), refers(references(ty))])),
        Meaning::AuthoredBy => {
            let params = params(ty, AUTHORS, SearchKind::Reference);
            let surely = refers(params.clone());
            let maybe = any([surely.clone(), not(present(params))]);
            Told { surely, maybe }
        }
    }
}

/// All that a resource of a type refers by.
fn references(ty: ResourceType) -> Vec<ParamId> {
    let all = Registry::r4().of(ty).iter().filter(|one| one.kind == SearchKind::Reference);
    sorted(all.flat_map(|one| one.sources.clone()).collect())
}

/// The index rows of those of the parameters that the type has.
fn params(ty: ResourceType, codes: &[&str], kind: SearchKind) -> Vec<ParamId> {
    let all = codes.iter().filter_map(|code| Registry::r4().parameter(ty, code));
    sorted(all.filter(|one| one.kind == kind).flat_map(|one| one.sources.clone()).collect())
}

fn sorted(mut params: Vec<ParamId>) -> Vec<ParamId> {
    params.sort_unstable();
    params.dedup();
    params
}

fn value(params: Vec<ParamId>, any: Vec<Test>) -> Filter {
    if params.is_empty() || any.is_empty() { never() } else { Filter::Value { params, any } }
}

fn present(params: Vec<ParamId>) -> Filter {
    if params.is_empty() {
        return never();
    }
    Filter::Present { params, kind: SearchKind::Reference }
}

pub(super) fn always() -> Filter {
    Filter::All(Vec::new())
}

pub(super) fn never() -> Filter {
    Filter::Any(Vec::new())
}

pub(super) fn is_never(filter: &Filter) -> bool {
    matches!(filter, Filter::Any(inner) if inner.is_empty())
}

fn is_always(filter: &Filter) -> bool {
    matches!(filter, Filter::All(inner) if inner.is_empty())
}

/// Each holds, without what says nothing.
pub(super) fn all(filters: impl IntoIterator<Item = Filter>) -> Filter {
    let mut all: Vec<Filter> = filters.into_iter().filter(|one| !is_always(one)).collect();
    if all.iter().any(is_never) {
        return never();
    }
    if all.len() == 1 { all.remove(0) } else { Filter::All(all) }
}

/// One holds, without what says nothing.
pub(super) fn any(filters: impl IntoIterator<Item = Filter>) -> Filter {
    let mut any: Vec<Filter> = filters.into_iter().filter(|one| !is_never(one)).collect();
    if any.iter().any(is_always) {
        return always();
    }
    if any.len() == 1 { any.remove(0) } else { Filter::Any(any) }
}

pub(super) fn not(filter: Filter) -> Filter {
    if is_never(&filter) {
        always()
    } else if is_always(&filter) {
        never()
    } else {
        Filter::Not(Box::new(filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_table_are_parameters_of_r4() {
        for (name, codes) in CLINICAL {
            let ty = ResourceType::named(name).expect(name);
            for code in *codes {
                let param = Registry::r4().parameter(ty, code);
                let kind = param.map(|one| one.kind);
                assert_eq!(kind, Some(SearchKind::Date), "{name}.{code}");
            }
        }
        for code in CODES.iter().chain(AUTHORS) {
            let is_of = |ty: &ResourceType| Registry::r4().parameter(*ty, code).is_some();
            assert!(ResourceType::all().iter().any(is_of), "{code}");
        }
    }
}
