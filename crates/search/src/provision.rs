//! What a Consent says, read once for all who ask: <https://hl7.org/fhir/R4/consent.html>.
//!
//! **Invariant**: what is not understood is marked, never dropped, so that who decides can close what it might open.

use fhir_model::{NodeRef, ResourceType};

use crate::{extract::target, rows::Target, timespan::Timespan};

/// How deep provisions stand in each other, and how many there are, at most.
const DEPTH_MAX: usize = 4;
const PROVISIONS_MAX: usize = 64;

/// Values of one condition, at most.
const VALUES_MAX: usize = 200;

/// Types that an actor can be looked up by.
const ACTORS: &[&str] = &["Device", "Organization", "Patient", "Practitioner", "RelatedPerson"];

/// Labels that a rule can be about.
const LABELS: &[&str] = &[
    "U", "L", "M", "N", "R", "V", "ETH", "ETHUD", "OPIOIDUD", "PSY", "SDV", "HIV", "SEX", "GDIS",
    "STD",
];

/// What a Consent is about: <https://hl7.org/fhir/R4/valueset-consent-scope.html>. Consents to treatment and advance
/// directives have their own ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsentScope {
    /// Who may see what.
    Privacy,
    /// What research may be shown.
    Research,
}

/// What is done when the conditions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Somebody may look.
    Permit,
    /// They may not.
    Deny,
}

/// A rule with the exceptions from it. All of its conditions hold together; of the values of one, each will do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Provision {
    /// What it does; `None` where it only holds others together.
    pub effect: Option<Effect>,
    /// When it holds.
    pub period: Times,
    /// For whom: `Practitioner/1`.
    pub actors: Values<Box<str>>,
    /// What for: codes of <http://terminology.hl7.org/CodeSystem/v3-ActReason>.
    pub purposes: Values<Box<str>>,
    /// Of which types.
    pub classes: Values<ResourceType>,
    /// With which security labels.
    pub labels: Values<&'static str>,
    /// With which codes in them: system and code.
    pub codes: Values<(Box<str>, Box<str>)>,
    /// About which time.
    pub data_period: Times,
    /// Which resources.
    pub data: Values<Datum>,
    /// Whether it is about something else than looking.
    pub is_other: bool,
    /// What refines it.
    pub inner: Vec<Provision>,
    /// Whether more would refine it than is read.
    pub is_cut: bool,
}

/// Values of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Values<T> {
    /// Those that are understood.
    pub known: Vec<T>,
    /// Whether all are.
    pub is_clear: bool,
}

impl<T> Values<T> {
    /// Whether there is such a condition.
    pub fn is_asked(&self) -> bool {
        !self.known.is_empty() || !self.is_clear
    }
}

/// A time that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Times {
    /// Whenever.
    Any,
    /// Then.
    Within(Timespan),
    /// It cannot be read.
    Unclear,
}

/// `Consent.provision.data`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Datum {
    /// What is meant besides the resource.
    pub meaning: Meaning,
    /// The resource's type.
    pub ty: ResourceType,
    /// Its logical id.
    pub id: Box<str>,
    /// Whether one version of it is named.
    pub is_version: bool,
}

/// <https://hl7.org/fhir/R4/valueset-consent-data-meaning.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The resource alone.
    Instance,
    /// And what it refers to.
    Related,
    /// And what refers to it.
    Dependents,
    /// What was made by it.
    AuthoredBy,
}

impl Provision {
    /// What a Consent says within a scope; `None` of other resources, and of one that says nothing about it. `base` as
    /// in [`crate::extract()`].
    pub fn of(consent: NodeRef<'_>, scope: ConsentScope, base: &str) -> Option<Self> {
        let node = consent.child("provision").filter(|_| is_about(consent, scope))?;
        let mut left = PROVISIONS_MAX;
        Some(read(node, None, base, (0, &mut left)))
    }

    /// Whether it, or what refines it, asks for something of what is looked at besides its type and its labels.
    pub fn is_about_content(&self) -> bool {
        self.codes.is_asked()
            || self.data.is_asked()
            || self.data_period != Times::Any
            || self.inner.iter().any(Self::is_about_content)
    }

    /// Whether it, or what refines it, denies something.
    pub fn may_deny(&self) -> bool {
        self.effect == Some(Effect::Deny) || self.is_cut || self.inner.iter().any(Self::may_deny)
    }

    /// Whom it, or what refines it, is about; `None`: everybody, or somebody who is not known.
    pub fn whom(&self) -> Option<Vec<&str>> {
        if self.actors.is_asked() {
            let all = self.actors.known.iter().map(|one| &**one).collect();
            return self.actors.is_clear.then_some(all);
        }
        if self.effect.is_some() || self.is_cut {
            return None;
        }
        let inner: Option<Vec<Vec<&str>>> = self.inner.iter().map(Self::whom).collect();
        inner.map(|all| all.concat())
    }
}

fn is_about(root: NodeRef<'_>, wanted: ConsentScope) -> bool {
    let wanted = match wanted {
        ConsentScope::Privacy => "patient-privacy",
        ConsentScope::Research => "research",
    };
    let is_consent = root.ty().as_resource().is_some_and(|ty| ty.name() == "Consent");
    let scope = root.child("scope");
    let mut codes = scope.iter().flat_map(|scope| scope.named("coding"));
    is_consent && codes.any(|coding| coding.child_text("code").as_deref() == Some(wanted))
}

