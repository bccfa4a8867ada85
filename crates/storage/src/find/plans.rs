//! Plans that tests ask for, and what they find.

use fhir_model::ResourceType;
use search::{
    Direction, Filter, ParamId, Plan, ReferenceTest, SearchKind, Sort, SortKey, StringTest, System,
    Test, TokenTest,
};

use super::{Version, ask::Found};

pub(super) fn ty(name: &str) -> ResourceType {
    ResourceType::named(name).unwrap()
}

pub(super) fn over(name: &str, filters: Vec<Filter>) -> Plan {
    let mut plan = Plan::over(ty(name));
    plan.types[0].filters = filters;
    plan
}

pub(super) fn value(param: u32, test: Test) -> Filter {
    Filter::Value { params: vec![ParamId(param)], any: vec![test] }
}

pub(super) fn code(code: &str) -> Test {
    Test::Token(TokenTest { system: System::Any, code: Some(code.into()) })
}

pub(super) fn patient(id: &str) -> Test {
    Test::Reference(ReferenceTest::Local { ty: ty("Patient"), id: id.into() })
}

pub(super) fn newest_first() -> Vec<Sort> {
    let key = SortKey::Value { params: vec![ParamId(5)], kind: SearchKind::Date };
    vec![Sort { key, direction: Direction::Descending }]
}

pub(super) fn containing(text: &str) -> Test {
    Test::String(StringTest::Contains(text.into()))
}

pub(super) fn starting(text: &str) -> Test {
    Test::String(StringTest::StartsWith(text.into()))
}

/// A resource of this number, as found.
pub(super) fn one(res: i64) -> Found {
    let version = Version {
        res,
        resource_type: ty("Patient"),
        id: res.to_string(),
        version: 1,
        updated: fhir_model::Instant::from_millis(0),
        method: crate::Method::Post,
        body: None,
        contained: None,
        facts: crate::facts::Facts::default(),
    };
    Found { version, res, values: Vec::new() }
}
