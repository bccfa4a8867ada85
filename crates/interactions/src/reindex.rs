//! Indexing again what is there, at the operator's wish. It goes on in the background, and how far it is can be
//! asked for: <https://hl7.org/fhir/R4/async.html>.
//!
//! `POST [base]/$reindex` and `POST [base]/[type]/$reindex` answer 202 with the address to ask at in
//! `Content-Location`. There, 202 with `X-Progress` means that it goes on, 200 that it is done.

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome, ResourceType, json};
use storage::{Building, Job};

use crate::{Answer, Fhir, Query};

/// The number of a job, in the address of its status.
const JOB: &str = "job";

/// Starts a job.
///
/// # Errors
/// `login` unless the operator asks; the database's own trouble.
pub(crate) async fn start(
    fhir: &Fhir,
    caller: &Caller,
    ty: Option<ResourceType>,
) -> Result<Answer, Outcome> {
    let permit = operators(caller)?;
    let number = fhir.vault.reindex(permit.clone(), ty).await?;
    let jobs = fhir.vault.reindex_jobs(&permit, Some(number)).await?;
    let job = jobs.first().ok_or_else(|| no_such_job(&number.to_string()))?;
    let address = format!("{}/$reindex-status?{JOB}={number}", fhir.base());
    Ok(Answer {
        status: 202,
        body: Some(parameters(|out| members_of_job(out, job)).into()),
        content_location: Some(address),
        ..Answer::default()
    })
}

/// How far a job is; without a number, how far everything is.
///
/// # Errors
/// `login` unless the operator asks; `not-found`; the database's own trouble.
pub(crate) async fn status(
    fhir: &Fhir,
    caller: &Caller,
    mut query: Query,
) -> Result<Answer, Outcome> {
    let permit = operators(caller)?;
    let Some(asked) = query.take(JOB) else {
        let jobs = fhir.vault.reindex_jobs(&permit, None).await?;
        let building = fhir.vault.parameters_being_indexed(&permit).await?;
        return Ok(Answer::ok(parameters(|out| everything(out, &jobs, &building))));
    };
    let number = asked.parse().map_err(|_| no_such_job(&asked))?;
    let jobs = fhir.vault.reindex_jobs(&permit, Some(number)).await?;
    let job = jobs.first().ok_or_else(|| no_such_job(&asked))?;
    let body = parameters(|out| members_of_job(out, job));
    if job.finished.is_some() {
        return Ok(Answer::ok(body));
    }
    let progress = Some(progress(job.done, job.total));
    Ok(Answer { status: 202, body: Some(body.into()), progress, ..Answer::default() })
}

/// `1200 of 5000 resources`
pub(crate) fn progress(done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{done} of {} resources", total.max(done)),
        None => format!("{done} resources"),
    }
}

fn operators(caller: &Caller) -> Result<Permit, Outcome> {
    let permit = authorize(caller, Action::Update, None)?;
    if permit.covers_all_rows() {
        return Ok(permit);
    }
    Err(Outcome::new(IssueType::Forbidden, "$reindex is for the operator of this vault"))
}

fn no_such_job(number: &str) -> Outcome {
    let number: String = number.chars().take(20).collect();
    Outcome::new(IssueType::NotFound, format!("There is no indexing job {number}"))
}

/// A Parameters resource.
fn parameters(members: impl FnOnce(&mut Members)) -> Vec<u8> {
    let mut list = Members { out: b"[".to_vec() };
    members(&mut list);
    let mut out = br#"{"resourceType":"Parameters""#.to_vec();
    if list.out.len() > 1 {
        out.extend_from_slice(br#","parameter":"#);
        out.append(&mut list.out);
        out.push(b']');
    }
    out.push(b'}');
    out
}

/// Members of a `parameter` or `part`, one after the other.
struct Members {
    out: Vec<u8>,
}

impl Members {
    fn begin(&mut self, name: &str) {
        if self.out.last() != Some(&b'[') {
            self.out.push(b',');
        }
        self.out.extend_from_slice(br#"{"name":"#);
        json::write_string(&mut self.out, name);
    }

    fn text(&mut self, name: &str, element: &str, value: &str) {
        self.begin(name);
        self.out.extend_from_slice(format!(r#","{element}":"#).as_bytes());
        json::write_string(&mut self.out, value);
        self.out.push(b'}');
    }

    fn number(&mut self, name: &str, value: u64) {
        self.begin(name);
        self.out.extend_from_slice(format!(r#","valueDecimal":{value}}}"#).as_bytes());
    }

    fn parts(&mut self, name: &str, parts: impl FnOnce(&mut Self)) {
        self.begin(name);
        self.out.extend_from_slice(br#","part":["#);
        parts(self);
        self.out.extend_from_slice(b"]}");
    }
}

fn members_of_job(out: &mut Members, job: &Job) {
    out.text("job", "valueString", &job.number.to_string());
    if let Some(ty) = job.ty {
        out.text("type", "valueCode", ty.name());
    }
    let state = if job.finished.is_some() { "completed" } else { "in-progress" };
    out.text("state", "valueCode", state);
    out.number("done", job.done);
    if let Some(total) = job.total {
        out.number("total", total);
    }
    out.text("started", "valueInstant", &job.started.to_string());
    if let Some(finished) = job.finished {
        out.text("finished", "valueInstant", &finished.to_string());
    }
}

fn everything(out: &mut Members, jobs: &[Job], building: &[Building]) {
    for one in building {
        out.parts("searchParameter", |out| {
            let reference = format!("SearchParameter/{}", one.id);
            out.text("definition", "valueString", &reference);
            out.text("type", "valueCode", one.ty.name());
            out.text("code", "valueCode", &one.code);
            out.number("done", one.done);
            if let Some(total) = one.total {
                out.number("total", total);
            }
        });
    }
    for job in jobs {
        out.parts("job", |out| members_of_job(out, job));
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::Instant;

    use super::*;

    #[test]
    fn a_status_is_a_valid_parameters_resource() {
        let job = Job {
            number: 7,
            ty: ResourceType::named("Patient"),
            done: 3,
            total: Some(10),
            started: Instant::from_millis(0),
            finished: None,
        };
        let building = Building {
            id: "sp".to_owned(),
            ty: ResourceType::named("Patient").unwrap(),
            code: "shoe-size".to_owned(),
            done: 0,
            total: None,
        };
        let whole = parameters(|out| everything(out, &[job.clone(), job.clone()], &[building]));
        for body in [parameters(|out| members_of_job(out, &job)), whole, parameters(|_| {})] {
            let text = String::from_utf8(body.clone()).unwrap();
            let valid = json::parse(body.into(), &json::Limits::default());
            assert_eq!(valid.unwrap().resource_type().name(), "Parameters", "{text}");
        }
        assert_eq!(progress(5, Some(3)), "5 of 5 resources");
    }
}
