//! `oracle`: whether the time of an answer tells what is hidden from what is not there. A patient asks for Observations of
//! somebody else and for such as never were, one at a time and in random order; both are 404 with the same words. Welch's t
//! over the times says whether one is slower: <https://eprint.iacr.org/2016/1123>.

use std::time::Instant;

use clap::Args;
use hyper::header::{HeaderValue, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::Bench;
use crate::report::{Check, Report, Run};
use crate::session::Session;
use crate::target::Target;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// A token for the patient `oracle-p0`; `--token` is an operator's.
    #[arg(long)]
    patient: String,
    /// Timings of each kind.
    #[arg(long, default_value_t = 10_000)]
    each: usize,
    /// Different hidden resources, and as many that are not there.
    #[arg(long, default_value_t = 50)]
    ids: usize,
}

/// Beyond this the two differ surely, as those say who made the test.
const T_MAX: f64 = 4.5;

/// Part of the slowest answers that the second look leaves out: they are the machine's, and drown the rest.
const CUT: f64 = 0.05;

/// What is asked of an address.
struct Question {
    name: &'static str,
    tail: &'static str,
    if_none_match: Option<HeaderValue>,
}

/// Times of one kind, in microseconds.
#[derive(Debug, Default)]
struct Times(Vec<f64>);

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let ids = options.ids.max(1);
    seed(&mut bench.session(), ids).await?;
    let target = Target::parse(&bench.target.url(), Some(&options.patient))?;
    let patient = Bench { target: std::rc::Rc::new(target), ..bench.clone() };
    let mut session = patient.session();
    let known = Some(HeaderValue::from_static("W/\"1\""));
    for question in [
        Question { name: "read", tail: "", if_none_match: None },
        Question { name: "read, If-None-Match", tail: "", if_none_match: known },
        Question { name: "vread", tail: "/_history/1", if_none_match: None },
        Question { name: "history", tail: "/_history", if_none_match: None },
    ] {
        let mut dice = Dice::new(bench.seed);
        let mut times = [Times::default(), Times::default()];
        let warm_up = options.each / 20;
        let begun = Instant::now();
        for n in 0..2 * (options.each + warm_up) {
            let kind = usize::from(dice.below(2) == 1);
            let address = address(kind, dice.below(ids), question.tail);
            let (answer, us) = ask(&mut session, &question, &address).await?;
            if n < 20 * ids {
                told_alike(&mut session, &question, &address, &answer).await?;
            }
            if n >= 2 * warm_up
                && let Some(times) = times.get_mut(kind)
            {
                times.0.push(us);
            }
        }
        let [hidden, absent] = times;
        conclude(report, &question, (hidden, absent), begun);
    }
    Ok(())
}

/// 0 is hidden, 1 is not there; both are as long.
fn address(kind: usize, n: usize, tail: &str) -> String {
    let word = if kind == 0 { "hidden" } else { "absent" };
    format!("Observation/oracle-{word}-{n:05}{tail}")
}

async fn ask(
    session: &mut Session,
    question: &Question,
    address: &str,
) -> Result<(Answer, f64), Fault> {
    let mut call = Call::get("oracle", address).expecting(&[404]).keeping_body();
    if let Some(known) = &question.if_none_match {
        call = call.header(IF_NONE_MATCH, known.clone());
    }
    let begun = Instant::now();
    let answer = session.require(call).await?;
    Ok((answer, begun.elapsed().as_secs_f64() * 1e6))
}

/// That the other kind of the same number is answered with the same words.
async fn told_alike(
    session: &mut Session,
    question: &Question,
    address: &str,
    answer: &Answer,
) -> Result<(), Fault> {
    let swapped = if address.contains("hidden") {
        address.replace("hidden", "absent")
    } else {
        address.replace("absent", "hidden")
    };
    let (other, _) = ask(session, question, &swapped).await?;
    let plain = |answer: &Answer| {
        let text = String::from_utf8_lossy(&answer.body);
        let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        (text.replace("hidden", "absent"), names)
    };
    if plain(answer) == plain(&other) {
        return Ok(());
    }
    Err(Fault::Answer(format!("{address} and {swapped} are not told alike: {:?}", plain(answer))))
}

