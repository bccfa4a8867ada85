//! The view of a study, at `/research/[ResearchStudy]`: what patients let research see by their Consents, without who they
//! are. Only searches; no resource is read by its id, since ids are the study's own. See ADR 22.
//!
//! **Invariant**: nothing of a version leaves but through [`deidentify`]; nothing is told of fewer than
//! [`cells::PATIENTS_MIN`] patients.

mod answered;
mod calendar;
mod cells;
mod codes;
mod compare;
mod deidentify;
mod found;
mod link;
mod memory;
mod page;
mod person;
mod question;
mod shown;
mod statement;
mod study;
mod table;
mod treat;
mod value;

use std::sync::Arc;

use auth::{Action, Caller, Principal, authorize};
use fhir_model::{IssueType, Outcome, ResourceType};

use crate::{
    Answer, Fhir, Request, Verb,
    audit::{self, Asked, Note},
};
use answered::{By, View, in_time};
use found::Found;
pub(crate) use memory::Memory;
use page::Turn;
use person::StudyKey;
use question::Question;

/// Questions of a study within 24 hours, where no setting says.
pub(crate) const QUESTIONS_PER_DAY: u32 = 200;

/// Answers, and records who asked: with a purpose, and by the patients whose data was shown.
pub(crate) async fn answer(
    fhir: &Fhir,
    caller: &Caller,
    request: Request,
) -> Result<Answer, Outcome> {
    let asked = asked(&request);
    let entered = study::enter(fhir, caller, request.path.first()).await;
    let (who, result) = match entered {
        Ok(who) => {
            let within = Box::pin(within(fhir, &who, request));
            let result = audit::within(asked.id.clone(), within).await;
            (Some(who), result)
        }
        Err(refusal) => (audit::bearer(caller).cloned(), Err(refusal)),
    };
    if let (Some(audit), Some(who)) = (&fhir.audit, who) {
        let (status, body, shown) = match &result {
            Ok(answer) => (answer.status, answer.body.clone(), answer.shown.clone()),
            Err(refusal) => (refusal.status(), Some(refusal.to_json().into()), Some(Vec::new())),
        };
        let at = fhir.vault.clock().now();
        audit.note(Note { who, asked, status, body, shown, at }).await;
    }
    result
}

/// As the record says it: `research/[project]/Observation?code=x`.
fn asked(request: &Request) -> Asked {
    let mut asked = Asked::of(request);
    if asked.id.is_empty() {
        asked.id = audit::request_id();
    }
    if let [_, "metadata"] = *asked.path.iter().map(String::as_str).collect::<Vec<_>>() {
        asked.path = vec!["metadata".to_owned()];
    } else {
        // one piece, so that it is not taken for a resource
        asked.path = vec![format!("research/{}", asked.path.join("/"))];
    }
    asked
}

async fn within(fhir: &Fhir, who: &Arc<Principal>, request: Request) -> Result<Answer, Outcome> {
    if request.verb != Verb::Get {
        let text = "The view of a study is only searched, with GET";
        return Err(Outcome::new(IssueType::MethodNotAllowed, text));
    }
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [project, "metadata"] => Ok(Answer::ok(statement::of(fhir, project))),
        [project, name] if !name.starts_with(['_', '$']) => {
            let ty = question::shown_type(name)?;
            search(fhir, who, (project, ty), Question::parse(ty, request.query)?).await
        }
        _ => Err(question::only_searched()),
    }
}

async fn search(
    fhir: &Fhir,
    who: &Arc<Principal>,
    (project, ty): (&str, ResourceType),
    question: Question,
) -> Result<Answer, Outcome> {
    let informed = fhir.vault.informed(who).await?;
    let caller = Caller::Bearer(informed.unwrap_or_else(|| Arc::clone(who)));
    let permit = authorize(&caller, Action::Search, Some(ty))?;
    let plan = question.plan(fhir)?;
    let mut checked = plan.clone();
    auth::check(&mut checked, &permit, (&[Action::Search], auth::Named::Types))?;
    let key = StudyKey::new(&fhir.vault.accounts().study_secret(project).await?);
    let path = link::Path { fhir, project, ty, bearer: permit.bearer(), key: &key };
    let turn = path.open(&question)?;
    let (asker, client) = who_asks(who);
    let _turns = fhir.studies.turn(project, &asker).await?;
    let source = page::Source { fhir, permit: &permit, key: &key, ty, plan: &plan };
    let asked = memory::Asked {
        project: project.to_owned(),
        eyes: format!("{asker}\n{}", who.organization().unwrap_or_default()),
        ty: ty.name(),
        criteria: question.criteria(),
    };
    let by = By { who, asker: &asker, client: &client };
    let view = View { by, question: &question, path: &path, source, asked: &asked };
    if turn != Turn::First
        && let Some(Found::All(list)) = fhir.studies.pages(&asked)
    {
        return in_time(view.further(&list, &turn)).await;
    }
    view.ask(&turn).await
}

/// Who asks, and by which application, as the list of questions names them. A person is the same by whatever application.
fn who_asks(who: &Principal) -> (String, String) {
    let grant = who.grant();
    let client = grant.client.as_deref().unwrap_or_default();
    let asker = match &grant.user {
        Some(user) => format!("user/{}", user.login),
        None => format!("client/{client}"),
    };
    (asker, client.to_owned())
}
