//! What an evaluation may know besides its input: <https://hl7.org/fhir/R4/fhirpath.html#vars>.

use std::fmt;

use fhir_model::{Instant, NodeRef};

use crate::item::Item;

/// Looks a reference up: `Patient/1`, an absolute URL, a `urn:uuid:`.
pub type Resolver<'t> = dyn Fn(&str) -> Option<NodeRef<'t>> + 't;

/// Hears what `trace(name)` is given.
pub type Tracer<'t> = dyn Fn(&str, &[Item<'_>]) + 't;

/// The surroundings of an evaluation. No clock and no store is asked unless it is given here.
#[derive(Clone, Copy)]
pub struct Context<'t> {
    pub(crate) resource: NodeRef<'t>,
    pub(crate) now: Option<Instant>,
    pub(crate) budget: u64,
    pub(crate) resolver: Option<&'t Resolver<'t>>,
    pub(crate) tracer: Option<&'t Tracer<'t>>,
    pub(crate) casts: Casts,
}

/// What `as` does with several items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Casts {
    /// Keeps those that fit: search parameters (`Goal.target.due as date`) and invariants (dom-3) of R4
    /// are written for that.
    Keep,
    /// Refuses them, as N1 says.
    Refuse,
}

/// Steps that an evaluation may take: about 20 ms.
const BUDGET: u64 = 1_000_000;

impl<'t> Context<'t> {
    /// `resource` is `%resource`: the innermost resource that the focus belongs to. `%rootResource` is the
    /// one that it is contained in, if it is; else the same.
    pub fn new(resource: NodeRef<'t>) -> Self {
        Self {
            resource,
            now: None,
            budget: BUDGET,
            resolver: None,
            tracer: None,
            casts: Casts::Keep,
        }
    }

    /// What `now()` and `today()` (in UTC) say; without it they are errors.
    #[must_use]
    pub fn at(mut self, now: Instant) -> Self {
        self.now = Some(now);
        self
    }

    /// Other than a million steps.
    #[must_use]
    pub fn with_budget(mut self, steps: u64) -> Self {
        self.budget = steps;
        self
    }

    /// How `resolve()` finds what is not in the resource itself. Without it `resolve()` gives
    /// [`Item::Resolved`], of which only the type is known.
    #[must_use]
    pub fn with_resolver(mut self, resolver: &'t Resolver<'t>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// With `as` on several items an error, as N1 says; else it keeps those that fit, as the search
    /// parameters and invariants of R4 need it.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.casts = Casts::Refuse;
        self
    }

    /// Where `trace()` writes to.
    #[must_use]
    pub fn with_tracer(mut self, tracer: &'t Tracer<'t>) -> Self {
        self.tracer = Some(tracer);
        self
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("resource", &self.resource.ty())
            .field("now", &self.now)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
