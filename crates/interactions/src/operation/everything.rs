//! `Patient/$everything` and `Encounter/$everything`: <https://hl7.org/fhir/R4/patient-operation-everything.html>.
//! The resource, its compartment, and what these refer to. Without `_count` all of it; with `_count` a page, which brings
//! what its resources refer to and whose next link goes on under the same conditions.

use ::search::Timespan;
use auth::Caller;
use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use storage::Key;

use super::{Request, Target};
use crate::{Answer, Query, cursor, search};

/// The most on a page, as in searches.
const COUNT_MAX: usize = 1_000;

pub(super) async fn everything(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = match &request.call.target {
        Target::Instance(key) => key.clone(),
        Target::Type(ty) => own(request.caller, *ty)?,
    };
    let wanted = wanted(&request, key.resource_type)?;
    search::everything(request.fhir, request.caller, &key, &wanted).await
}

/// The patient whose record somebody means who names none: their own.
fn own(caller: &Caller, ty: ResourceType) -> Result<Key, Outcome> {
    let own = match caller {
        Caller::Bearer(who) if ty.ty() == TypeId::PATIENT => {
            let itself = who.itself().filter(|(ty, _)| *ty == "Patient").map(|(_, id)| id);
            who.only_patient().or(itself)
        }
        Caller::Bearer(_) | Caller::Operator | Caller::Anonymous => None,
    };
    own.map(|id| Key::new(ty, id)).ok_or_else(|| {
        let text = format!("Whose record is not said: call {ty}/[id]/$everything");
        Outcome::new(IssueType::NotFound, text)
    })
}

fn wanted(request: &Request<'_>, center: ResourceType) -> Result<search::Wanted, Outcome> {
    let input = &request.call.input;
    let mut asked = Query::default();
    for name in ["start", "end", "_since"] {
        if let Some(text) = input.text(name) {
            asked.push(name, text);
        }
    }
    let types = search::Wanted::types_of(center, &input.codes("_type"))?;
    if let Some(types) = &types {
        let names: Vec<&str> = types.iter().map(|ty| ty.name()).collect();
        asked.push("_type", names.join(","));
    }
    let count = match input.number::<i64>("_count") {
        None => None,
        Some(count) => match usize::try_from(count) {
            Ok(count) if count > 0 => Some(count.min(COUNT_MAX)),
            Ok(_) | Err(_) => {
                let text = "_count is a number of resources from 1";
                return Err(Outcome::new(IssueType::Value, text));
            }
        },
    };
    if let Some(count) = count {
        asked.push("_count", count.to_string());
    }
    Ok(search::Wanted {
        care: search::Care::between(input.text("start"), input.text("end")),
        since: input.text("_since").and_then(Timespan::parse),
        types,
        count,
        asked,
        cursor: request.call.query.get(cursor::PARAMETER).map(str::to_owned),
    })
}
