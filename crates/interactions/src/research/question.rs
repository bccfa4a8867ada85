//! What is asked of the view of a study: only what stands in the table, so that no condition is put to what is not shown.

use ::search::{Handling, Plan};
use fhir_model::{IssueType, Outcome, ResourceType};

use super::{table::Table, value};
use crate::{Fhir, Query, search};

/// Resources on a page when `_count` does not say, and at most.
const COUNT_DEFAULT: u32 = 20;
const COUNT_MAX: u32 = 200;

/// The cursor of a page.
pub(super) const CURSOR: &str = "_cursor";

/// A question, its criteria all allowed.
#[derive(Debug, Clone)]
pub(super) struct Question {
    ty: ResourceType,
    /// In alphabetical order: so the same question is the same text.
    criteria: Query,
    count: u32,
    has_total: bool,
    /// Only how many there are.
    is_number: bool,
    pub(super) cursor: Option<String>,
}

impl Question {
    /// # Errors
    /// `not-supported` for parameters that may not be asked, `invalid` for values that they do not have.
    pub(super) fn parse(ty: ResourceType, mut query: Query) -> Result<Self, Outcome> {
        let cursor = query.take(CURSOR);
        let count = match query.take("_count") {
            None => COUNT_DEFAULT,
            Some(text) => text.parse::<u32>().map(|count| count.min(COUNT_MAX)).map_err(|_| {
                Outcome::new(IssueType::Invalid, "_count is a whole number, of 200 at most")
            })?,
        };
        let is_number = match query.take("_summary").as_deref() {
            None | Some("false") => count == 0,
            Some("count") => true,
            Some(_) => {
                let text = "_summary of the view of a study is count or false";
                return Err(Outcome::new(IssueType::NotSupported, text));
            }
        };
        let has_total = match query.take("_total").as_deref() {
            None | Some("none") => false,
            Some("accurate" | "estimate") => true,
            Some(_) => {
                let text = "_total is one of none, estimate, accurate";
                return Err(Outcome::new(IssueType::Invalid, text));
            }
        };
        if cursor.is_some() && (is_number || has_total) {
            let text =
                "A number is asked for with the question: a page that a link leads to has none";
            return Err(Outcome::new(IssueType::NotSupported, text));
        }
        for (name, values) in query.pairs() {
            let (ty, code) = may_ask(ty, name)?;
            value::may_be(ty, code, values)?;
        }
        let mut pairs = query.pairs().to_vec();
        pairs.sort();
        pairs.dedup();
        let criteria = pairs.into_iter().collect();
        Ok(Self { ty, criteria, count, has_total, is_number, cursor })
    }

    /// # Errors
    /// Faults of the values.
    pub(super) fn plan(&self, fhir: &Fhir) -> Result<Plan, Outcome> {
        let reach = search::Reach::Type(self.ty);
        Ok(search::understand(fhir, &reach, self.criteria.clone(), Handling::Strict)?.0)
    }

    /// The same for the same question.
    pub(super) fn criteria(&self) -> String {
        self.criteria.to_string()
    }

    /// How many resources a page has; 0 when only a number is wanted.
    pub(super) fn count(&self) -> u32 {
        if self.is_number { 0 } else { self.count }
    }

    pub(super) fn wants_total(&self) -> bool {
        self.is_number || self.has_total
    }

    /// As a link to another page repeats it.
    pub(super) fn page_query(&self) -> Query {
        let mut query = self.criteria.clone();
        query.push("_count", self.count.to_string());
        query
    }

    /// As a link repeats it.
    pub(super) fn query(&self) -> Query {
        if !self.is_number && !self.has_total {
            return self.page_query();
        }
        let mut query = self.criteria.clone();
        if self.is_number {
            query.push("_summary", "count");
        } else {
            query.push("_count", self.count.to_string());
        }
        if self.has_total {
            query.push("_total", "accurate");
        }
        query
    }
}

/// The type of this name, when the view shows it.
///
/// # Errors
/// `not-supported`.
pub(super) fn shown_type(name: &str) -> Result<ResourceType, Outcome> {
    let table = Table::vault();
    ResourceType::named(name).filter(|ty| table.of(*ty).is_some()).ok_or_else(|| {
        let shown: Vec<&str> = table.types().map(|(ty, _)| ty.name()).collect();
        let text = format!("The view of a study shows {}", shown.join(", "));
        Outcome::new(IssueType::NotSupported, text)
    })
}

/// For reads, histories, operations and whatever else there is under `/fhir`.
pub(super) fn only_searched() -> Outcome {
    let text = "Not supported: the view of a study is searched by type, [type]?..., and has its metadata; resources are \
                not read by id and have no history there";
    Outcome::new(IssueType::NotSupported, text)
}

