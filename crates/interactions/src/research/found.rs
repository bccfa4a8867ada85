//! What a question found: each resource by its pseudonym, in that order, and the patient whom it is about.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    cells::is_few,
    page::{Page, Turn},
};

/// What a question found.
#[derive(Debug, Clone)]
pub(super) enum Found {
    All(Arc<List>),
    /// More than is kept.
    TooMuch,
}

impl Found {
    /// How much memory it takes.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::All(list) => list.rows.len(),
            Self::TooMuch => 0,
        }
    }
}

/// A resource that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its pseudonym.
    pub(super) own: u128,
    /// The pseudonym of its patient.
    pub(super) patient: u128,
    /// Its logical id.
    pub(super) id: Box<str>,
}

/// All that a question found, in the order of the pseudonyms, which tells nothing of when something came into the vault.
#[derive(Debug, Default)]
pub(super) struct List {
    rows: Vec<Row>,
    /// In order, each once.
    patients: Vec<u128>,
    about: About,
}

/// Whom the resources of a list are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum About {
    /// Each is about one patient.
    #[default]
    One,
    /// Some are about none or several: they are not counted by rows.
    Others,
}

impl List {
    pub(super) fn new(mut rows: Vec<Row>, about: About) -> Self {
        rows.sort_unstable_by_key(|row| row.own);
        let mut patients: Vec<u128> = rows.iter().map(|row| row.patient).collect();
        patients.sort_unstable();
        patients.dedup();
        Self { rows, patients, about }
    }

    /// The part of it that a page has.
    pub(super) fn page(&self, turn: &Turn, count: usize) -> Page {
        let at = |position: &str| u128::from_str_radix(position, 16).unwrap_or_default();
        let (from, to) = match turn {
            Turn::First => (0, count),
            Turn::After(last) => {
                let from = self.rows.partition_point(|row| row.own <= at(last));
                (from, from.saturating_add(count))
            }
            Turn::Before(first) => {
                let to = self.rows.partition_point(|row| row.own < at(first));
                (to.saturating_sub(count), to)
            }
        };
        let rows = self.rows.get(from..to.min(self.rows.len())).unwrap_or_default();
        let edge = |row: Option<&Row>| row.map(|row| format!("{:032x}", row.own));
        Page {
            ids: rows.iter().map(|row| row.id.clone()).collect(),
            next: edge(rows.last()).filter(|_| to < self.rows.len()),
            previous: edge(rows.first()).filter(|_| from > 0),
        }
    }

    /// Resources of so many patients, each of another; as many as there are.
    pub(super) fn of_patients(&self, count: usize) -> Vec<Box<str>> {
        let (mut patients, mut ids) = (BTreeSet::new(), Vec::new());
        for row in &self.rows {
            if ids.len() == count {
                break;
            }
            if patients.insert(row.patient) {
                ids.push(row.id.clone());
            }
        }
        ids
    }

    /// How many patients have something of these.
    pub(super) fn patients_of(&self, ids: &BTreeSet<&str>) -> usize {
        let rows = self.rows.iter().filter(|row| ids.contains(&*row.id));
        rows.map(|row| row.patient).collect::<BTreeSet<_>>().len()
    }

    /// Whether few patients have something that the one question found and the other did not, or were found by one alone;
    /// `None`: it cannot be said so.
    pub(super) fn differs_by_few(&self, other: &Self, of: Types) -> Option<bool> {
        if [self.about, other.about] != [About::One; 2] {
            return None;
        }
        let is_few = |one: &Self, other: &Self| {
            few(one.patients.iter().filter(|it| other.patients.binary_search(it).is_err()))
                || (of == Types::Same
                    && few(one.rows.iter().filter(|row| !other.has(row)).map(|row| &row.patient)))
        };
        Some(is_few(self, other) || is_few(other, self))
    }

    fn has(&self, row: &Row) -> bool {
        self.rows.binary_search_by_key(&row.own, |own| own.own).is_ok()
    }
}

/// Whether two questions are about the same type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Types {
    Same,
    Different,
}

/// Whether these are some patients, but few.
fn few<'p>(patients: impl Iterator<Item = &'p u128>) -> bool {
    let mut different = BTreeSet::new();
    for patient in patients {
        different.insert(*patient);
        if !is_few(u32::try_from(different.len()).unwrap_or(u32::MAX)) {
            return false;
        }
    }
    !different.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: impl IntoIterator<Item = (u128, u128)>) -> List {
        let row = |(own, patient)| Row { own, patient, id: format!("{own:x}").into() };
        List::new(rows.into_iter().map(row).collect(), About::One)
    }

    #[test]
    fn a_page_is_part_of_an_order() {
        let after = |text: &str| Turn::After(text.to_owned());
        let before = |text: &str| Turn::Before(text.to_owned());
        for (turn, kept, is_before, is_after) in [
            (Turn::First, "ab", false, true),
            (after("b"), "cd", true, true),
            (after("d"), "e", true, false),
            (before("e"), "cd", true, true),
            (before("c"), "ab", false, true),
        ] {
            let page = list([13, 10, 14, 12, 11].map(|own| (own, own))).page(&turn, 2);
            let keys: String = page.ids.iter().map(|id| &**id).collect();
            let found = (keys.as_str(), page.previous.is_some(), page.next.is_some());
            assert_eq!(found, (kept, is_before, is_after), "{turn:?}");
        }
    }

    #[test]
    fn some_resources_are_of_as_many_patients() {
        let list = list((0..30).map(|own| (own, own / 3)));
        assert_eq!(list.of_patients(4), ["0", "3", "6", "9"].map(Box::from));
        assert_eq!(list.of_patients(40).len(), 10);
        assert_eq!(list.patients_of(&BTreeSet::from(["0", "1", "3", "x"])), 2);
    }

    #[test]
    fn two_lists_differ_by_few() {
        let all = |to| list((0..to).map(|n| (n, n)));
        let differs = |one: &List, other: &List, of| {
            let (there, back) = (one.differs_by_few(other, of), other.differs_by_few(one, of));
            assert_eq!(there, back);
            there
        };
        for (one, other, expected) in
            [(20, 20, false), (20, 21, true), (20, 30, true), (20, 31, false), (0, 10, true)]
        {
            assert_eq!(differs(&all(one), &all(other), Types::Same), Some(expected));
            assert_eq!(differs(&all(one), &all(other), Types::Different), Some(expected));
        }
        // the same patients, and twelve more resources of one of them
        let more = list((0..20).map(|n| (n, n)).chain((100..112).map(|n| (n, 7))));
        assert_eq!(differs(&all(20), &more, Types::Same), Some(true));
        assert_eq!(differs(&all(20), &more, Types::Different), Some(false));
        let strange = List { about: About::Others, ..all(20) };
        assert_eq!(differs(&all(20), &strange, Types::Same), None);
    }
}
