//! Operations: <https://hl7.org/fhir/R4/operations.html>. Each is one file and one row of [`REGISTRY`]; what it
//! takes and gives is written in its `OperationDefinition`, by which parameters are checked on the way in and out.

pub(crate) mod beds;
pub(crate) mod call;
mod cosign;
mod definition;
mod everything;
mod idempotency;
mod input;
mod lastn;
mod meta;
mod output;
mod refusal;
mod validate;

use std::sync::LazyLock;

use auth::Caller;
use fhir_model::{Outcome, ResourceType, definitions::OperationLevel};
use futures_util::future::BoxFuture;

use crate::{Answer, Fhir};
pub use call::Call;
pub(crate) use call::Target;
pub(crate) use definition::{Definition, of_id as definition_of};
pub(crate) use input::Input;
pub(crate) use output::{Output, coding, quoted};

/// What an operation does with a call.
pub(crate) type Run = for<'a> fn(Request<'a>) -> BoxFuture<'a, Result<Answer, Outcome>>;

/// A call on its way to the operation.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) fhir: &'a Fhir,
    pub(crate) caller: &'a Caller,
    pub(crate) call: Call,
}

/// An operation that is answered.
#[derive(Debug)]
pub struct Operation {
    /// What it takes and gives.
    pub(crate) definition: &'static Definition,
    /// Where it may be called here: not everywhere that its definition allows, at times.
    levels: &'static [OperationLevel],
    /// Whether it changes anything: then it is called with POST only.
    pub(crate) affects_state: bool,
    run: Run,
}

/// A row of the registry: the canonical URL of the definition and what is done.
struct Row {
    url: &'static str,
    levels: &'static [OperationLevel],
    affects_state: bool,
    run: Run,
}

/// Makes of `async fn run(request: Request<'_>)` what a row takes.
macro_rules! boxed {
    ($run:path) => {
        |request| Box::pin($run(request))
    };
}

const INSTANCE: &[OperationLevel] = &[OperationLevel::Instance];
const TYPE: &[OperationLevel] = &[OperationLevel::Type];
const BOTH: &[OperationLevel] = &[OperationLevel::Type, OperationLevel::Instance];

const fn reads(url: &'static str, levels: &'static [OperationLevel], run: Run) -> Row {
    Row { url, levels, affects_state: false, run }
}

const fn changes(url: &'static str, levels: &'static [OperationLevel], run: Run) -> Row {
    Row { url, levels, affects_state: true, run }
}

macro_rules! hl7 {
    ($name:literal) => {
        concat!("http://hl7.org/fhir/OperationDefinition/", $name)
    };
}

macro_rules! ours {
    ($name:literal) => {
        concat!("https://medvault.example/fhir/OperationDefinition/", $name)
    };
}

#[rustfmt::skip]
const REGISTRY: &[Row] = &[
    reads(hl7!("Resource-meta"), INSTANCE, boxed!(meta::read)),
    changes(ours!("meta-add"), INSTANCE, boxed!(meta::add)),
    changes(ours!("meta-delete"), INSTANCE, boxed!(meta::delete)),
    reads(hl7!("Resource-validate"), BOTH, boxed!(validate::validate)),
    reads(hl7!("Patient-everything"), BOTH, boxed!(everything::everything)),
    reads(hl7!("Encounter-everything"), INSTANCE, boxed!(everything::everything)),
    reads(hl7!("Observation-lastn"), TYPE, boxed!(lastn::lastn)),
    reads(ours!("bed-availability"), TYPE, boxed!(beds::availability::availability)),
    changes(ours!("request-bed"), INSTANCE, boxed!(beds::request::request)),
    changes(ours!("allocate-bed"), BOTH, boxed!(beds::allocate::allocate)),
    changes(ours!("hold-emergency-bed"), INSTANCE, boxed!(beds::emergency::hold)),
    changes(ours!("confirm-bed"), INSTANCE, boxed!(beds::confirm::confirm)),
    changes(ours!("transfer-bed"), INSTANCE, boxed!(beds::transfer::transfer)),
    changes(ours!("release-bed"), INSTANCE, boxed!(beds::release::release)),
    changes(ours!("bed-turnover"), INSTANCE, boxed!(beds::turnover::turnover)),
    reads(ours!("bed-waitlist"), TYPE, boxed!(beds::waitlist::waitlist)),
    reads(ours!("explain-refusal"), INSTANCE, boxed!(refusal::explain)),
    changes(ours!("cosign"), INSTANCE, boxed!(cosign::cosign)),
    reads(hl7!("Measure-evaluate-measure"), INSTANCE, boxed!(beds::equity::evaluate)),
    reads(ours!("explain-allocation"), INSTANCE, boxed!(beds::explanation::explain)),
];

/// All operations, in the order of the registry.
pub(crate) fn all() -> &'static [Operation] {
    static ALL: LazyLock<Vec<Operation>> = LazyLock::new(|| {
        let operation = |row: &Row| {
            let definition = definition::by_url(row.url)?;
            let Row { levels, affects_state, run, .. } = *row;
            Some(Operation { definition, levels, affects_state, run })
        };
        REGISTRY.iter().filter_map(operation).collect()
    });
    &ALL
}

/// The operation of this code at this place.
pub(crate) fn find(
    code: &str,
    ty: Option<ResourceType>,
    level: OperationLevel,
) -> Option<&'static Operation> {
    all().iter().find(|operation| {
        operation.definition.code == code
            && operation.levels.contains(&level)
            && ty.is_none_or(|ty| operation.is_for(ty))
    })
}

/// The codes of all operations, for who looks for one that is not there.
pub(crate) fn codes_of(ty: ResourceType) -> Vec<&'static str> {
    all().iter().filter(|it| it.is_for(ty)).map(|it| it.definition.code.as_str()).collect()
}

impl Operation {
    /// All that are answered.
    pub fn all() -> &'static [Self] {
        all()
    }

    /// The name that follows the `$`.
    pub fn code(&self) -> &str {
        &self.definition.code
    }

    /// The types that it is declared for; `Resource` is all of them.
    pub fn types(&self) -> &[String] {
        &self.definition.resources
    }

    /// Where it may be called.
    pub fn levels(&self) -> &[OperationLevel] {
        self.levels
    }

    /// Whether it changes anything: then it is called with POST only.
    pub fn affects_state(&self) -> bool {
        self.affects_state
    }

    /// Name and type of each parameter that it takes; the type is empty for one that has parts.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.definition.inputs.iter().map(|it| (it.name.as_str(), it.ty.as_str()))
    }

    /// Whether it is declared for a type.
    pub(crate) fn is_for(&self, ty: ResourceType) -> bool {
        self.definition.resources.iter().any(|it| it == ty.name() || it == "Resource")
    }

    /// Answers a call.
    pub(crate) async fn answer(
        fhir: &Fhir,
        caller: &Caller,
        call: Call,
    ) -> Result<Answer, Outcome> {
        let run = call.operation.run;
        run(Request { fhir, caller, call }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_definition() {
        assert_eq!(all().len(), REGISTRY.len());
        for operation in all() {
            let Operation { definition, levels, .. } = operation;
            assert!(!definition.resources.is_empty(), "{}", definition.url);
            for level in *levels {
                assert!(definition.levels.contains(level), "{} {level:?}", definition.url);
            }
        }
    }

    #[test]
    fn what_our_definitions_say_of_state_is_what_the_registry_says() {
        for operation in all().iter().filter(|it| it.definition.affects_state.is_some()) {
            let Operation { definition, affects_state, .. } = operation;
            assert_eq!(definition.affects_state, Some(*affects_state), "{}", definition.url);
        }
    }
}
