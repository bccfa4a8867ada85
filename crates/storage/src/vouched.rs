//! What other resources said of a patient a moment ago, to somebody who reads one resource after the other: whether they
//! are on the care team, whether a Consent denies it; and what came of it for a version. It holds while nothing of the
//! types that were looked at was committed, so that a change holds from the next request on, and not longer than
//! [`LEASE`], since some of it depends on the time. Who writes alone counts its commits; where other processes write,
//! they are heard of with each request ([`crate::postgres`]).

use std::{
    collections::BTreeSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use auth::{Action, Principal};
use fhir_model::ResourceType;
use search::{Filter, Subject, Target, TypePlan};

use crate::{Key, find::left::Verdicts};

/// For how long an answer is good. What came of answers is good for as long again: together as long as the look-up of a
/// token.
const LEASE: Duration = Duration::from_millis(100);

/// Parts, each behind a lock of its own, and the answers that one keeps.
const SHARDS: usize = 16;
const ANSWERS_MAX: usize = 4_096;

/// How often resources of each type were changed.
pub(crate) struct Changes(Box<[AtomicU64]>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self((0..=u8::MAX).map(|_| AtomicU64::default()).collect())
    }

    /// After a commit is visible, and before anybody is told.
    pub(crate) fn count(&self, keys: &[Key]) {
        let types: BTreeSet<u8> = keys.iter().map(|key| key.resource_type.number()).collect();
        for ty in types {
            self.count_type(ty);
        }
    }

    /// The same for one type.
    pub(crate) fn count_type(&self, ty: u8) {
        if let Some(count) = self.0.get(usize::from(ty)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// When it is not known which types were changed.
    pub(crate) fn count_all(&self) {
        for ty in 0..=u8::MAX {
            self.count_type(ty);
        }
    }

    /// To be drawn before a snapshot begins.
    pub(crate) fn before(&self) -> Before {
        let counts = self.0.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        Before { at: Instant::now(), counts }
    }

    /// Whether none of these types was changed since.
    pub(crate) fn are_as(&self, before: &Before, types: &BTreeSet<u8>) -> bool {
        types.iter().all(|ty| before.of(*ty) == self.of(*ty))
    }

    /// How often resources of a type were changed so far.
    pub(crate) fn of(&self, ty: u8) -> u64 {
        self.0.get(usize::from(ty)).map_or(0, |count| count.load(Ordering::SeqCst))
    }
}

/// Where the counts stood before a snapshot began: what is seen on it is at least that new.
#[derive(Debug)]
pub(crate) struct Before {
    at: Instant,
    counts: Vec<u64>,
}

impl Before {
    fn of(&self, ty: u8) -> u64 {
        self.counts.get(usize::from(ty)).copied().unwrap_or(0)
    }
}

/// Answers, and what is needed to tell whether they still hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory<'m> {
    pub(crate) changes: &'m Changes,
    pub(crate) answers: &'m Vouched,
    /// Drawn before the snapshot on which is looked began.
    pub(crate) before: &'m Before,
}

/// Answers, by who asked what.
pub(crate) struct Vouched {
    shards: Box<[Mutex<Shard>]>,
    /// What came of conditions on versions themselves, of which it stays true.
    pub(crate) verdicts: Verdicts,
}

/// Two, keyed at random: nobody can look for questions that share an answer.
pub(crate) static HASHERS: LazyLock<[RandomState; 2]> =
    LazyLock::new(|| [RandomState::new(), RandomState::new()]);

#[expect(clippy::disallowed_types, reason = "looked up with each read, never shown")]
type Shard = std::collections::HashMap<[u64; 2], Answer>;

struct Answer {
    at: Instant,
    /// The types that were looked at, and how often they had been changed before.
    types: Box<[(u8, u64)]>,
    holds: bool,
}

/// Somebody who asks for something.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) who: &'a Principal,
    pub(crate) action: Action,
    pub(crate) changes: &'a Changes,
    pub(crate) answers: &'a Vouched,
}

impl Vouched {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, verdicts: Verdicts::new() }
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
    fn shard(&self, question: [u64; 2]) -> Option<&Mutex<Shard>> {
        self.shards.get(question[0] as usize % SHARDS)
    }
}

