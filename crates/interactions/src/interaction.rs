//! From a request to what it asks for: the table of <https://hl7.org/fhir/R4/http.html#summary>.

use fhir_model::{IssueType, Outcome, ResourceType, Valid, json};
use storage::{Key, Scope};

use crate::{
    Body, Call, Conditions, Fhir, Query, Request, Verb,
    operation::call,
    patch::Patch,
    search::Reach,
    write::{Target, Write},
};

/// Something that is asked for.
#[derive(Debug)]
pub enum Interaction {
    /// `GET metadata`
    Capabilities,
    /// `GET [type]/[id]`
    Read(Read),
    /// `GET [type]/[id]/_history/[vid]`
    VersionRead(Read, u64),
    /// `GET [type]/[id]/_history`, `GET [type]/_history`, `GET _history`
    History(Scope, Query),
    /// `GET [base]?...`, `GET [type]?...`, `GET Patient/[id]/[type]?...`, and each with `POST` to `_search`
    Search(Reach, Query),
    /// `POST [base]/$reindex`, `POST [type]/$reindex`
    Reindex(Option<ResourceType>),
    /// `GET [base]/$reindex-status`
    ReindexStatus(Query),
    /// Create, update, patch, delete.
    Write(Box<Write>),
    /// `POST [base]` with a Bundle of type `batch`
    Batch(Box<Valid>, json::EntryFaults),
    /// `POST [base]` with a Bundle of type `transaction`
    Transaction(Box<Valid>),
    /// `[type]/$[code]`, `[type]/[id]/$[code]`
    Operation(Box<Call>),
}

/// A read and what the client has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What.
    pub key: Key,
    /// `If-None-Match`, `If-Modified-Since`.
    pub conditions: Conditions,
    /// `_elements`, `_summary`.
    pub query: Query,
}

impl Interaction {
    /// Finds out what a request asks for.
    ///
    /// # Errors
    /// `not-found` for an address that does not exist, `not-supported` for a method it does not have,
    /// `invalid` when address and body contradict each other.
    pub fn parse(fhir: &Fhir, request: Request) -> Result<Self, Outcome> {
        let last = request.path.last().map_or("", String::as_str);
        if last.starts_with('$') && !last.starts_with("$reindex") && request.path.len() > 1 {
            return call(request);
        }
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [] => on_base(request),
            ["metadata"] => only_get(&request, Self::Capabilities),
            ["_history"] => only_get(&request, Self::History(Scope::System, request.query.clone())),
            ["_search"] => search(Reach::System, request),
            ["$reindex"] => only_post(&request, Self::Reindex(None)),
            [ty, "$reindex"] => only_post(&request, Self::Reindex(Some(resource_type(ty)?))),
            ["$reindex-status"] => only_get(&request, Self::ReindexStatus(request.query.clone())),
            [ty] => on_type(fhir, resource_type(ty)?, request),
            [ty, "_search"] => search(Reach::Type(resource_type(ty)?), request),
            [ty, "_history"] => {
                let scope = Scope::Type(resource_type(ty)?);
                only_get(&request, Self::History(scope, request.query.clone()))
            }
            [ty, id] => {
                let key = key(ty, id)?;
                on_instance(key, request)
            }
            [ty, id, "_history"] => {
                let scope = Scope::Instance(key(ty, id)?);
                only_get(&request, Self::History(scope, request.query.clone()))
            }
            [ty, id, "_history", version] => {
                let key = key(ty, id)?;
                let version = version
                    .parse()
                    .map_err(|_| not_found(format!("{ty}/{id} has no version {version}")))?;
                let query = request.query.clone();
                let read = Read { key, conditions: Conditions::default(), query };
                only_get(&request, Self::VersionRead(read, version))
            }
            [ty, id, member] | [ty, id, member, "_search"] if !member.starts_with(['_', '$']) => {
                let reach = compartment((ty, id), member)?;
                search(reach, request)
            }
            _ => Err(no_such_address(&path.join("/"))),
        }
    }
}

