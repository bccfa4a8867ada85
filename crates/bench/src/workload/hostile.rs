//! `hostile`: input made to break a server. Each case has to be refused with the right status, the
//! server has to live on, answer others meanwhile, and keep its memory.

mod http_cases;
mod json_cases;
mod wire;
mod xml_cases;

use std::time::{Duration, Instant};

use clap::Args;

use self::wire::{Piece, Reply};
use crate::call::Call;
use crate::fault::Fault;
use crate::load::Bench;
use crate::process;
use crate::report::{Report, Run, number};
use crate::sample::{References, Samples};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Connections at which a slow case drips at once.
    #[arg(long, default_value_t = 100)]
    pub(crate) slow_connections: usize,
    /// Growth of the server's peak memory that is still good; needs --server-pid.
    #[arg(long, default_value_t = 64.0)]
    pub(crate) rss_growth_max_mib: f64,
}

/// One hostile request.
pub(crate) struct Case {
    name: &'static str,
    pieces: Vec<Piece>,
    wanted: Wanted,
    /// Sent on many connections at once.
    crowd: bool,
}

/// What refuses it properly.
enum Wanted {
    /// One of these, with an `OperationOutcome`.
    Outcome(&'static [u16]),
    /// One of these from the HTTP layer, or the end of the connection.
    HttpRefusal(&'static [u16]),
}

const MALFORMED: Wanted = Wanted::Outcome(&[400, 413, 415, 422]);

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    warm_up(bench).await?;
    let cases: Vec<Case> = json_cases::all(&bench.target)
        .into_iter()
        .chain(xml_cases::all(&bench.target))
        .chain(http_cases::all(&bench.target))
        .collect();
    if let Some(pid) = bench.server_pid {
        process::reset_peak(pid);
    }
    let (before, started) = (bench.server_usage(), Instant::now());
    let mut run = Run { work: "hostile".to_owned(), users: 1, ..Run::default() };
    for case in &cases {
        let connections = if case.crowd { options.slow_connections.max(1) } else { 1 };
        let (holds, found) = attempt(bench, case, connections).await;
        report.check(case.name, holds, found);
        run.requests += u64::try_from(connections).unwrap_or_default();
    }
    run.timed(started.elapsed());
    run.fact("cases", number(cases.len()), "");
    let after = bench.server_usage();
    run.server_used(before, before, after);
    if let (Some(before), Some(after)) = (before, after) {
        let growth = after.rss_peak_mib - before.rss_mib;
        let holds = growth < options.rss_growth_max_mib;
        report.check("peak RSS growth", holds, format!("{growth:.0} MiB"));
    }
    let alive = bench.session().require(Call::get("alive", "metadata")).await;
    report.check(
        "alive afterwards",
        alive.is_ok(),
        alive.err().map_or("yes".into(), |f| f.to_string()),
    );
    report.runs.push(run);
    Ok(())
}

/// Ordinary work first, so that what any work allocates is not blamed on the cases.
async fn warm_up(bench: &Bench) -> Result<(), Fault> {
    let (samples, mut session) = (Samples::prepare(), bench.session());
    for _ in 0..200 {
        let n = uuid::Uuid::now_v7().to_string();
        let call = samples.get("Patient")?.create(&n, &References::new());
        session.require(call).await?;
    }
    Ok(())
}

/// Sends the case, and asks something ordinary meanwhile.
async fn attempt(bench: &Bench, case: &Case, connections: usize) -> (bool, String) {
    let started = Instant::now();
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..connections {
        crowd.spawn_local(wire::exchange(bench.target.address, case.pieces.clone()));
    }
    let meanwhile = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        bench.session().require(Call::get("meanwhile", "metadata")).await
    });
    let others_served = matches!(meanwhile.await, Ok(Ok(_)));
    let replies = crowd.join_all().await;
    let first_bad = replies.iter().find(|reply| !case.wanted.holds(reply));
    let shown = first_bad.or(replies.first()).map(Reply::summary).unwrap_or_default();
    let mut found = format!("{shown}, {} ms", started.elapsed().as_millis());
    if !others_served {
        found.push_str("; others were not served meanwhile");
    }
    (first_bad.is_none() && others_served, found)
}

impl Wanted {
    fn holds(&self, reply: &Reply) -> bool {
        const ANSWER_BYTES_MAX: usize = 1 << 20;
        match (self, reply) {
            (Self::Outcome(statuses), Reply::Answer { status, body }) => {
                statuses.contains(status)
                    && body.len() < ANSWER_BYTES_MAX
                    && wire::contains(body, b"OperationOutcome")
                    && !wire::contains(body, b"root:x:0:0")
            }
            (Self::HttpRefusal(statuses), Reply::Answer { status, .. }) => {
                statuses.contains(status)
            }
            (Self::HttpRefusal(_), Reply::Closed) => true,
            (Self::Outcome(_), Reply::Closed) | (_, Reply::Silence | Reply::Unreachable(_)) => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_to_be_an_outcome_and_never_a_500() {
        let answer = |status, body: &str| Reply::Answer { status, body: body.as_bytes().to_vec() };
        let outcome = r#"{"resourceType":"OperationOutcome"}"#;
        let cases = [
            (&MALFORMED, answer(400, outcome), true),
            (&MALFORMED, answer(400, "no"), false),
            (&MALFORMED, answer(500, outcome), false),
            (&MALFORMED, answer(201, outcome), false),
            (&MALFORMED, answer(422, &format!("{outcome}root:x:0:0")), false),
            (&MALFORMED, Reply::Closed, false),
            (&Wanted::HttpRefusal(&[408]), answer(408, ""), true),
            (&Wanted::HttpRefusal(&[408]), Reply::Closed, true),
            (&Wanted::HttpRefusal(&[408]), Reply::Silence, false),
        ];
        for (wanted, reply, holds) in cases {
            assert_eq!(wanted.holds(&reply), holds, "{reply:?}");
        }
    }
}
