//! The ways that were chosen for searches a moment ago. To choose one costs statements of its own, which on a database
//! that is asked over a connection cost as much as the page. A way changes no answer, so it may be a little old.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use search::Plan;

use super::position::Route;

/// How long a way is good: what is written meanwhile may make another one quicker.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// Ways of so many searches are remembered.
const SEARCHES_MAX: usize = 4096;

/// A search that takes more letters to tell is not remembered.
const SEARCH_BYTES_MAX: usize = 2048;

/// The ways of searches, by what they ask for.
#[derive(Default)]
pub(crate) struct Ways {
    known: Mutex<BTreeMap<Box<str>, (Instant, Route)>>,
}

/// What decides the way of a search, as text; nothing when it is too long.
struct Asked(String);

impl fmt::Write for Asked {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > SEARCH_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn asked(plan: &Plan) -> Option<String> {
    let mut asked = Asked(String::with_capacity(512));
    write!(asked, "{:?}{:?}{:?}", plan.contained, plan.types, plan.sort).ok()?;
    Some(asked.0)
}

impl Ways {
    /// The way that was chosen for a search, if that is not long ago.
    pub(crate) fn of(&self, plan: &Plan) -> Option<Route> {
        let asked = asked(plan)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (chosen, route) = known.get(&*asked)?;
        (chosen.elapsed() < GOOD_FOR).then(|| route.clone())
    }

    /// Remembers the way that was chosen for a search.
    pub(crate) fn learn(&self, plan: &Plan, route: &Route) {
        let Some(asked) = asked(plan) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SEARCHES_MAX {
            known.clear();
        }
        known.insert(asked.into(), (Instant::now(), route.clone()));
    }
}

impl fmt::Debug for Ways {
    /// Without what was asked for: that may be about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ways").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::ResourceType;
    use search::Filter;

    use super::*;
    use crate::find::position::Mode;

    fn by_id(id: &str) -> Plan {
        let ty = ResourceType::named("Patient").unwrap();
        let mut plan = Plan::over(ty);
        plan.types[0].filters = vec![Filter::Id(vec![id.into()])];
        plan
    }

    #[test]
    fn a_way_is_of_one_search_and_of_no_other() {
        let ways = Ways::default();
        let route = Route { mode: Mode::Collected, leaders: vec![Some(0)] };
        ways.learn(&by_id("a"), &route);
        assert_eq!(ways.of(&by_id("a")), Some(route.clone()));
        assert_eq!(ways.of(&by_id("b")), None);
        let long = by_id(&"x".repeat(SEARCH_BYTES_MAX));
        ways.learn(&long, &route);
        assert_eq!(ways.of(&long), None);
    }

    #[test]
    fn no_more_ways_are_remembered_than_the_limit() {
        let ways = Ways::default();
        for n in 0..=SEARCHES_MAX {
            ways.learn(&by_id(&n.to_string()), &Route::default());
        }
        assert!(ways.known.lock().unwrap().len() <= SEARCHES_MAX);
    }
}