impl Asking<'_> {
    /// What is known of a filter that looks at other resources; `place` is where it stands in what the permit says.
    pub(crate) fn known(&self, filter: &Filter, of: Subject<'_>, place: u64) -> Option<bool> {
        self.answered(self.question(filter, of, place))
    }

    /// What came of all filters for a version.
    pub(crate) fn verdict(&self, of: (i64, u64)) -> Option<bool> {
        self.answered(self.question_of_version(of))
    }

    fn answered(&self, question: [u64; 2]) -> Option<bool> {
        let shard = self.answers.shard(question)?;
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = shard.get(&question)?;
        let is_fresh = answer.at.elapsed() < LEASE
            && answer.types.iter().all(|(ty, count)| self.changes.of(*ty) == *count);
        is_fresh.then_some(answer.holds)
    }

    /// To be drawn before a snapshot begins.
    pub(crate) fn before(&self) -> Before {
        self.changes.before()
    }

    /// Keeps what was found on a snapshot that began after this was drawn.
    pub(crate) fn keep(
        &self,
        (before, holds): (&Before, bool),
        (filter, of, place): (&Filter, Subject<'_>, u64),
    ) {
        self.keep_answer((before, holds), filter, self.question(filter, of, place));
    }

    /// Keeps what came of all that a permit says for a version; `before` was drawn before anything was asked.
    pub(crate) fn keep_verdict(
        &self,
        (before, holds): (&Before, bool),
        (filter, of): (&Filter, (i64, u64)),
    ) {
        self.keep_answer((before, holds), filter, self.question_of_version(of));
    }

    fn keep_answer(&self, (before, holds): (&Before, bool), of: &Filter, question: [u64; 2]) {
        let mut types = BTreeSet::new();
        looked_at(of, &mut types);
        let types = types.into_iter().map(|ty| (ty, before.of(ty))).collect();
        let at = before.at;
        let Some(shard) = self.answers.shard(question) else { return };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= ANSWERS_MAX {
            shard.retain(|_, answer| answer.at.elapsed() < LEASE);
        }
        if shard.len() < ANSWERS_MAX {
            shard.insert(question, Answer { at, types, holds });
        }
    }

    /// Number and version tell a version from all others.
    fn question_of_version(&self, of: (i64, u64)) -> [u64; 2] {
        let question = (self.who.digest_but_for_time(&HASHERS), self.action, of);
        HASHERS.each_ref().map(|hasher| hasher.hash_one(question))
    }

    /// What a permit says follows from who asks, what for, and the type, but for the time.
    fn question(&self, filter: &Filter, of: Subject<'_>, place: u64) -> [u64; 2] {
        let (who, ids) = (self.who.digest_but_for_time(&HASHERS), asked_of(filter, of));
        let question = (who, self.action, of.ty.number(), place, ids);
        HASHERS.each_ref().map(|hasher| hasher.hash_one(&question))
    }
}

/// The resources that the answer depends on.
fn asked_of<'s>(filter: &Filter, of: Subject<'s>) -> Vec<(u8, &'s str)> {
    let Filter::Chain { params, targets } = filter else { return vec![(of.ty.number(), of.id)] };
    let rows = of.rows.references.iter().filter(|row| params.contains(&row.param));
    let mut ids: Vec<(u8, &str)> = rows
        .filter_map(|row| match &row.target {
            Target::Local { ty, id } if targets.iter().any(|target| target.ty == *ty) => {
                Some((ty.number(), &**id))
            }
            Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The types that a filter looks at besides the resource itself.
pub(crate) fn looked_at(filter: &Filter, types: &mut BTreeSet<u8>) {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => {
            for one in inner {
                looked_at(one, types);
            }
        }
        Filter::Not(inner) => looked_at(inner, types),
        Filter::Chain { targets, .. } => {
            for one in targets {
                of_plan(one, types);
            }
        }
        Filter::Has { source, .. } => of_plan(source, types),
        Filter::During(during) => {
            types.insert(ResourceType::number(during.middle));
            of_plan(&during.other, types);
        }
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => {}
    }
}

fn of_plan(plan: &TypePlan, types: &mut BTreeSet<u8>) {
    types.insert(ResourceType::number(plan.ty));
    for filter in &plan.filters {
        looked_at(filter, types);
    }
}

impl fmt::Debug for Vouched {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vouched")
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes")
    }
}
