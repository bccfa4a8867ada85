//! The FHIR service: a vault, an address, and what is done with requests.

use std::sync::Arc;

use auth::{Caller, Grant, Purpose};
use fhir_model::{Outcome, json};
use storage::Vault;

use crate::{
    Answer, Interaction, Operation, Prefer, Request,
    audit::{self, Asked, Audit, Note, Promotion},
    batch,
    capabilities::{self, TokenIssuer},
    history,
    met::Met,
    operation,
    operation::beds::Desk,
    read, reindex, research, search, standing, transaction, view, write,
};

/// Who answers: `CapabilityStatement.software`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Software {
    /// The name.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
}

/// The service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fhir {
    pub(crate) vault: Vault,
    pub(crate) base: Arc<str>,
    pub(crate) software: Software,
    pub(crate) limits: json::Limits,
    pub(crate) audit: Option<Audit>,
    pub(crate) promotion: Promotion,
    pub(crate) desk: Desk,
    pub(crate) issuer: Arc<TokenIssuer>,
    /// Questions that a study may ask within 24 hours.
    pub(crate) study_questions: u32,
    /// What questions of studies found.
    pub(crate) studies: Arc<research::Memory>,
    met: Met,
}

impl Fhir {
    /// A service at `base`, an absolute URL without a slash at the end.
    pub fn new(vault: Vault, base: &str, software: Software) -> Self {
        Self {
            vault,
            base: base.into(),
            software,
            limits: json::Limits::default(),
            audit: None,
            promotion: Promotion::default(),
            desk: Desk::default(),
            issuer: Arc::default(),
            study_questions: research::QUESTIONS_PER_DAY,
            studies: Arc::default(),
            met: Met::default(),
        }
    }

    /// Records who does what, from now on. Needs a runtime.
    #[must_use]
    pub fn audited(mut self) -> Self {
        self.audit = Some(Audit::begin(self.vault.clone(), self.promotion.clone()));
        self
    }

    /// Says that access tokens come from somebody else.
    #[must_use]
    pub fn with_issuer(mut self, issuer: TokenIssuer) -> Self {
        self.issuer = Arc::new(issuer);
        self
    }

    /// Holds beds for so many seconds, whatever the kind of bed.
    #[must_use]
    pub fn holding_beds_for(mut self, seconds: Option<u32>) -> Self {
        self.desk.hold_seconds = seconds;
        self
    }

    /// Keeps what decisions about beds rest on for so many days.
    #[must_use]
    pub fn keeping_bed_decisions_for(mut self, days: Option<u32>) -> Self {
        self.desk.decision_days = days;
        self
    }

    /// Lets a study ask so many questions within 24 hours.
    #[must_use]
    pub fn answering_studies(mut self, questions_per_day: Option<u32>) -> Self {
        self.study_questions = questions_per_day.unwrap_or(research::QUESTIONS_PER_DAY);
        self
    }

    /// Ends holds whose time is over, offers what came free to who is next, and makes the plan ready for who asks
    /// then. To be called every few seconds. What is wrong with one of them is in nobody else's way.
    ///
    /// # Errors
    /// The first that was met, after everything else was done.
    pub async fn sweep_beds(&self) -> Result<(), Outcome> {
        let minded = operation::beds::order_due::mind(self).await;
        let swept = operation::beds::sweep::sweep(self).await;
        let forgotten = operation::beds::sweep::forget(self).await;
        let is_ready = operation::beds::sweep::make_ready(self).await;
        minded.and(swept).and(forgotten).and(is_ready)
    }

    /// The base URL, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The vault behind.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// What a body may ask of us; references by search are for transactions only.
    pub fn limits(&self) -> &json::Limits {
        &self.limits
    }

    /// Who calls with a valid token: what the vault says of them is looked up now.
    ///
    /// # Errors
    /// `login` when the grant is over, or does not say whose rows it opens.
    pub async fn bearer(&self, grant: Grant) -> Result<Caller, Outcome> {
        self.bearer_for(grant, Purpose::Usual).await
    }

    /// The same, with a purpose that they name.
    ///
    /// # Errors
    /// Those of [`Fhir::bearer`]; `forbidden` when the purpose is not theirs.
    pub async fn bearer_for(&self, grant: Grant, purpose: Purpose) -> Result<Caller, Outcome> {
        standing::bearer(self, grant, purpose).await
    }

