//! `Encounter/[id]/$release-bed`: the patient leaves, the stay ends, the bed is to be cleaned.

use fhir_model::{IssueType, Outcome, json::Value};
use search::Timespan;
use storage::{About, Claim, ClaimState, End, Key, Stage, Tx};

use super::{
    deed::{Deed, Once, body, load},
    document::{concept, create, items, object, read, reference, set, string, text, update},
    gate::{MANAGING, admit, manages_stay},
    ty,
};
use crate::{
    Answer,
    operation::{Definition, Output, Request},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cleaning {
    /// As beds are left here.
    AsUsual,
    Nothing,
    Standard,
    Terminal,
}

pub(crate) async fn release(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let permit = admit(&request, &[MANAGING]).await?;
    manages_stay(&request).await?;
    let input = &request.call.input;
    let wrong =
        |text: &'static str| Outcome::new(IssueType::Value, text).at("Parameters.parameter");
    let cleaning = match input.text("needsCleaning") {
        None => Cleaning::AsUsual,
        Some("none") => Cleaning::Nothing,
        Some("standard") => Cleaning::Standard,
        Some("terminal") => Cleaning::Terminal,
        Some(_) => return Err(wrong("needsCleaning is none, standard or terminal")),
    };
    let when = input.text("when");
    if when.is_some_and(|it| Timespan::parse(it).is_none()) {
        return Err(wrong("when is a time"));
    }
    let deed = Release {
        definition: request.call.operation.definition,
        key,
        when: when.map(str::to_owned),
        disposition: input.value("disposition").cloned(),
        cleaning,
        if_match: request.call.conditions.if_match,
        cleaning_task: request.fhir.vault.new_id(),
    };
    request.fhir.vault.commit(permit, Once::of(&request, deed)).await
}

struct Release {
    definition: &'static Definition,
    key: Key,
    when: Option<String>,
    disposition: Option<Value>,
    cleaning: Cleaning,
    if_match: Option<u64>,
    cleaning_task: String,
}

impl Deed for Release {
    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let head = load(tx, &self.key, self.if_match).await?;
        let about = About { encounters: vec![self.key.id.clone()], ..About::default() };
        let mut ledger = tx.bed_ledger(&about).await?;
        let claims = ledger.of_encounter(&self.key.id);
        let Some(left) = claims.iter().max_by_key(|claim| claim.state).cloned() else {
            return Err(storage::illegal("without a bed", "released"));
        };
        let lay_there = left.state == ClaimState::Occupied;
        if self.cleaning != Cleaning::AsUsual {
            let is_none = self.cleaning == Cleaning::Nothing;
            ledger.leave(if is_none {
                storage::Cleaning::Elsewhere
            } else {
                storage::Cleaning::Here
            });
        }
        for claim in &claims {
            let is_occupied = claim.state == ClaimState::Occupied;
            ledger.end(claim, if is_occupied { End::Left } else { End::Withdrawn });
        }
        let dirty = ledger.of_bed(&left.bed).cloned().filter(|_| lay_there);
        let cleans = dirty.is_some();
        if let Some(dirty) = dirty.filter(|_| self.cleaning == Cleaning::Terminal) {
            ledger.set_stage(&dirty, Stage::Infectious);
        }
        tx.keep_beds(ledger).await?;
        let stay = read(head.body.as_deref().unwrap_or_default())?;
        let now = self.when.clone().unwrap_or_else(|| tx.now().to_string());
        let stay = self.ended(stay, left.state, &now);
        let mut changes = vec![update(self.key.clone(), head, &stay)?];
        if cleans {
            let key = Key::new(ty("Task")?, self.cleaning_task.as_str());
            changes.push(create(key, &self.cleaning_task(&left, tx.now()))?);
        }
        tx.write(changes).await?;
        let mut out = Output::default();
        out.resource("encounter", body(tx, &self.key).await?);
        out.resource("location", body(tx, &Key::new(ty("Location")?, left.bed.as_str())).await?);
        if cleans {
            let key = Key::new(ty("Task")?, self.cleaning_task.as_str());
            out.resource("cleaningTask", body(tx, &key).await?);
        }
        out.answer(self.definition)
    }
}

impl Release {
    /// The stay with its end; one in which nobody lay never took place.
    fn ended(&self, mut stay: Value, was: ClaimState, now: &str) -> Value {
        let lay_there = was == ClaimState::Occupied;
        set(&mut stay, "status", string(if lay_there { "finished" } else { "cancelled" }));
        let end = |of: &mut Value| match of.get_mut("period") {
            Some(period) => set(period, "end", string(now)),
            None => set(of, "period", object([("end", string(now))])),
        };
        let places: Vec<Value> = items(&stay, "location").to_vec();
        let places: Vec<Value> = places
            .into_iter()
            .filter(|place| lay_there || text(place, "status") == Some("completed"))
            .filter(|place| {
                !["planned", "reserved"].contains(&text(place, "status").unwrap_or_default())
            })
            .map(|mut place| {
                if text(&place, "status") == Some("active") {
                    set(&mut place, "status", string("completed"));
                    end(&mut place);
                }
                place
            })
            .collect();
        if places.is_empty() {
            if let Value::Object(members) = &mut stay {
                members.retain(|(name, _)| name != "location");
            }
        } else {
            set(&mut stay, "location", Value::Array(places));
        }
        if lay_there {
            end(&mut stay);
        }
        if let Some(disposition) = &self.disposition {
            let disposition = disposition.clone();
            if let Some(there) = stay.get_mut("hospitalization") {
                set(there, "dischargeDisposition", disposition);
            } else {
                let hospitalization = object([("dischargeDisposition", disposition)]);
                set(&mut stay, "hospitalization", hospitalization);
            }
        }
        stay
    }

    fn cleaning_task(&self, left: &Claim, now: fhir_model::Instant) -> Value {
        let kind = if self.cleaning == Cleaning::Terminal { "terminal" } else { "standard" };
        object([
            ("resourceType", string("Task")),
            ("status", string("requested")),
            ("intent", string("order")),
            ("code", concept("task-code", "bed-cleaning")),
            ("businessStatus", concept("bed-cleaning", kind)),
            ("focus", reference("Location", &left.bed)),
            ("location", reference("Location", &left.bed)),
            ("authoredOn", string(now.to_string())),
        ])
    }
}
