//! Why a version is closed to somebody: the conditions of their permit one by one, and which Consents deny it. For who
//! audits; nobody else is told.

use std::fmt::Write as _;

use auth::{Action, Caller, Principal, Way, Why, authorize};
use fhir_model::{Outcome, ResourceType, json};
use futures_util::FutureExt as _;
use search::{Filter, Plan, ReferenceTest, Registry, Rows, Subject, Test, TypePlan};

use super::{Engine, Vault};
use crate::{Key, Turn, gate, sqlite};

/// Consents of one patient that are asked one by one.
const CONSENTS_MAX: u32 = 50;

impl Vault {
    /// Why somebody may not do this to a version, a sentence for each way that might have led to it; `None` is the
    /// current version. Empty when something leads to it.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn why_closed(
        &self,
        who: &Principal,
        action: Action,
        (key, version): (&Key, Option<u64>),
    ) -> Result<Vec<String>, Outcome> {
        let ty = key.resource_type;
        let ways = who.ways(action, ty);
        if ways.is_empty() {
            return Ok(vec![no_way(who, action, ty)]);
        }
        let permit = authorize(&Caller::Operator, Action::Read, None)?;
        let found = match version {
            Some(version) => self.vread(&permit, key, version).await?,
            None => self.read(&permit, key).await?.map(|found| (*found).clone()),
        };
        let found = match found {
            Some(found) if found.body.is_none() => {
                self.vread(&permit, key, found.version.saturating_sub(1)).await?
            }
            found => found,
        };
        let Some(found) = found else { return Ok(vec![format!("{ty}/{} is not there", key.id)]) };
        let Some(body) = &found.body else { return Ok(Vec::new()) };
        let rows = self.extract(&json::parse_trusted(body.clone()));
        let of = Subject { ty, id: &key.id, updated: found.updated, rows: &rows, container: None };
        let mut said = Vec::new();
        for way in &ways {
            match self.obstacle(way, of).await? {
                None => return Ok(Vec::new()),
                Some(Why::Denied) => {
                    said.push(format!("{}: {}", way.name, self.denials(who, of, &rows).await?));
                }
                Some(why) => said.push(format!("{}: {}", way.name, why.said())),
            }
        }
        Ok(said)
    }

    /// The first condition that does not hold.
    async fn obstacle(&self, way: &Way, of: Subject<'_>) -> Result<Option<Why>, Outcome> {
        let Some(parts) = &way.parts else { return Ok(Some(Why::Relation)) };
        for (why, filter) in parts {
            if !self.holds_now(filter, of).await? {
                return Ok(Some(*why));
            }
        }
        Ok(None)
    }

    /// Which Consents deny it.
    async fn denials(
        &self,
        who: &Principal,
        of: Subject<'_>,
        rows: &Rows,
    ) -> Result<String, Outcome> {
        let mut said = String::new();
        for patient in search::patient_compartment(Registry::r4(), of.ty, of.id, rows) {
            for (id, version) in self.consents_of(&patient).await? {
                let Some(filter) = who.denied_by(of.ty, &id) else { continue };
                if self.holds_now(&filter, of).await? {
                    let between = if said.is_empty() { "denied by " } else { " and " };
                    // a String takes everything
                    write!(said, "{between}Consent/{id}/_history/{version}").unwrap_or_default();
                }
            }
        }
        Ok(if said.is_empty() { Why::Denied.said().to_owned() } else { said })
    }

    /// Ids and versions of a patient's Consents.
    async fn consents_of(&self, patient: &str) -> Result<Vec<(String, u64)>, Outcome> {
        let consent = ResourceType::named("Consent");
        let parameter = consent.and_then(|ty| Registry::r4().parameter(ty, "patient"));
        let (Some(ty), Some(parameter), Some(target)) =
            (consent, parameter, ResourceType::named("Patient"))
        else {
            return Ok(Vec::new());
        };
        let test = Test::Reference(ReferenceTest::Local { ty: target, id: patient.into() });
        let filter = Filter::Value { params: parameter.sources.clone(), any: vec![test] };
        let plan = Plan { types: vec![TypePlan { ty, filters: vec![filter] }], ..Plan::over(ty) };
        let permit = authorize(&Caller::Operator, Action::Search, None)?;
        let page = self.search(&permit, &plan, &Turn::First, CONSENTS_MAX).await?;
        Ok(page.versions.into_iter().map(|one| (one.id, one.version)).collect())
    }

    async fn holds_now(&self, filter: &Filter, of: Subject<'_>) -> Result<bool, Outcome> {
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.holds(None, (filter, of)).await,
            Engine::Sqlite(engine) => {
                let snapshot = engine.readers.snapshot(sqlite::TIME_MAX)?;
                let answer = snapshot
                    .asked()
                    .and_then(|mut asked| gate::holds(filter, of, &mut asked).now_or_never());
                // on a snapshot nothing is waited for
                answer.unwrap_or(Ok(false))
            }
        }
    }
}

/// Why somebody may do this to no resource of a type, when it is so.
pub fn no_way(who: &Principal, action: Action, ty: ResourceType) -> String {
    let verb = action.verb();
    if who.scopes().allows(ty, action) {
        format!("no rule lets a {} {verb} {ty}", who.role())
    } else {
        format!("no scope of the token lets it {verb} {ty}")
    }
}