/// As deep as [`DEPTH_MAX`]; `unsaid` is what it does when it does not say.
fn read(
    node: NodeRef<'_>,
    unsaid: Option<Effect>,
    base: &str,
    (depth, left): (usize, &mut usize),
) -> Provision {
    let said = match node.child_text("type").as_deref() {
        Some("permit") => Some(Effect::Permit),
        Some("deny") => Some(Effect::Deny),
        _ => None,
    };
    let effect = said.or(unsaid);
    // an exception is the opposite of the rule; from no rule it takes away
    let opposite = match effect {
        Some(Effect::Deny) => Effect::Permit,
        Some(Effect::Permit) | None => Effect::Deny,
    };
    let (mut inner, mut is_cut) = (Vec::new(), false);
    for one in node.named("provision") {
        if depth >= DEPTH_MAX || *left == 0 {
            is_cut = true;
            break;
        }
        *left -= 1;
        inner.push(read(one, Some(opposite), base, (depth + 1, left)));
    }
    Provision {
        effect,
        period: times(node, "period"),
        actors: values(node, "actor", |one| actor(one, base)),
        purposes: values(node, "purpose", |one| one.child_text("code").map(Into::into)),
        classes: values(node, "class", |one| ResourceType::named(&one.child_text("code")?)),
        labels: values(node, "securityLabel", label),
        codes: codes(node),
        data_period: times(node, "dataPeriod"),
        data: values(node, "data", |one| datum(one, base)),
        is_other: is_other(node),
        inner,
        is_cut,
    }
}

fn values<'t, T>(
    node: NodeRef<'t>,
    name: &str,
    read: impl Fn(NodeRef<'t>) -> Option<T>,
) -> Values<T> {
    let all: Vec<Option<T>> = node.named(name).take(VALUES_MAX + 1).map(read).collect();
    let is_clear = all.iter().all(Option::is_some);
    limited(Values { known: all.into_iter().flatten().collect(), is_clear })
}

/// Too many values are none that are understood.
fn limited<T>(values: Values<T>) -> Values<T> {
    if values.known.len() > VALUES_MAX {
        return Values { known: Vec::new(), is_clear: false };
    }
    values
}

fn actor(actor: NodeRef<'_>, base: &str) -> Option<Box<str>> {
    let (ty, id) = local(&actor.child("reference")?.child_text("reference")?, base)?;
    ACTORS.contains(&ty.name()).then(|| format!("{ty}/{id}").into())
}

fn label(coding: NodeRef<'_>) -> Option<&'static str> {
    let code = coding.child_text("code")?;
    LABELS.iter().copied().find(|known| **known == *code)
}

/// A concept's codings each will do; one that is words alone is not understood.
fn codes(node: NodeRef<'_>) -> Values<(Box<str>, Box<str>)> {
    let (mut known, mut is_clear) = (Vec::new(), true);
    for concept in node.named("code") {
        let read = |coding: NodeRef<'_>| -> Option<(Box<str>, Box<str>)> {
            let (system, code) = (coding.child_text("system")?, coding.child_text("code")?);
            Some((crate::text::key(&system).into(), crate::text::key(&code).into()))
        };
        let of = values(concept, "coding", read);
        is_clear &= of.is_clear && !of.known.is_empty();
        known.extend(of.known);
    }
    limited(Values { known, is_clear })
}

fn datum(node: NodeRef<'_>, base: &str) -> Option<Datum> {
    let meaning = match &*node.child_text("meaning")? {
        "instance" => Meaning::Instance,
        "related" => Meaning::Related,
        "dependents" => Meaning::Dependents,
        "authoredby" => Meaning::AuthoredBy,
        _ => return None,
    };
    let text = node.child("reference")?.child_text("reference")?;
    let (whole, is_version) = match text.split_once("/_history/") {
        Some((whole, _)) => (whole, true),
        None => (&*text, false),
    };
    let (ty, id) = local(whole, base)?;
    Some(Datum { meaning, ty, id, is_version })
}

fn local(text: &str, base: &str) -> Option<(ResourceType, Box<str>)> {
    match target(text, base)? {
        Target::Local { ty, id } => Some((ty, id)),
        Target::Contained { .. } | Target::Url { .. } => None,
    }
}

fn times(node: NodeRef<'_>, name: &str) -> Times {
    let Some(period) = node.child(name) else { return Times::Any };
    let bound = |name: &str| {
        let text = period.child_text(name);
        text.map_or(Some(None), |text| Timespan::parse(&text).map(Some))
    };
    match (bound("start"), bound("end")) {
        (Some(start), Some(end)) => {
            Timespan::period(start, end).map_or(Times::Unclear, Times::Within)
        }
        _ => Times::Unclear,
    }
}

/// Whether it says what may be done, and looking is not among it.
fn is_other(node: NodeRef<'_>) -> bool {
    let mut actions = node.named("action").flat_map(|action| action.named("coding")).peekable();
    let is_said = node.child("action").is_some();
    is_said
        && !actions.any(|coding| {
            let code = coding.child_text("code");
            code.is_some_and(|code| matches!(&*code, "access" | "use" | "disclose"))
        })
}
