//! `$validate`: would this be accepted, and if not, why: <https://hl7.org/fhir/R4/resource-operation-validate.html>.
//! For now what is checked is what every write is checked for: the structure that R4 defines.

use auth::{Action, authorize};
use fhir_model::{Issue, IssueType, Outcome, Severity};

use super::{Request, Target};
use crate::{
    Answer, Call,
    read::{deleted, not_found},
};

/// An `OperationOutcome`. A body that is not even readable never comes here: see [`crate::validated`].
pub(super) async fn validate(request: Request<'_>) -> Result<Answer, Outcome> {
    let call = &request.call;
    let mode = call.input.text("mode").unwrap_or("create");
    let permit = match &call.target {
        Target::Type(ty) => authorize(request.caller, Action::Read, Some(*ty))?,
        Target::Instance(key) => authorize(request.caller, Action::Read, Some(key.resource_type))?,
    };
    let mut issues = Vec::new();
    if !["create", "update", "delete", "profile"].contains(&mode) {
        let text = "The mode is create, update, delete or profile";
        return Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"));
    }
    if let Target::Instance(key) = &call.target {
        let there = request.fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
        if there.body.is_none() {
            return Err(deleted(key));
        }
    } else if mode != "create" && mode != "profile" {
        issues.push(fault(format!("Call $validate with the mode {mode} on a resource")));
    }
    match call.input.resource() {
        None if mode == "create" && matches!(call.target, Target::Type(_)) => {
            issues.push(fault("There is no resource to validate".to_owned()));
        }
        Some(resource) => {
            let ty = match &call.target {
                Target::Type(ty) => *ty,
                Target::Instance(key) => key.resource_type,
            };
            if resource.resource_type() != ty {
                let other = resource.resource_type();
                issues.push(fault(format!("The address is that of a {ty}, the body is a {other}")));
            }
            if let Target::Instance(key) = &call.target
                && mode == "update"
                && resource.tree().root().child_text("id").as_deref() != Some(&key.id)
            {
                issues.push(fault("The id in the body is not the id in the address".to_owned()));
            }
        }
        None => {}
    }
    if let Some(profile) = call.input.text("profile").filter(|one| !is_base(one, call)) {
        // nobody may take for valid what was not looked at
        let shown: String = profile.chars().take(200).collect();
        let unchecked = Issue {
            code: IssueType::NotSupported,
            ..fault(format!("The profile {shown} cannot be checked here, only the structure of R4"))
        };
        issues.insert(0, unchecked);
        if let Some(refusal) = Outcome::from_issues(std::mem::take(&mut issues)) {
            return Err(refusal);
        }
    }
    let outcome = Outcome::from_issues(issues)
        .unwrap_or_else(|| Outcome::information("No fault was found in the structure"));
    Ok(Answer::ok(outcome.to_json()))
}

/// Whether a profile is the definition that every resource of the type is checked against.
fn is_base(profile: &str, call: &Call) -> bool {
    let ty = match &call.target {
        Target::Type(ty) => *ty,
        Target::Instance(key) => key.resource_type,
    };
    let (url, version) = profile.split_once('|').unwrap_or((profile, "4.0.1"));
    let name = url.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
    name == Some(ty.name()) && version.starts_with("4.0")
}

fn fault(text: String) -> Issue {
    Issue {
        severity: Severity::Error,
        code: IssueType::Invalid,
        details: None,
        diagnostics: text.into(),
        expression: None,
    }
}
