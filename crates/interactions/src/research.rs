//! The view of a study, at `/research/[ResearchStudy]`: what patients let research see by their Consents, without who they
//! are. Only searches; no resource is read by its id, since ids are the study's own. See ADR 22.
//!
//! **Invariant**: nothing of a version leaves but through [`deidentify`]; nothing is told of fewer than
//! [`cells::PATIENTS_MIN`] patients.

mod calendar;
mod cells;
mod deidentify;
mod link;
mod page;
mod person;
mod question;
mod shown;
mod statement;
mod study;
mod table;
mod treat;
mod value;

use std::{collections::BTreeSet, sync::Arc};

use auth::{Action, Caller, Principal, authorize};
use fhir_model::{IssueType, Outcome, ResourceType};
use search::Plan;
use storage::accounts::{Question as Kept, Reply};

use crate::{
    Answer, Fhir, Request, Verb,
    audit::{self, Asked, Note},
    bundle::Bundle,
};
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
            let result = audit::within(asked.id.clone(), within(fhir, &who, request)).await;
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
    let accounts = fhir.vault.accounts();
    let key = StudyKey::new(&accounts.study_secret(project).await?);
    let path = link::Path { fhir, project, ty, bearer: permit.bearer(), key: &key };
    let turn = path.open(&question)?;
    let room = cells::Room::new(fhir, &permit, ty)?;
    let is_told = if turn == Turn::First {
        let bearer = who_asks(who);
        let criteria = question.criteria();
        let kept = Kept { project, bearer: &bearer, ty: ty.name(), query: &criteria };
        let id = accounts.keep_question(kept, fhir.study_questions).await?;
        let before = earlier(fhir, who, kept).await?;
        let is_told = room.tells_of_enough(&plan, &before).await?;
        let reply = if is_told { Reply::Answered } else { Reply::Withheld };
        accounts.settle_question(&id, reply).await?;
        is_told
    } else {
        room.tells_of_enough(&plan, &[]).await?
    };
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    path.link_self(&mut bundle, &question);
    if !is_told {
        bundle.remark(&fhir.vault.new_id(), &cells::withheld());
        return Ok(Answer { shown: Some(Vec::new()), ..Answer::ok(bundle.finish()) });
    }
    if question.wants_total() {
        bundle.total(fhir.vault.count(&permit, &plan).await?);
    }
    let mut patients = Vec::new();
    if question.count() > 0 {
        let source = page::Source { fhir, permit: &permit, key: &key, ty, plan: &plan };
        let page = source.page(&turn, question.count()).await?;
        path.link_pages(&mut bundle, &question, &page);
        let show = shown::Show { fhir, permit: &permit, key: &key };
        patients = show.enter(&mut bundle, &path.base(), &page.versions).await?;
    }
    Ok(Answer { shown: Some(patients), ..Answer::ok(bundle.finish()) })
}

/// The plans of earlier questions: of this study, of all that its people can enter, and of who asks. One that this version
/// does not understand any more was answered by another.
async fn earlier(
    fhir: &Fhir,
    who: &Principal,
    kept: Kept<'_>,
) -> Result<Vec<(ResourceType, Plan)>, Outcome> {
    let accounts = fhir.vault.accounts();
    // as many as a study may ask within the time of its budget: none of them is left out
    let count = fhir.study_questions.max(cells::COMPARED_MIN);
    let mut asked = BTreeSet::new();
    for project in study::related(fhir, who, kept.project).await? {
        let kept = Kept { project: &project, ..kept };
        asked.extend(accounts.questions_before(kept, count).await?);
    }
    let plan = |(ty, criteria): &(String, String)| {
        let ty = ResourceType::named(ty)?;
        let query = crate::Query::parse(criteria).ok()?;
        let plan = Question::parse(ty, query).and_then(|question| question.plan(fhir)).ok()?;
        Some((ty, plan))
    };
    Ok(asked.iter().filter_map(plan).collect())
}

/// User and client, as the list of questions names them.
fn who_asks(who: &Principal) -> String {
    let grant = who.grant();
    let user = grant.user.as_ref().map_or("", |user| &user.login);
    let client = grant.client.as_deref().unwrap_or_default();
    format!("{user}\n{client}")
}
