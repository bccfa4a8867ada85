//! The codes of beds and requests, and small sets of them. Each enum is the content of a `CodeSystem`
//! `{c}/CodeSystem/<name>`; a code's text is what stands in a resource.

use std::{collections::BTreeSet, marker::PhantomData};

use serde::{Deserialize, Serialize};

/// An enum whose values are codes.
pub trait Code: Copy + Ord + 'static {
    /// All codes, in the order of the `CodeSystem`.
    const ALL: &'static [Self];

    /// The text of the code in a resource.
    fn code(self) -> &'static str;

    /// The code with this text.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.code() == text)
    }
}

/// Declares an enum of codes.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$item_doc])* #[serde(rename = $text)] $item,)+
        }

        impl $crate::code::Code for $name {
            const ALL: &'static [Self] = &[$(Self::$item,)+];

            fn code(self) -> &'static str {
                match self {
                    $(Self::$item => $text,)+
                }
            }
        }
    };
}
pub(crate) use codes;

/// A set of codes of one `CodeSystem` of at most 16 codes; a list of codes in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "BTreeSet<T>", into = "Vec<T>")]
#[serde(bound(serialize = "T: Code + Serialize", deserialize = "T: Code + Deserialize<'de>"))]
pub struct CodeSet<T> {
    bits: u16,
    of: PhantomData<T>,
}

impl<T: Code> CodeSet<T> {
    /// Without any code.
    pub const EMPTY: Self = Self { bits: 0, of: PhantomData };

    /// Whether the code is one of these.
    pub fn contains(self, code: T) -> bool {
        self.bits & bit(code) != 0
    }

    /// Whether every one of these is in the other set.
    pub fn is_subset(self, other: Self) -> bool {
        self.bits & !other.bits == 0
    }

    /// Those that are not in the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self { bits: self.bits & !other.bits, of: PhantomData }
    }

    /// How many.
    pub fn len(self) -> u32 {
        self.bits.count_ones()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The codes, in the order of the `CodeSystem`.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |code| self.contains(*code))
    }
}

impl<T: Code> Default for CodeSet<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T: Code> FromIterator<T> for CodeSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(codes: I) -> Self {
        let bits = codes.into_iter().fold(0, |bits, code| bits | bit(code));
        Self { bits, of: PhantomData }
    }
}

impl<T: Code> From<BTreeSet<T>> for CodeSet<T> {
    fn from(codes: BTreeSet<T>) -> Self {
        codes.into_iter().collect()
    }
}

impl<T: Code> From<CodeSet<T>> for Vec<T> {
    fn from(codes: CodeSet<T>) -> Self {
        codes.iter().collect()
    }
}

fn bit<T: Code>(code: T) -> u16 {
    let place = T::ALL.iter().take(16).position(|other| *other == code);
    place.map_or(0, |place| 1 << place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::{BedState, BedType, Equipment, GenderPolicy, Isolation};

    #[test]
    fn a_code_is_read_as_it_is_written() {
        fn check<T: Code + std::fmt::Debug>() {
            for code in T::ALL {
                assert_eq!(T::parse(code.code()), Some(*code));
            }
            assert_eq!(T::parse("no such code"), None);
            assert!(T::ALL.len() <= 16, "a set holds 16 codes");
        }
        check::<BedType>();
        check::<BedState>();
        check::<Equipment>();
        check::<GenderPolicy>();
        check::<Isolation>();
    }

    #[test]
    fn a_set_is_a_list_of_codes() {
        let set = CodeSet::from_iter([Equipment::Ventilator, Equipment::Oxygen]);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["oxygen","ventilator"]"#);
        assert_eq!(serde_json::from_str::<CodeSet<Equipment>>(&text).unwrap(), set);
        assert!(CodeSet::from_iter([Equipment::Oxygen]).is_subset(set));
        assert!(!set.is_subset(CodeSet::from_iter([Equipment::Oxygen])));
        assert_eq!(set.without(CodeSet::from_iter([Equipment::Oxygen])).len(), 1);
    }
}
