//! Who has a bed: a row of `bed_claim` that has not ended.

use fhir_model::Instant;

use crate::row::Row;

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimState {
    /// Offered to a patient until a time.
    Held,
    /// Accepted; the patient is on the way.
    Planned,
    /// A patient lies in it.
    Occupied,
    /// Left and not ready yet.
    Turnover,
    /// Out of use.
    Blocked,
}

const STATES: [(ClaimState, &str); 5] = [
    (ClaimState::Held, "held"),
    (ClaimState::Planned, "planned"),
    (ClaimState::Occupied, "occupied"),
    (ClaimState::Turnover, "turnover"),
    (ClaimState::Blocked, "blocked"),
];

impl ClaimState {
    /// As the column `state` has it.
    pub fn code(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, code)| code)
    }

    fn parse(text: &str) -> Option<Self> {
        STATES.iter().find(|(_, code)| *code == text).map(|(state, _)| *state)
    }

    /// Whether it is a patient who has the bed.
    pub fn is_patients(self) -> bool {
        matches!(self, Self::Held | Self::Planned | Self::Occupied)
    }
}

/// A patient may have a bed, and a second one to move to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The bed of the stay.
    Current,
    /// The one to move to.
    Next,
}

impl Role {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
        }
    }
}

/// How far a bed that was left is from being ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not cleaned.
    Dirty,
    /// Not cleaned after somebody who was isolated.
    Infectious,
    /// Being cleaned.
    Cleaning,
}

impl Stage {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Dirty => "dirty",
            Self::Infectious => "infectious",
            Self::Cleaning => "cleaning",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Dirty, Self::Infectious, Self::Cleaning].into_iter().find(|it| it.code() == text)
    }
}

/// A live claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its own id.
    pub id: String,
    /// `Location.id`.
    pub bed: String,
    /// `Task.id` of the request that it serves.
    pub task: Option<String>,
    /// `Encounter.id` of the stay.
    pub encounter: Option<String>,
    /// `Patient.id`; a bed that was told to be occupied has none until the stay is known.
    pub patient: Option<String>,
    /// Which of the patient's beds.
    pub role: Role,
    /// What it is for.
    pub state: ClaimState,
    /// Of [`ClaimState::Turnover`].
    pub stage: Option<Stage>,
    /// When it began.
    pub starts_at: Instant,
    /// Of [`ClaimState::Held`]: until when.
    pub hold_until: Option<Instant>,
}

impl Claim {
    /// A claim on a bed that nobody is behind yet.
    pub fn new(bed: &str, state: ClaimState, starts_at: Instant) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            bed: bed.to_owned(),
            task: None,
            encounter: None,
            patient: None,
            role: Role::Current,
            state,
            stage: (state == ClaimState::Turnover).then_some(Stage::Dirty),
            starts_at,
            hold_until: None,
        }
    }

    /// Whether it was held, and its time is over.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.hold_until.is_some_and(|until| until < now)
    }

    /// Whether it says that somebody lies there, and not who.
    pub(crate) fn is_of_nobody_known(&self) -> bool {
        self.state == ClaimState::Occupied && self.encounter.is_none() && self.patient.is_none()
    }
}

/// The columns that [`read`] reads, of `bed_claim c`.
pub(crate) const COLUMNS: &str = "c.id, c.bed_id, c.task_id, c.encounter_id, c.patient_id, c.role, c.state, \
     c.stage, c.starts_at, c.hold_until";

/// A claim from its columns, the first at `from`; `None` where an outer join found none.
pub(crate) fn read(row: &Row, from: usize) -> Option<Claim> {
    let some = |column: usize| {
        let text = row.text(from + column);
        (!text.is_empty()).then(|| text.to_owned())
    };
    Some(Claim {
        id: some(0)?,
        bed: some(1)?,
        task: some(2),
        encounter: some(3),
        patient: some(4),
        role: if row.text(from + 5) == "next" { Role::Next } else { Role::Current },
        state: ClaimState::parse(row.text(from + 6))?,
        stage: Stage::parse(row.text(from + 7)),
        starts_at: Instant::from_millis(row.integer(from + 8)),
        hold_until: row.some_integer(from + 9).map(Instant::from_millis),
    })
}
