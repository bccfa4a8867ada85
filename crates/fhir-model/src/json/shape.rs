//! What the parser asks of a type for every object, digested once from the definitions.

use std::sync::LazyLock;

use crate::{TypeId, definitions::ElementDef};

/// A set of element numbers of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers([u64; 4]);

impl Numbers {
    /// Adds a number; `false` if it was there.
    #[inline]
    pub(super) fn insert(&mut self, number: u8) -> bool {
        let Some(word) = self.0.get_mut(usize::from(number >> 6)) else { return false };
        let bit = 1 << (number & 63);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    #[inline]
    pub(super) fn contains(&self, number: u8) -> bool {
        self.0.get(usize::from(number >> 6)).is_some_and(|word| word & 1 << (number & 63) != 0)
    }
}

/// Rules that only some types have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    None,
    /// A value or extensions: <https://hl7.org/fhir/R4/extensibility.html>, ext-1.
    Extension,
    /// The form and target of `reference`.
    Reference,
}

/// A type as the parser sees it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) elements: &'static [ElementDef],
    /// Elements by JSON name: open addressing, at most half full.
    slots: Vec<Slot>,
    /// Elements that must be there, choices aside.
    pub(super) required: Vec<u8>,
    /// Choices of which one must be there: a bit each.
    pub(super) required_choices: u64,
    pub(super) special: Special,
}

/// An element in the hash table of its type.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    ends: Ends,
    /// Length of the name; 0 for an empty slot.
    len: u8,
    number: u8,
}

/// The first and last eight bytes of a name; all of it when it has 16 or fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ends {
    head: u64,
    tail: u64,
}

/// The shape of a type.
#[inline]
pub(super) fn of(ty: TypeId) -> &'static Shape {
    static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| TypeId::all().map(digest).collect());
    static NOTHING: Shape = Shape {
        elements: &[],
        slots: Vec::new(),
        required: Vec::new(),
        required_choices: 0,
        special: Special::None,
    };
    SHAPES.get(usize::from(ty.0)).unwrap_or(&NOTHING)
}

/// The bit of a choice.
#[inline]
pub(super) fn choice_bit(element: &ElementDef) -> u64 {
    // a test shows that no type has more than 63 choices
    1 << (element.choice & 63)
}

impl Ends {
    #[inline]
    fn of(name: &[u8]) -> Self {
        if let (Some(head), Some(tail)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            Self { head: u64::from_le_bytes(*head), tail: u64::from_le_bytes(*tail) }
        } else if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            Self { head: u32::from_le_bytes(*head).into(), tail: u32::from_le_bytes(*tail).into() }
        } else {
            Self { head: name.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), tail: 0 }
        }
    }

    /// Where to look first.
    #[inline]
    fn slot(self, len: usize) -> usize {
        let mixed = (self.head ^ len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ self.tail.rotate_left(29).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        (mixed >> 40) as usize
    }
}

impl Shape {
    /// The element of this JSON name, with its place within the type.
    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<(u8, &'static ElementDef)> {
        let ends = Ends::of(name);
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = ends.slot(name.len()) & mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.len == 0 {
                return None;
            }
            if slot.ends == ends && usize::from(slot.len) == name.len() {
                let element = self.elements.get(usize::from(slot.number))?;
                if name.len() <= 16 || element.json_name.as_bytes() == name {
                    return Some((slot.number, element));
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// The element at a place.
    pub(super) fn element(&self, number: u8) -> Option<&'static ElementDef> {
        self.elements.get(usize::from(number))
    }
}

fn digest(ty: TypeId) -> Shape {
    let elements = ty.elements();
    let mut shape = Shape {
        elements,
        slots: slots(elements),
        required: Vec::new(),
        required_choices: 0,
        special: match ty {
            TypeId::EXTENSION => Special::Extension,
            TypeId::REFERENCE => Special::Reference,
            _ => Special::None,
        },
    };
    for (number, element) in (0..=u8::MAX).zip(elements).filter(|(_, element)| element.min > 0) {
        if element.choice == 0 {
            shape.required.push(number);
        } else {
            shape.required_choices |= choice_bit(element);
        }
    }
    shape
}

fn slots(elements: &[ElementDef]) -> Vec<Slot> {
    let size = (elements.len() * 2).next_power_of_two();
    let mut slots = vec![Slot::default(); size];
    for (number, element) in (0..=u8::MAX).zip(elements) {
        let name = element.json_name.as_bytes();
        let (ends, len) = (Ends::of(name), u8::try_from(name.len()).unwrap_or_default());
        let mut at = ends.slot(name.len()) & (size - 1);
        while slots.get(at).is_some_and(|slot| slot.len != 0) {
            at = (at + 1) & (size - 1);
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = Slot { ends, len, number };
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_choices_have_room_for_every_type() {
        for ty in TypeId::all() {
            assert!(ty.elements().len() <= 256, "{}", ty.name());
            assert!(ty.elements().iter().all(|element| element.choice < 64), "{}", ty.name());
            for (number, element) in (0_u8..).zip(ty.elements()) {
                let found = of(ty).find(element.json_name.as_bytes());
                assert_eq!(found, Some((number, element)));
                assert_eq!(of(ty).element(number), Some(element));
            }
            assert_eq!(of(ty).find(b"nonsense"), None);
        }
    }

    #[test]
    fn sets_hold_each_number_once() {
        let mut numbers = Numbers::default();
        for number in [0, 63, 64, 255] {
            assert!(!numbers.contains(number));
            assert!(numbers.insert(number));
            assert!(!numbers.insert(number));
            assert!(numbers.contains(number));
        }
        assert!(!numbers.contains(1));
    }
}
