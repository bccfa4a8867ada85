//! Nothing is told of few people: not by an answer, not by what it leaves of the view, and not by what an earlier answer of
//! the same study has that it has not, or the other way round.

use auth::{Action, Caller, Permit, authorize, guarded, guarded_within};
use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use search::{Filter, ParamId, Plan, TypePlan};
use storage::Turn;

use crate::Fhir;

/// Of fewer patients nothing is told: <https://resdac.org/articles/cms-cell-size-suppression-policy>.
pub(super) const PATIENTS_MIN: u32 = 11;

/// Earlier questions of a study that an answer is compared with, at least: the latest. All of the last day are, however many.
pub(super) const COMPARED_MIN: u32 = 100;

/// What a study sees of one type.
pub(super) struct Room<'r> {
    fhir: &'r Fhir,
    /// To count by: what is counted is narrowed by the filters.
    operator: Permit,
    permit: &'r Permit,
    ty: ResourceType,
    patient: ResourceType,
    /// How it refers to its patient; empty for a Patient itself.
    about: Vec<ParamId>,
    /// What it sees.
    rows: Vec<Filter>,
}

impl<'r> Room<'r> {
    pub(super) fn new(
        fhir: &'r Fhir,
        permit: &'r Permit,
        ty: ResourceType,
    ) -> Result<Self, Outcome> {
        let patient = TypeId::PATIENT.as_resource().ok_or_else(no_type)?;
        let about = about(fhir, ty)?;
        let rows = guarded(&Plan::over(ty), permit, &[Action::Search]).filters().to_vec();
        let operator = authorize(&Caller::Operator, Action::Search, None)?;
        Ok(Self { fhir, operator, permit, ty, patient, about, rows })
    }

    /// Whether an answer is about enough patients.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub(super) async fn has_enough(&self, asked: &Plan) -> Result<bool, Outcome> {
        let asked = self.inside(asked);
        Ok(self.count(vec![self.patients(vec![asked])]).await? >= PATIENTS_MIN)
    }

    /// Whether an answer is about enough patients, and so is what it leaves of the view.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub(super) async fn tells_of_enough(&self, asked: &Plan) -> Result<bool, Outcome> {
        let all = Filter::All(Vec::new());
        Ok(self.has_enough(asked).await? && !self.differs_by_few(&all, &self.inside(asked)).await?)
    }

    /// Whether an answer differs by few patients from one about this type, as both are now.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub(super) async fn differs_from(
        &self,
        asked: &Plan,
        (ty, other): (ResourceType, &Plan),
    ) -> Result<bool, Outcome> {
        let asked = self.inside(asked);
        if ty != self.ty {
            return self.patients_differ_by_few(&asked, (ty, other)).await;
        }
        let other = self.inside(other);
        Ok(self.differs_by_few(&asked, &other).await?
            || self.differs_by_few(&other, &asked).await?)
    }

    /// Whether few patients have something that is found by the one and not by the other, or are found by the one alone.
    async fn differs_by_few(&self, one: &Filter, other: &Filter) -> Result<bool, Outcome> {
        let rows = self.patients(vec![one.clone(), not(other.clone())]);
        if is_few(self.count(vec![rows]).await?) {
            return Ok(true);
        }
        if self.about.is_empty() {
            return Ok(false);
        }
        let (one, other) = (self.patients(vec![one.clone()]), self.patients(vec![other.clone()]));
        Ok(is_few(self.count(vec![one, not(other)]).await?))
    }

    /// Whether few patients are found by the one and not by an answer about another type, or the other way round.
    async fn patients_differ_by_few(
        &self,
        one: &Filter,
        (ty, other): (ResourceType, &Plan),
    ) -> Result<bool, Outcome> {
        let there = Self::new(self.fhir, self.permit, ty)?;
        let one = self.patients(vec![one.clone()]);
        let other = there.patients(vec![there.inside(other)]);
        Ok(is_few(self.count(vec![one.clone(), not(other.clone())]).await?)
            || is_few(self.count(vec![other, not(one)]).await?))
    }

    /// What is asked, as narrow as the study sees what it leads through.
    fn inside(&self, asked: &Plan) -> Filter {
        Filter::All(guarded_within(asked, self.permit).filters().to_vec())
    }

    /// That a patient has something that the study sees and for which all of this holds.
    fn patients(&self, mut filters: Vec<Filter>) -> Filter {
        filters.retain(|filter| !matches!(filter, Filter::All(all) if all.is_empty()));
        filters.extend(self.rows.iter().cloned());
        if self.about.is_empty() {
            return Filter::All(filters);
        }
        let source = Box::new(TypePlan { ty: self.ty, filters });
        Filter::Has { params: self.about.clone(), source }
    }

    /// So many patients, as far as it matters.
    async fn count(&self, filters: Vec<Filter>) -> Result<u32, Outcome> {
        let types = vec![TypePlan { ty: self.patient, filters }];
        let plan = Plan { types, ..Plan::over(self.patient) };
        let vault = &self.fhir.vault;
        let page = vault.search(&self.operator, &plan, &Turn::First, PATIENTS_MIN).await?;
        Ok(u32::try_from(page.versions.len()).unwrap_or(u32::MAX))
    }
}

/// By which parameters a type refers to its patient; none for a Patient itself.
pub(super) fn about(fhir: &Fhir, ty: ResourceType) -> Result<Vec<ParamId>, Outcome> {
    if ty.ty() == TypeId::PATIENT {
        return Ok(Vec::new());
    }
    let registry = fhir.vault.registry();
    registry.parameter(ty, "patient").map(|it| it.sources.clone()).ok_or_else(no_type)
}

fn no_type() -> Outcome {
    Outcome::new(IssueType::Exception, "There is no such type")
}

/// None are not few.
pub(super) fn is_few(patients: u32) -> bool {
    (1..PATIENTS_MIN).contains(&patients)
}

/// An empty `All` always holds, an empty `Any` never.
fn not(filter: Filter) -> Filter {
    let is_always = matches!(&filter, Filter::All(all) if all.is_empty());
    if is_always { Filter::Any(Vec::new()) } else { Filter::Not(Box::new(filter)) }
}

/// Said instead of an answer, whatever the reason.
pub(super) fn withheld() -> Outcome {
    Outcome::information(
        "<11: withheld, since the answer, or what it leaves of the view or of an earlier answer of this study, is about \
         fewer than 11 patients",
    )
}
