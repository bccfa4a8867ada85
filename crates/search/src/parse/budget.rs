//! How much a query may ask for in all, beside the limits of its single parts.

use std::cell::Cell;

use super::fault::Fault;

/// The most values of a parameter.
const VALUES_MAX: usize = 100;

/// The most tests that the values of a parameter become.
const TESTS_OF_VALUES_MAX: usize = 2 * VALUES_MAX;

/// The most values of a query, counted for each type that is searched.
const VALUES_IN_ALL_MAX: usize = 20_000;

/// The most types that all chains of a query pass.
const CHAIN_TYPES_MAX: usize = 1000;

/// What was used so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    values: Cell<usize>,
    chain_types: Cell<usize>,
}

impl Budget {
    /// Values of one parameter.
    pub(super) fn values(&self, count: usize) -> Result<(), Fault> {
        if count > VALUES_MAX {
            let text = format!("takes at most {VALUES_MAX} values; here are {count}");
            return Err(Fault::TooCostly(text.into()));
        }
        if add(&self.values, count) > VALUES_IN_ALL_MAX {
            let text = format!(
                "brings the query over {VALUES_IN_ALL_MAX} comparisons, which are counted for each \
                 type that is searched"
            );
            return Err(Fault::TooCostly(text.into()));
        }
        Ok(())
    }

    /// One more type that a chain leads to.
    pub(super) fn chain_type(&self) -> Result<(), Fault> {
        if add(&self.chain_types, 1) > CHAIN_TYPES_MAX {
            let text = format!(
                "leads to more than {CHAIN_TYPES_MAX} types; name the one that is meant: \
                 [reference]:[type].[parameter]"
            );
            return Err(Fault::TooCostly(text.into()));
        }
        Ok(())
    }
}

fn add(to: &Cell<usize>, count: usize) -> usize {
    let sum = to.get().saturating_add(count);
    to.set(sum);
    sum
}

/// What the values of one parameter became.
pub(super) fn tests(count: usize) -> Result<(), Fault> {
    if count > TESTS_OF_VALUES_MAX {
        let text = format!(
            "has values that stand for {count} comparisons; at most are {TESTS_OF_VALUES_MAX}"
        );
        return Err(Fault::TooCostly(text.into()));
    }
    Ok(())
}