/// The parameter of a type that a name asks for, where it stands in the table: itself, of the patient (`patient.gender`), or
/// of what is about the patient (`_has:Condition:patient:code`).
fn may_ask(ty: ResourceType, name: &str) -> Result<(ResourceType, &str), Outcome> {
    let patient = ResourceType::named("Patient");
    let asked = if let Some(rest) = name.strip_prefix("_has:") {
        match rest.split(':').collect::<Vec<_>>().as_slice() {
            [source, "patient" | "subject", code] if Some(ty) == patient => {
                ResourceType::named(source).map(|source| (source, *code))
            }
            _ => None,
        }
    } else if let Some(code) = name.strip_prefix("patient.") {
        patient.filter(|patient| ty != *patient).map(|patient| (patient, code))
    } else {
        Some((ty, name.strip_suffix(":not").unwrap_or(name)))
    };
    if let Some((ty, code)) = asked.filter(|(ty, code)| stands(*ty, code)) {
        return Ok((ty, code));
    }
    let known = Table::vault().of(ty).map(|of| of.parameters.join(", ")).unwrap_or_default();
    let text = format!(
        "{name} is not supported in the view of a study, where dates are moved and nothing tells who somebody is; a {ty} \
         may be asked for {known}; _has:[type]:patient:[parameter] of a Patient, patient.[parameter] of all others"
    );
    Err(Outcome::new(IssueType::NotSupported, text))
}

fn stands(ty: ResourceType, code: &str) -> bool {
    Table::vault().of(ty).is_some_and(|of| of.parameters.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_stand_in_the_table_is_not_asked() {
        let cases = [
            ("Patient", "gender=female", 200),
            ("Patient", "gender:not=female&_summary=count", 200),
            (
                "Patient",
                "_has:Condition:patient:code=http://snomed.info/sct|73211009&_total=accurate",
                200,
            ),
            ("Observation", "code=http://loinc.org|1-8&patient.gender=female&_count=7", 200),
            ("Patient", "_cursor=x", 200),
            ("Patient", "_cursor=x&_total=accurate", 400),
            ("Patient", "_cursor=x&_summary=count", 400),
            ("Patient", "_cursor=x&_count=0", 400),
            ("Patient", "_has:Condition:patient:code=VIP-Irani", 400),
            ("Patient", "_has:Condition:patient:onset-age=gt95", 400),
            ("Patient", "address-state=Irani", 400),
            ("Observation", "code:not=VIP-Irani", 400),
            ("Encounter", "patient.address-country=Irani", 400),
            ("Patient", "name=rao", 400),
            ("Patient", "identifier=1", 400),
            ("Patient", "birthdate=1980", 400),
            ("Patient", "address-postalcode=411001", 400),
            ("Patient", "gender:missing=true", 400),
            ("Patient", "_has:Condition:patient:onset-date=2020", 400),
            ("Patient", "_has:Condition:asserter:code=x", 400),
            ("Patient", "_has:Condition:patient:_has:Observation:focus:code=x", 400),
            ("Patient", "_has:AuditEvent:patient:type=x", 400),
            ("Observation", "date=2020", 400),
            ("Observation", "patient=Patient/1", 400),
            ("Observation", "subject.name=rao", 400),
            ("Observation", "patient.name=rao", 400),
            ("Observation", "patient.organization.name=x", 400),
            ("Observation", "code:text=rao", 400),
            ("Observation", "_id=1", 400),
            ("Observation", "_text=rao", 400),
            ("Observation", "_content=rao", 400),
            ("Observation", "_lastUpdated=gt2020", 400),
            ("Observation", "_filter=code eq x", 400),
            ("Observation", "_sort=date", 400),
            ("Observation", "_elements=code", 400),
            ("Observation", "_include=Observation:subject", 400),
            ("Observation", "_summary=true", 400),
            ("Observation", "_count=many", 400),
        ];
        for (ty, query, expected) in cases {
            let ty = ResourceType::named(ty).unwrap();
            let asked = Question::parse(ty, Query::parse(query).unwrap());
            assert_eq!(asked.map_or_else(|no| no.status(), |_| 200), expected, "{ty}?{query}");
        }
    }

    #[test]
    fn the_same_question_is_the_same_text() {
        let ty = ResourceType::named("Observation").unwrap();
        let of = |query| Question::parse(ty, Query::parse(query).unwrap()).unwrap();
        let (one, other) = (
            of("status=final&method=http://loinc.org|1-8&_count=5"),
            of("method=http://loinc.org|1-8&status=final&_total=accurate"),
        );
        assert_eq!(one.criteria(), other.criteria());
        let written = "method=http://loinc.org|1-8&status=final&_count=";
        assert_eq!(one.query().to_string(), format!("{written}5"));
        assert_eq!(other.query().to_string(), format!("{written}20&_total=accurate"));
        assert_eq!(other.page_query().to_string(), format!("{written}20"));
    }
}
