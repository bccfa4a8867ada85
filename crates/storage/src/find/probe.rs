//! How many index rows the filters of a plan find, counted up to a bound, so that counting costs little.

use std::collections::BTreeMap;

use fhir_model::Outcome;
use search::{Filter, TypePlan};

use super::{
    ask::Ask,
    leader::{Leaders, rank, referrers},
    names::Names,
    part::{Domain, Part},
    statement::{Sql, sql},
};

/// More filters than these are not counted.
const PROBES_MAX: usize = 200;

/// The number of rows of filters, as far as counted.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    rows: BTreeMap<(usize, Domain), u64>,
}

/// A filter by its place in the plan, which stays where it is.
fn identity(filter: &Filter) -> usize {
    std::ptr::from_ref(filter).addr()
}

impl Sizes {
    /// Counts the rows of all filters that can lead, up to a bound, in one statement.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn count(
        &mut self,
        parts: &[Part<'_>],
        names: &Names,
        ask: &mut impl Ask,
        bound: u64,
    ) -> Result<(), Outcome> {
        let mut filters = Vec::new();
        for part in parts {
            collect(part, &mut filters);
        }
        if filters.len() > PROBES_MAX {
            return Ok(());
        }
        let nothing = Self::default();
        let leaders = Leaders::new(names, &nothing);
        let mut looks = Vec::new();
        for (n, (filter, part)) in filters.iter().enumerate() {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            for range in leaders.ranges(filter, part).unwrap_or_default() {
                let bound = i64::try_from(bound).unwrap_or(i64::MAX);
                looks.push(
                    sql(
                        "select cast(? as bigint) as n, count(*) from (\n  select 1 from ",
                        [n.into()],
                    )
                    .then(&range.from(names.dialect))
                    .then(" where ")
                    .with(range.seek.on("d").indented(4))
                    .then(" limit ")
                    .bind(bound)
                    .then("\n) as counted"),
                );
            }
        }
        let statement = Sql::compound(looks, "\nunion all\n").statement();
        let mut counted = vec![0_u64; filters.len()];
        if !statement.sql.is_empty() {
            for (n, rows) in ask.numbers(&statement).await? {
                if let Some(counted) = usize::try_from(n).ok().and_then(|n| counted.get_mut(n)) {
                    *counted += u64::try_from(rows).unwrap_or(0);
                }
            }
        }
        for ((filter, part), rows) in filters.iter().zip(counted) {
            self.rows.insert((identity(filter), part.domain), rows);
        }
        Ok(())
    }

    /// How many index rows a filter leads to at most; `u64::MAX` when nobody knows.
    pub(super) fn of(&self, filter: &Filter, part: &Part<'_>) -> u64 {
        match filter {
            Filter::Id(ids) => u64::try_from(ids.len()).unwrap_or(u64::MAX),
            Filter::Chain { targets, .. } => referrers(self.targets(targets)),
            Filter::Has { source, .. } => self.of_plan(source, Domain::Own),
            Filter::Any(inner) => {
                let sizes = inner.iter().map(|one| self.of(one, part));
                sizes.fold(0, u64::saturating_add)
            }
            Filter::All(inner) => {
                let leading = inner.iter().find(|one| can_lead(one, part));
                leading.map_or(u64::MAX, |one| self.of(one, part))
            }
            Filter::Value { .. }
            | Filter::Updated(_)
            | Filter::Words { .. }
            | Filter::Near { .. } => {
                let rows = self.rows.get(&(identity(filter), part.domain));
                rows.copied().unwrap_or(u64::MAX)
            }
            Filter::Not(_) | Filter::Present { .. } | Filter::During(_) => u64::MAX,
        }
    }

