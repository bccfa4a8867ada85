//! What apps keep for themselves in Basic resources: <https://hl7.org/fhir/smart-app-launch/STU2.2/app-state.html>. An app
//! meets the state whose codes are of an origin that is its own; others it meets by a scope that names their code,
//! `patient/Basic.cruds?code=https://app.example|keys`, which the operator let it ask for and the person agreed to.

use fhir_model::ResourceType;
use search::{Filter, System, Test, TokenTest};

use super::{
    chain,
    written::{params, refers},
};
use crate::{Principal, scope::Scope, scope::constraint};

/// The profile by which app state is known.
pub const APP_STATE: &str =
    "http://hl7.org/fhir/smart-app-launch/StructureDefinition/smart-app-state-basic";

/// Whether resources of a type can be app state.
pub(super) fn is_kept_in(ty: ResourceType) -> bool {
    ty.name() == "Basic"
}

/// What of a type an app meets by a scope; `None`: whatever else the rules open.
pub(super) fn of_app(who: &Principal, scope: &Scope, ty: ResourceType) -> Option<Filter> {
    who.grant().client.as_ref()?;
    let code = params(ty, "code")?;
    let names_code = |filter: &Filter| matches!(filter, Filter::Value { params, any } if *params == code && any.iter().all(is_exact));
    if scope.filters().iter().any(names_code) {
        return None;
    }
    let mut any = vec![Filter::Not(Box::new(is_state(ty)?))];
    let origins = &who.grant().origins;
    if !origins.is_empty() {
        let own = |origin: &String| {
            Test::Token(TokenTest { system: System::Is(origin.as_str().into()), code: None })
        };
        any.push(Filter::Value { params: code, any: origins.iter().map(own).collect() });
    }
    Some(Filter::Any(any))
}

/// That it is about who asks: by themselves, by one of their roles, or by the person that they are.
pub(super) fn mine(ty: ResourceType, itself: (&str, &str)) -> Option<Filter> {
    let of = |source: &str, code: &str| {
        let whose = refers(ResourceType::named(source)?, code, itself)?;
        chain(params(ty, "subject")?, source, vec![whose])
    };
    let mut any = vec![refers(ty, "subject", itself)?];
    any.extend(of("Person", "link"));
    if itself.0 == "Practitioner" {
        any.extend(of("PractitionerRole", "practitioner"));
    }
    Some(Filter::Any(any))
}

/// That it is about nobody.
pub(super) fn of_nobody(ty: ResourceType) -> Option<Filter> {
    let subject = search::Registry::r4().parameter(ty, "subject")?;
    let is_about = Filter::Present { params: subject.sources.clone(), kind: subject.kind };
    Some(Filter::Not(Box::new(is_about)))
}

/// That it has the profile.
fn is_state(ty: ResourceType) -> Option<Filter> {
    let mut filters = constraint::filters(ty, &format!("_profile={APP_STATE}")).ok()?;
    (filters.len() == 1).then(|| filters.remove(0))
}

/// A code with its system.
fn is_exact(test: &Test) -> bool {
    matches!(test, Test::Token(TokenTest { system: System::Is(_), code: Some(_) }))
}

#[cfg(test)]
mod tests {
    use fhir_model::Instant;

    use super::*;
    use crate::{Action, Grant, Rows, Standing, principal::tests::grant};

    #[test]
    fn codes_of_others_are_named_by_scopes() {
        let ty = ResourceType::named("Basic").unwrap();
        let rows = |scopes: &str, client: Option<&str>, origins: &[&str]| {
            let grant = Grant {
                client: client.map(Into::into),
                origins: origins.iter().map(|one| (*one).to_owned()).collect(),
                ..grant("doctor", Some("Practitioner/d"), scopes)
            };
            let who = Principal::new(grant, Standing::default(), Instant::from_millis(0)).unwrap();
            match crate::rows::of(&who, Action::Search, ty) {
                Rows::Where(filter) => format!("{filter:?}"),
                other @ (Rows::All | Rows::None) => format!("{other:?}"),
            }
        };
        let origin = ["https://app.example"];
        let own = rows("user/Basic.rs", Some("app"), &origin);
        assert!(own.contains(origin[0]), "{own}");
        // what is no app's state is open by the other rules
        let narrowed =
            |rows: &str| rows.contains(&format!("Any([Not({:?})", is_state(ty).unwrap()));
        assert!(narrowed(&own) && narrowed(&rows("user/Basic.rs", Some("app"), &[])));
        let named = rows("user/Basic.rs?code=https://b.example|keys", Some("app"), &[]);
        assert!(!narrowed(&named) && named.contains("https://b.example"), "{named}");
        // a system alone, or a code alone, is no code that somebody agreed to
        assert!(narrowed(&rows("user/Basic.rs?code=keys", Some("app"), &[])));
        assert!(!narrowed(&rows("user/Basic.rs", None, &[])));
    }
}