fn conclude(
    report: &mut Report,
    question: &Question,
    (mut hidden, mut absent): (Times, Times),
    begun: Instant,
) {
    let all = welch_t(&hidden, &absent);
    let (h, a) = (hidden.median(), absent.median());
    // at one bound for both
    let bound = hidden.bound().min(absent.bound());
    hidden.0.retain(|us| *us <= bound);
    absent.0.retain(|us| *us <= bound);
    let quick = welch_t(&hidden, &absent);
    let mut run = Run { work: question.name.to_owned(), users: 1, ..Run::default() };
    run.seconds = begun.elapsed().as_secs_f64();
    run.p50_ms = h / 1000.0;
    for (name, value, unit) in [
        ("hidden, median", h, "us"),
        ("not there, median", a, "us"),
        ("t", all, ""),
        ("t of the quick 95 %", quick, ""),
    ] {
        run.fact(name, value, unit);
    }
    report.runs.push(run);
    report.checks.push(Check {
        name: format!("{}: Welch's t below {T_MAX}", question.name),
        holds: all.abs() < T_MAX && quick.abs() < T_MAX,
        found: format!(
            "t {all:.2}; {quick:.2} of the quick 95 %; medians {h:.1} us hidden, {a:.1} us not there"
        ),
    });
}

impl Times {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn median(&self) -> f64 {
        self.sorted().get(self.0.len() / 2).copied().unwrap_or(0.0)
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a few thousand"
    )]
    fn bound(&self) -> f64 {
        let at = (self.0.len() as f64 * (1.0 - CUT)) as usize;
        self.sorted().get(at).copied().unwrap_or(f64::MAX)
    }

    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    fn mean_and_variance_of_it(&self) -> (f64, f64) {
        let n = self.0.len().max(2) as f64;
        let mean = self.0.iter().sum::<f64>() / n;
        let variance = self.0.iter().map(|us| (us - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    }
}

/// How many standard errors the means are apart, for samples of different variance:
/// <https://doi.org/10.1093/biomet/34.1-2.28>.
fn welch_t(one: &Times, other: &Times) -> f64 {
    let ((one, a), (other, b)) = (one.mean_and_variance_of_it(), other.mean_and_variance_of_it());
    (one - other) / (a + b).sqrt().max(f64::MIN_POSITIVE)
}

/// The patient who asks, somebody else, and what is about that one.
async fn seed(session: &mut Session, ids: usize) -> Result<(), Fault> {
    let put = |resource: Value| {
        let name = |member: &str| resource.get(member).and_then(Value::as_str).unwrap_or_default();
        let url = format!("{}/{}", name("resourceType"), name("id"));
        json!({"resource": resource, "request": {"method": "PUT", "url": url}})
    };
    let mut entries: Vec<Value> = ["oracle-p0", "oracle-p1"]
        .into_iter()
        .map(|id| put(json!({"resourceType": "Patient", "id": id, "name": [{"family": "Rao"}]})))
        .collect();
    entries.extend((0..ids).map(|n| {
        put(json!({
            "resourceType": "Observation",
            "id": format!("oracle-hidden-{n:05}"),
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "subject": {"reference": "Patient/oracle-p1"},
            "effectiveDateTime": "2026-11-22T08:30:00Z",
            "valueQuantity": {"value": 60 + n % 60, "unit": "/min"},
        }))
    }));
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    session.require(Call::bundle("seed", bundle.to_string().into())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_counts_standard_errors() {
        // worked out by hand: means 3 and 5, variances 2.5 and 2.5 over five each
        let (one, other) =
            (Times(vec![1.0, 2.0, 3.0, 4.0, 5.0]), Times(vec![3.0, 4.0, 5.0, 6.0, 7.0]));
        assert!((welch_t(&one, &other) + 2.0).abs() < 1e-9);
        assert!((welch_t(&other, &one) - 2.0).abs() < 1e-9);
        assert!(welch_t(&one, &one).abs() < 1e-9);
        assert!((other.median() - 5.0).abs() < 1e-9);
    }
}
