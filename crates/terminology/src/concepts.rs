//! Sets of codes of several systems. Of a system either some codes are in, or all but some: both stay
//! representable under union, intersection and difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::BYTES_PER_STEP;

/// Which codes of one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// These.
    Only(BTreeSet<String>),
    /// Every code of the system but these; mostly there are none of these.
    AllBut(BTreeSet<String>),
}

/// What a `ValueSet` selects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concepts {
    /// By system; codes without a system stand under the empty one.
    by_system: BTreeMap<String, Codes>,
}

impl Concepts {
    /// Whether the code of this system is a member. `None` stands for a code that has no system.
    pub fn contains(&self, system: Option<&str>, code: &str) -> bool {
        self.by_system.get(system.unwrap_or_default()).is_some_and(|codes| codes.contains(code))
    }

    /// System by system, sorted. Codes without a system come first.
    pub fn systems(&self) -> impl Iterator<Item = (Option<&str>, &Codes)> {
        self.by_system.iter().map(|(system, codes)| (non_empty(system), codes))
    }

    /// The members that are listed one by one, sorted by system and code.
    pub fn listed(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.systems().flat_map(|(system, codes)| {
            let listed = match codes {
                Codes::Only(codes) => Some(codes),
                Codes::AllBut(_) => None,
            };
            listed.into_iter().flatten().map(move |code| (system, code.as_str()))
        })
    }

    /// The systems that are members as a whole, each with the codes that are not.
    pub fn whole_systems(&self) -> impl Iterator<Item = (Option<&str>, &BTreeSet<String>)> {
        self.systems().filter_map(|(system, codes)| match codes {
            Codes::Only(_) => None,
            Codes::AllBut(except) => Some((system, except)),
        })
    }

    /// How many codes are named, as members or as exceptions.
    pub fn len(&self) -> usize {
        self.by_system.values().map(|codes| codes.named().len()).sum()
    }

    /// Whether nothing at all is a member.
    pub fn is_empty(&self) -> bool {
        self.by_system.is_empty()
    }

    /// The price of copying or comparing the set.
    pub(crate) fn weight(&self) -> usize {
        let codes = self.by_system.values().flat_map(Codes::named);
        let texts = self.by_system.keys().chain(codes);
        texts.map(|text| 1 + text.len() / BYTES_PER_STEP).sum()
    }

    /// Codes of one system; none of them is no concept.
    pub(crate) fn of(system: &str, codes: Codes) -> Self {
        let mut concepts = Self::default();
        concepts.set(system.to_owned(), codes);
        concepts
    }

    /// Adds one code.
    pub(crate) fn insert(&mut self, system: &str, code: String) {
        match self.by_system.get_mut(system) {
            Some(Codes::Only(codes)) => {
                codes.insert(code);
            }
            Some(Codes::AllBut(except)) => {
                except.remove(&code);
            }
            None => self.set(system.to_owned(), Codes::Only(BTreeSet::from([code]))),
        }
    }

    /// Adds what the other has.
    pub(crate) fn unite(&mut self, other: &Self) {
        for (system, codes) in &other.by_system {
            match self.by_system.get_mut(system) {
                Some(own) => own.unite(codes),
                None => self.set(system.clone(), codes.clone()),
            }
        }
    }

    /// Keeps what the other has too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.change(|system, codes| match other.by_system.get(system) {
            Some(others) => codes.intersect(others),
            None => codes.clear(),
        });
    }

    /// Takes away what the other has.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.change(|system, codes| {
            if let Some(others) = other.by_system.get(system) {
                codes.subtract(others);
            }
        });
    }

    fn change(&mut self, change: impl Fn(&str, &mut Codes)) {
        self.by_system.retain(|system, codes| {
            change(system, codes);
            !codes.is_nothing()
        });
    }

    fn set(&mut self, system: String, codes: Codes) {
        if !codes.is_nothing() {
            self.by_system.insert(system, codes);
        }
    }
}

impl Codes {
    /// Whether the code is in.
    pub fn contains(&self, code: &str) -> bool {
        match self {
            Self::Only(codes) => codes.contains(code),
            Self::AllBut(except) => !except.contains(code),
        }
    }

