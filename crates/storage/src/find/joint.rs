//! A code and a value that stand side by side in a resource, where the index holds both in one row: the rows with the
//! code, in the order of the value. Asked apart, either may be common and the two together rare.

use std::borrow::Cow;

use search::{Filter, ParamId, Plan, Test, joint};

/// More pairs than these are left apart.
const PAIRS_MAX: usize = 16;

/// The same plan, with composites for what stands side by side.
pub(super) fn joined(plan: &Plan) -> Cow<'_, Plan> {
    let mut joined = Cow::Borrowed(plan);
    for (n, one) in plan.types.iter().enumerate() {
        let Some((key, rest, pair)) = pair(&one.filters) else { continue };
        if let Some(one) = joined.to_mut().types.get_mut(n) {
            let apart = one.filters.iter().enumerate().filter(|(at, _)| *at != key && *at != rest);
            let apart: Vec<Filter> = apart.map(|(_, filter)| filter.clone()).collect();
            one.filters = [pair].into_iter().chain(apart).collect();
        }
    }
    joined
}

/// The places of two filters, and what they say together.
fn pair(filters: &[Filter]) -> Option<(usize, usize, Filter)> {
    let values = || {
        filters.iter().enumerate().filter_map(|(at, filter)| {
            let Filter::Value { params, any } = filter else { return None };
            Some((at, params.as_slice(), any.as_slice()))
        })
    };
    values().find_map(|(key, key_params, keys)| {
        values().find_map(|(rest, rest_params, tests)| {
            let param = joint(key_params, rest_params)?;
            Some((key, rest, together(param, keys, tests)?))
        })
    })
}

fn together(param: ParamId, keys: &[Test], tests: &[Test]) -> Option<Filter> {
    if keys.len() * tests.len() > PAIRS_MAX {
        return None;
    }
    let mut any = Vec::new();
    for key in keys {
        let Test::Token(key) = key else { return None };
        key.code.as_ref()?;
        any.extend(tests.iter().map(|test| {
            let (key, part) = (key.clone(), Box::new(test.clone()));
            Test::Composite { key, part }
        }));
    }
    Some(Filter::Value { params: vec![param], any })
}
