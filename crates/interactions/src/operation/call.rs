//! A call of an operation: where, with what.

use fhir_model::{IssueType, Outcome, ResourceType, definitions::OperationLevel};
use storage::Key;

use super::{Input, Operation, codes_of, find};
use crate::{Conditions, Query, Request, Verb};

/// What an operation is called on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Type(ResourceType),
    Instance(Key),
}

/// A call whose parameters were checked against the definition.
#[derive(Debug)]
pub struct Call {
    pub(crate) operation: &'static Operation,
    pub(crate) target: Target,
    pub(crate) input: Input,
    /// What else the query says, for operations that search.
    pub(crate) query: Query,
    pub(crate) conditions: Conditions,
}

impl Call {
    /// Reads a request to `[target]/$[code]`.
    ///
    /// # Errors
    /// `not-found` where there is no such operation, `not-supported` for a method it does not have, and what is
    /// wrong with its parameters.
    pub(crate) fn parse(target: Target, code: &str, request: Request) -> Result<Self, Outcome> {
        let (ty, level) = match &target {
            Target::Type(ty) => (*ty, OperationLevel::Type),
            Target::Instance(key) => (key.resource_type, OperationLevel::Instance),
        };
        let operation = find(code, Some(ty), level).ok_or_else(|| no_such(code, ty, level))?;
        if !(request.verb == Verb::Post || request.verb == Verb::Get && !operation.affects_state) {
            let text = if operation.affects_state {
                format!("${code} changes what is stored: call it with POST")
            } else {
                format!("Call ${code} with GET or POST")
            };
            return Err(Outcome::new(IssueType::MethodNotAllowed, text));
        }
        let (input, query) = Input::read(operation.definition, &request.query, request.body)?;
        let conditions = request.conditions;
        conditions.of_one_version()?;
        Ok(Self { operation, target, input, query, conditions })
    }

    /// The resource that an operation at instance level is called on.
    ///
    /// # Errors
    /// `exception`: the registry says that it is called on instances.
    pub(crate) fn key(&self) -> Result<&Key, Outcome> {
        match &self.target {
            Target::Instance(key) => Ok(key),
            Target::Type(_) => {
                Err(Outcome::new(IssueType::Exception, "The operation is called on a resource"))
            }
        }
    }

    /// The address below the base.
    pub(crate) fn path(&self) -> String {
        let code = &self.operation.definition.code;
        match &self.target {
            Target::Type(ty) => format!("{ty}/${code}"),
            Target::Instance(key) => format!("{}/{}/${code}", key.resource_type, key.id),
        }
    }
}

fn no_such(code: &str, ty: ResourceType, level: OperationLevel) -> Outcome {
    let code: String = code.chars().take(64).collect();
    let known: Vec<String> = codes_of(ty).iter().map(|it| format!("${it}")).collect();
    let place = if level == OperationLevel::Type { format!("/{ty}") } else { format!("a {ty}") };
    let text = format!(
        "There is no operation ${code} on {place}; for {ty} there are {}",
        known.join(", ")
    );
    Outcome::new(IssueType::NotFound, text)
}