    /// The codes that are named, in or out.
    fn named(&self) -> &BTreeSet<String> {
        match self {
            Self::Only(codes) | Self::AllBut(codes) => codes,
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Only(codes) if codes.is_empty())
    }

    fn clear(&mut self) {
        *self = Self::Only(BTreeSet::new());
    }

    fn unite(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Only(own), Self::Only(others)) => own.extend(others.iter().cloned()),
            (Self::AllBut(own), Self::Only(others)) => own.retain(|code| !others.contains(code)),
            (Self::AllBut(own), Self::AllBut(others)) => own.retain(|code| others.contains(code)),
            (Self::Only(own), Self::AllBut(others)) => {
                *self = Self::AllBut(others.difference(own).cloned().collect());
            }
        }
    }

    fn intersect(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Only(own), others) => own.retain(|code| others.contains(code)),
            (Self::AllBut(own), Self::AllBut(others)) => own.extend(others.iter().cloned()),
            (Self::AllBut(own), Self::Only(others)) => {
                *self = Self::Only(others.difference(own).cloned().collect());
            }
        }
    }

    fn subtract(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Only(own), others) => own.retain(|code| !others.contains(code)),
            (Self::AllBut(own), Self::Only(others)) => own.extend(others.iter().cloned()),
            (Self::AllBut(own), Self::AllBut(others)) => {
                *self = Self::Only(others.difference(own).cloned().collect());
            }
        }
    }
}

fn non_empty(system: &str) -> Option<&str> {
    (!system.is_empty()).then_some(system)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SYSTEMS: [&str; 3] = ["", "s", "t"];
    const CODES: [&str; 4] = ["a", "b", "c", "d"];

    fn codes() -> impl Strategy<Value = Codes> {
        let some = proptest::sample::subsequence(&CODES[..3], 0..=3);
        (some, any::<bool>()).prop_map(|(codes, only)| {
            let codes = codes.into_iter().map(str::to_owned).collect();
            if only { Codes::Only(codes) } else { Codes::AllBut(codes) }
        })
    }

    fn concepts() -> impl Strategy<Value = Concepts> {
        proptest::collection::btree_map(proptest::sample::select(&SYSTEMS[..]), codes(), 0..=3)
            .prop_map(|all| {
                let mut concepts = Concepts::default();
                for (system, codes) in all {
                    concepts.set(system.to_owned(), codes);
                }
                concepts
            })
    }

    proptest! {
        #[test]
        fn membership_follows_the_algebra(one in concepts(), other in concepts()) {
            let (mut both, mut either, mut less) = (one.clone(), one.clone(), one.clone());
            both.intersect(&other);
            either.unite(&other);
            less.subtract(&other);
            for (system, code) in SYSTEMS.iter().flat_map(|s| CODES.map(|code| (*s, code))) {
                let system = non_empty(system);
                let (a, b) = (one.contains(system, code), other.contains(system, code));
                prop_assert_eq!(both.contains(system, code), a && b);
                prop_assert_eq!(either.contains(system, code), a || b);
                prop_assert_eq!(less.contains(system, code), a && !b);
            }
            let mut itself = one.clone();
            itself.subtract(&one);
            prop_assert!(itself.is_empty());
            let mut inserted = one.clone();
            inserted.insert("s", "a".to_owned());
            prop_assert!(inserted.contains(Some("s"), "a"));
        }
    }

    #[test]
    fn members_are_listed_or_whole_systems() {
        let mut concepts = Concepts::of("s", Codes::AllBut(["x".to_owned()].into()));
        concepts.insert("t", "b".to_owned());
        concepts.insert("t", "a".to_owned());
        concepts.insert("", "c".to_owned());
        let listed: Vec<_> = concepts.listed().collect();
        assert_eq!(listed, [(None, "c"), (Some("t"), "a"), (Some("t"), "b")]);
        let whole: Vec<_> = concepts.whole_systems().collect();
        assert_eq!(whole, [(Some("s"), &["x".to_owned()].into())]);
        assert_eq!((concepts.len(), concepts.is_empty()), (4, false));
        assert!(concepts.contains(Some("s"), "y") && !concepts.contains(Some("s"), "x"));
        assert!(concepts.contains(None, "c") && !concepts.contains(None, "a"));
    }
}
