//! The current time, and the parts of dates: <http://hl7.org/fhirpath/N1/#utility-functions>.

use super::{Function, bare};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Result},
    item::Item,
    moment::{Moment, Precision},
    value::{single_value, wrong_type},
};

pub(super) const FUNCTIONS: &[Function] = &[
    bare("now", |evaluator, _| Ok(Item::DateTime(now(evaluator, "now()")?).into())),
    bare("today", |evaluator, _| Ok(Item::Date(now(evaluator, "today()")?.date()).into())),
    bare("timeOfDay", |evaluator, _| {
        let now = now(evaluator, "timeOfDay()")?;
        Ok(Item::Time(Moment { offset: None, ..now }).into())
    }),
    bare("yearOf", |_, items| part(&items, "yearOf()", Precision::Year, |m| m.year.into())),
    bare("monthOf", |_, items| part(&items, "monthOf()", Precision::Month, |m| m.month.into())),
    bare("dayOf", |_, items| part(&items, "dayOf()", Precision::Day, |m| m.day.into())),
    bare("hourOf", |_, items| part(&items, "hourOf()", Precision::Hour, |m| m.hour.into())),
    bare("minuteOf", |_, items| part(&items, "minuteOf()", Precision::Minute, |m| m.minute.into())),
    bare("secondOf", |_, items| part(&items, "secondOf()", Precision::Second, |m| m.second.into())),
    bare("millisecondOf", |_, items| {
        part(&items, "millisecondOf()", Precision::Fraction(1), |m| i64::from(m.nanos / 1_000_000))
    }),
    bare("dateOf", date_of),
];

fn now(evaluator: &Evaluator<'_, '_>, place: &'static str) -> Result<Moment> {
    let needs = "the time of the evaluation, which was not given";
    let now = evaluator.context.now.ok_or(EvalError::NotAvailable { place, needs })?;
    Ok(Moment::from_instant(now))
}

/// A part of a date or time; empty when the precision does not reach it.
fn part<'t>(
    items: &Collection<'t>,
    place: &'static str,
    precision: Precision,
    read: fn(&Moment) -> i64,
) -> Result<Collection<'t>> {
    let Some(value) = single_value(items.as_slice(), place)? else { return Ok(Collection::Empty) };
    let has_date = precision <= Precision::Day;
    let moment = match &*value {
        Item::DateTime(moment) => moment,
        Item::Date(moment) if has_date => moment,
        Item::Time(moment) if !has_date => moment,
        other => return Err(wrong_type(other, place)),
    };
    Ok((moment.precision >= precision).then(|| read(moment)).into())
}

fn date_of<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    match single_value(items.as_slice(), "dateOf()")?.as_deref() {
        None => Ok(Collection::Empty),
        Some(Item::Date(moment) | Item::DateTime(moment)) => Ok(Item::Date(moment.date()).into()),
        Some(other) => Err(wrong_type(other, "dateOf()")),
    }
}
