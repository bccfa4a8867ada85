//! What the parser asks of a type for every object, digested once from the definitions.

use std::sync::LazyLock;

use crate::{
    definitions::ElementDef,
    TypeId,
};

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
    /// Elements that must be there, choices aside.
    pub(super) required: Vec<u8>,
    /// Choices of which one must be there: a bit each.
    pub(super) required_choices: u64,
    pub(super) special: Special,
}

/// The shape of a type.
#[inline]
pub(super) fn of(ty: TypeId) -> &'static Shape {
    static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| TypeId::all().map(digest).collect());
    static NOTHING: Shape =
        Shape { elements: &[], required: Vec::new(), required_choices: 0, special: Special::None };
    SHAPES.get(usize::from(ty.0)).unwrap_or(&NOTHING)
}

/// The bit of a choice.
#[inline]
pub(super) fn choice_bit(element: &ElementDef) -> u64 {
    // a test shows that no type has more than 63 choices
    1 << (element.choice & 63)
}

impl Shape {
    /// The place of an element within the type.
    #[inline]
    pub(super) fn number(&self, element: &ElementDef) -> u8 {
        // a test shows that no type has more than 256 elements
        self.elements.element_offset(element).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    /// The element at a place.
    pub(super) fn element(&self, number: u8) -> Option<&'static ElementDef> {
        self.elements.get(usize::from(number))
    }
}

fn digest(ty: TypeId) -> Shape {
    let elements = ty.elements();
    let required = || elements.iter().filter(|element| element.min > 0);
    let mut shape = Shape {
        elements,
        required: Vec::new(),
        required_choices: 0,
        special: match ty {
            TypeId::EXTENSION => Special::Extension,
            TypeId::REFERENCE => Special::Reference,
            _ => Special::None,
        },
    };
    for element in required() {
        if element.choice == 0 {
            shape.required.push(shape.number(element));
        } else {
            shape.required_choices |= choice_bit(element);
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_choices_have_room_for_every_type() {
        for ty in TypeId::all() {
            assert!(ty.elements().len() <= 256, "{}", ty.name());
            assert!(ty.elements().iter().all(|element| element.choice < 64), "{}", ty.name());
            for (number, element) in ty.elements().iter().enumerate() {
                assert_eq!(usize::from(of(ty).number(element)), number);
                assert_eq!(of(ty).element(of(ty).number(element)), Some(element));
            }
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