fn call(mut request: Request) -> Result<Interaction, Outcome> {
    let path = std::mem::take(&mut request.path);
    let pieces: Vec<&str> = path.iter().map(String::as_str).collect();
    let (target, code) = match pieces.as_slice() {
        [ty, code] => (call::Target::Type(resource_type(ty)?), code),
        [ty, id, code] => (call::Target::Instance(key(ty, id)?), code),
        _ => return Err(no_such_address(&path.join("/"))),
    };
    let call = Call::parse(target, code.trim_start_matches('$'), request)?;
    Ok(Interaction::Operation(Box::new(call)))
}

fn on_base(request: Request) -> Result<Interaction, Outcome> {
    let bundle = match (request.verb, request.body) {
        (Verb::Post, Body::Resource(resource)) => resource,
        (Verb::Post, Body::Batch(bundle, faults)) => return Ok(Interaction::Batch(bundle, faults)),
        (Verb::Get, _) => return Ok(Interaction::Search(Reach::System, request.query)),
        (Verb::Post, _) => return Err(body_wanted("a Bundle")),
        _ => return Err(method_not_allowed("the base URL")),
    };
    let kind = bundle.tree().root().child_text("type");
    match (bundle.resource_type().name(), kind.as_deref()) {
        ("Bundle", Some("batch")) => {
            Ok(Interaction::Batch(bundle, json::EntryFaults::new()))
        }
        ("Bundle", Some("transaction")) => Ok(Interaction::Transaction(bundle)),
        ("Bundle", _) => Err(Outcome::new(
            IssueType::Invalid,
            "Only Bundles of type batch and transaction are carried out; to keep another Bundle, POST it \
             to /Bundle",
        )
        .at("Bundle.type")),
        (other, _) => Err(Outcome::new(
            IssueType::Invalid,
            format!("The base URL takes a Bundle; POST a {other} to /{other}"),
        )),
    }
}

fn on_type(fhir: &Fhir, ty: ResourceType, request: Request) -> Result<Interaction, Outcome> {
    let Request { verb, mut query, conditions, body, .. } = request;
    let write = match verb {
        Verb::Get => return Ok(Interaction::Search(Reach::Type(ty), query)),
        Verb::Post => {
            let resource = resource_of(ty, body)?;
            // some clients put the criteria of a conditional create into the address
            let criteria = conditions
                .if_none_exist
                .or_else(|| (!query.is_empty()).then(|| std::mem::take(&mut query)));
            let if_none_exist =
                criteria.map(|criteria| Target::criteria(fhir, ty, &criteria)).transpose()?;
            Write::Create { resource, if_none_exist }
        }
        Verb::Put => Write::Update {
            target: Target::criteria(fhir, ty, &query)?,
            resource: resource_of(ty, body)?,
            conditions,
        },
        Verb::Patch => Write::Patch {
            target: Target::criteria(fhir, ty, &query)?,
            patch: patch_of(body)?,
            conditions,
        },
        Verb::Delete => Write::Delete { target: Target::criteria(fhir, ty, &query)?, conditions },
    };
    Ok(Interaction::Write(Box::new(write)))
}

fn on_instance(key: Key, request: Request) -> Result<Interaction, Outcome> {
    let Request { verb, query, conditions, body, .. } = request;
    let write = match verb {
        Verb::Get => return Ok(Interaction::Read(Read { key, conditions, query })),
        Verb::Post => return Err(method_not_allowed("a resource")),
        Verb::Put => {
            let resource = resource_of(key.resource_type, body)?;
            same_id(&key, &resource)?;
            Write::Update { target: Target::Key(key), resource, conditions }
        }
        Verb::Patch => {
            Write::Patch { target: Target::Key(key), patch: patch_of(body)?, conditions }
        }
        Verb::Delete => Write::Delete { target: Target::Key(key), conditions },
    };
    Ok(Interaction::Write(Box::new(write)))
}