    /// How many resources a filter collects before it leads to the first; `u64::MAX` when nobody knows.
    pub(super) fn collected(&self, filter: &Filter) -> u64 {
        match filter {
            Filter::Chain { targets, .. } => self.targets(targets),
            Filter::Has { source, .. } => self.of_plan(source, Domain::Own),
            Filter::Any(inner) | Filter::All(inner) => {
                inner.iter().map(|one| self.collected(one)).fold(0, u64::saturating_add)
            }
            Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Value { .. }
            | Filter::Words { .. }
            | Filter::Near { .. }
            | Filter::During(_)
            | Filter::Not(_)
            | Filter::Present { .. } => 0,
        }
    }

    /// The filters of a part that can lead, the best first.
    pub(super) fn ranked(&self, part: &Part<'_>) -> Vec<usize> {
        let mut able: Vec<(u64, u8, usize)> = (part.filters.iter().enumerate())
            .filter(|(_, filter)| can_lead(filter, part))
            .map(|(n, filter)| (self.of(filter, part), rank(filter), n))
            .collect();
        able.sort_unstable();
        able.into_iter().map(|(.., n)| n).collect()
    }

    /// The filter of a part that leads best.
    pub(super) fn best(&self, part: &Part<'_>) -> Option<usize> {
        self.ranked(part).first().copied()
    }

    fn targets(&self, targets: &[TypePlan]) -> u64 {
        let sizes = targets.iter().map(|plan| self.of_plan(plan, Domain::Either));
        sizes.fold(0, u64::saturating_add)
    }

    fn of_plan(&self, plan: &TypePlan, domain: Domain) -> u64 {
        let parts = Part::of_type(plan, domain);
        let size = |part: &Part<'_>| {
            let best = self.best(part).and_then(|n| part.filters.get(n).copied());
            best.map_or(u64::MAX, |filter| self.of(filter, part))
        };
        parts.iter().map(size).fold(0, u64::saturating_add)
    }
}

/// Whether index rows lead to what a filter finds.
pub(super) fn can_lead(filter: &Filter, part: &Part<'_>) -> bool {
    let is_own = part.domain == Domain::Own;
    match filter {
        Filter::Value { .. } | Filter::Near { .. } => true,
        Filter::Id(_) | Filter::Updated(_) => is_own,
        Filter::Words { any, .. } => is_own && !any.iter().any(Vec::is_empty),
        Filter::Chain { targets, .. } => {
            targets.iter().all(|plan| Part::of_type(plan, Domain::Either).iter().all(has_leader))
        }
        Filter::Has { source, .. } => {
            is_own && Part::of_type(source, Domain::Own).iter().all(has_leader)
        }
        Filter::Any(inner) => inner.iter().all(|one| can_lead(one, part)),
        Filter::All(inner) => inner.iter().any(|one| can_lead(one, part)),
        Filter::Not(_) | Filter::Present { .. } | Filter::During(_) => false,
    }
}

fn has_leader(part: &Part<'_>) -> bool {
    part.filters.iter().any(|filter| can_lead(filter, part))
}

/// All filters whose rows can be counted, those of chains too.
fn collect<'p>(part: &Part<'p>, into: &mut Vec<(&'p Filter, Part<'p>)>) {
    for filter in &part.filters {
        collect_filter(filter, part, into);
    }
}

fn collect_filter<'p>(filter: &'p Filter, part: &Part<'p>, into: &mut Vec<(&'p Filter, Part<'p>)>) {
    match filter {
        Filter::Value { .. } | Filter::Near { .. } | Filter::Updated(_) | Filter::Words { .. } => {
            if can_lead(filter, part) {
                into.push((filter, part.clone()));
            }
        }
        Filter::Any(inner) | Filter::All(inner) => {
            for one in inner {
                collect_filter(one, part, into);
            }
        }
        Filter::Chain { targets, .. } => targets
            .iter()
            .flat_map(|plan| Part::of_type(plan, Domain::Either))
            .for_each(|part| collect(&part, into)),
        Filter::Has { source, .. } => {
            for part in &Part::of_type(source, Domain::Own) {
                collect(part, into);
            }
        }
        Filter::Id(_) | Filter::Not(_) | Filter::Present { .. } | Filter::During(_) => {}
    }
}