    /// The same for a grant that was looked up and is shared by many requests.
    ///
    /// # Errors
    /// Those of [`Fhir::bearer_for`].
    pub async fn bearer_of(&self, grant: &Arc<Grant>, purpose: Purpose) -> Result<Caller, Outcome> {
        if purpose != Purpose::Usual || !standing::is_settled(grant) {
            return standing::bearer(self, Grant::clone(grant), purpose).await;
        }
        let now = self.vault.clock().now();
        if let Some(who) = self.met.who(grant, now) {
            return Ok(Caller::Bearer(who));
        }
        let caller = standing::bearer(self, Grant::clone(grant), purpose).await?;
        if let Caller::Bearer(who) = &caller {
            self.met.keep(grant, who);
        }
        Ok(caller)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// A refusal that the client can show as it is.
    pub async fn answer(&self, caller: &Caller, request: Request) -> Result<Answer, Outcome> {
        if let Caller::Bearer(who) = caller
            && who.terms().is_empty()
            && let Some(who) = self.vault.informed(who).await?
        {
            let caller = Caller::Bearer(who);
            return Box::pin(self.answer_in_part(&caller, request)).await;
        }
        self.answer_in_part(caller, request).await
    }

    /// Answers a request to the view of a study. The path begins with its id: `["project", "Observation"]`.
    ///
    /// # Errors
    /// A refusal that the client can show as it is.
    pub async fn answer_study(&self, caller: &Caller, request: Request) -> Result<Answer, Outcome> {
        Box::pin(research::answer(self, caller, request)).await
    }

    /// The same with no more of each resource than they may see.
    async fn answer_in_part(&self, caller: &Caller, request: Request) -> Result<Answer, Outcome> {
        let answer = self.answer_to(caller, request).await;
        if view::is_narrow(caller) {
            return answer.map(|answer| view::narrowed(caller, answer));
        }
        answer
    }

    /// The same to somebody of whom everything was looked up.
    async fn answer_to(&self, caller: &Caller, request: Request) -> Result<Answer, Outcome> {
        let prefer = request.prefer;
        let (Some(audit), Some(who)) = (&self.audit, audit::bearer(caller)) else {
            let interaction = Interaction::parse(self, request)?;
            return self.perform(caller, interaction, prefer).await;
        };
        let mut asked = Asked::of(&request);
        if asked.id.is_empty() {
            // an entry of a Bundle
            asked.id = audit::request_id();
        }
        let result = match Interaction::parse(self, request) {
            Ok(interaction) => {
                let performed = self.perform(caller, interaction, prefer);
                audit::within(asked.id.clone(), performed).await
            }
            Err(refusal) => Err(refusal),
        };
        let (status, body, shown) = match &result {
            // what was written was recorded with it
            Ok(answer) if answer.status < 400 && asked.writes() => return result,
            Ok(answer) => (answer.status, answer.body.clone(), answer.shown.clone()),
            Err(refusal) => (refusal.status(), Some(refusal.to_json().into()), None),
        };
        let at = self.vault.clock().now();
        let note = Note { who: Arc::clone(who), asked, status, body, shown, at };
        if who.emergency().is_some() {
            // what cannot be reviewed is not shown
            audit.note_now(note).await?;
        } else {
            audit.note(note).await;
        }
        result
    }

    /// Does what is asked for.
    ///
    /// # Errors
    /// A refusal that the client can show as it is.
    pub async fn perform(
        &self,
        caller: &Caller,
        interaction: Interaction,
        prefer: Prefer,
    ) -> Result<Answer, Outcome> {
        match interaction {
            Interaction::Capabilities => Ok(Answer::ok(capabilities::statement(self))),
            Interaction::Read(read) => read::read(self, caller, &read).await,
            Interaction::VersionRead(read, version) => {
                read::vread(self, caller, &read, version).await
            }
            // boxed, so that a read, the most frequent of all, does not carry their size around
            Interaction::History(scope, query) => {
                Box::pin(history::history(self, caller, scope, query)).await
            }
            Interaction::Search(reach, query) => {
                Box::pin(search::search(self, caller, reach, (query, prefer))).await
            }
            Interaction::Reindex(ty) => Box::pin(reindex::start(self, caller, ty)).await,
            Interaction::ReindexStatus(query) => {
                Box::pin(reindex::status(self, caller, query)).await
            }
            Interaction::Write(write) => {
                Box::pin(write::single(self, caller, *write, prefer)).await
            }
            Interaction::Batch(bundle, faults) => {
                Box::pin(batch::batch(self, caller, (&bundle, faults), prefer)).await
            }
            Interaction::Transaction(bundle) => {
                Box::pin(transaction::transaction(self, caller, &bundle, prefer)).await
            }
            Interaction::Operation(call) => Box::pin(Operation::answer(self, caller, *call)).await,
        }
    }
}