/// A search by its address, or by an address and a form, of which both hold.
fn search(reach: Reach, request: Request) -> Result<Interaction, Outcome> {
    let is_form = request.path.last().is_some_and(|last| last == "_search");
    let mut query = request.query;
    match (request.verb, request.body) {
        (Verb::Post, Body::Form(form)) if is_form => query.extend(form),
        (Verb::Get, _) => {}
        (Verb::Post, Body::None) if is_form => {}
        (Verb::Post, _) if is_form => {
            return Err(body_wanted("a form (application/x-www-form-urlencoded)"));
        }
        _ => return Err(method_not_allowed("a search")),
    }
    Ok(Interaction::Search(reach, query))
}

fn compartment((ty, id): (&str, &str), member: &str) -> Result<Reach, Outcome> {
    let member = if member == "*" { None } else { Some(resource_type(member)?) };
    Reach::compartment(key(ty, id)?, member)
}

fn only_post(request: &Request, interaction: Interaction) -> Result<Interaction, Outcome> {
    if request.verb == Verb::Post { Ok(interaction) } else { Err(no_such_method(request)) }
}

fn only_get(request: &Request, interaction: Interaction) -> Result<Interaction, Outcome> {
    if request.verb == Verb::Get { Ok(interaction) } else { Err(no_such_method(request)) }
}

fn resource_type(name: &str) -> Result<ResourceType, Outcome> {
    ResourceType::named(name).ok_or_else(|| {
        if name.starts_with('$') {
            not_found(format!("There is no operation {name} here"))
        } else {
            not_found(format!("{name} is no resource type of FHIR R4"))
        }
    })
}

pub(crate) fn key(ty: &str, id: &str) -> Result<Key, Outcome> {
    let resource_type = resource_type(ty)?;
    if id.starts_with('$') {
        return Err(not_found(format!("There is no operation {id} on {ty}")));
    }
    let is_id = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if !is_id {
        return Err(Outcome::new(
            IssueType::Value,
            "A logical id has 1 to 64 characters out of A-Z, a-z, 0-9, - and .",
        )
        .at(format!("{ty}.id")));
    }
    Ok(Key::new(resource_type, id))
}

fn resource_of(ty: ResourceType, body: Body) -> Result<Valid, Outcome> {
    match body {
        Body::Resource(resource) if resource.resource_type() == ty => Ok(*resource),
        Body::Resource(resource) => Err(Outcome::new(
            IssueType::Invalid,
            format!("The address is that of a {ty}, the body is a {}", resource.resource_type()),
        )
        .at("resourceType")),
        Body::None | Body::Batch(..) | Body::Patch(..) | Body::Form(_) => {
            Err(body_wanted(&format!("a {ty}")))
        }
    }
}

fn same_id(key: &Key, resource: &Valid) -> Result<(), Outcome> {
    let ty = key.resource_type;
    match resource.tree().root().child_text("id") {
        Some(id) if id == key.id.as_str() => Ok(()),
        Some(_) => {
            Err(Outcome::new(IssueType::Invalid, "The id in the body is not the id in the address")
                .at(format!("{ty}.id")))
        }
        None => Err(Outcome::new(
            IssueType::Required,
            "An update needs the id in the body, the same as in the address",
        )
        .at(format!("{ty}.id"))),
    }
}

/// A patch comes as bytes, or as a resource: Parameters of a FHIRPath Patch, in a Bundle also a Binary that
/// holds a JSON Patch.
fn patch_of(body: Body) -> Result<Patch, Outcome> {
    match body {
        Body::Patch(media_type, bytes) => Patch::parse(&media_type, bytes),
        Body::Resource(resource) => crate::entry::patch_of_resource(&resource),
        Body::None | Body::Batch(..) | Body::Form(_) => Err(body_wanted("a patch")),
    }
}

fn body_wanted(what: &str) -> Outcome {
    Outcome::new(IssueType::Required, format!("The body must be {what}"))
}

fn not_found(text: String) -> Outcome {
    Outcome::new(IssueType::NotFound, text)
}

fn no_such_address(path: &str) -> Outcome {
    not_found(format!("There is nothing at {path}"))
}

fn no_such_method(request: &Request) -> Outcome {
    method_not_allowed(&request.path.join("/"))
}

fn method_not_allowed(what: &str) -> Outcome {
    Outcome::new(IssueType::MethodNotAllowed, format!("That method is not for {what}"))
}
