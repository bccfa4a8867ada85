//! Objects: their members, and what must be true once all of them were read.

use crate::{ElementDef, IssueType, TypeId, tree::Kind};

use super::{
    faults::{did_you_mean, nearest},
    lexer::{Stop, Text},
    parser::{OPEN, Parser, node, offset},
    shape::{self, Numbers, Shape, Special},
};

/// An object whose members are being read.
pub(super) struct Open {
    /// Its node.
    pub(super) index: u32,
    pub(super) ty: TypeId,
    pub(super) shape: &'static Shape,
    /// Elements that were read, by value and by companion.
    values: Numbers,
    companions: Numbers,
    choices: u64,
    /// Where its primitives begin among the halves.
    pub(super) halves: usize,
    /// How many different elements were read.
    members: u32,
    is_resource: bool,
    saw_resource_type: bool,
    /// A repeating primitive had an item without value.
    pub(super) saw_null: bool,
}

/// The half of a primitive that a member is: `birthDate` or `_birthDate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Value,
    Companion,
}

impl Open {
    /// Whether both halves of a primitive were met by now.
    #[inline]
    pub(super) fn has_both_halves(&self, number: u8) -> bool {
        self.values.contains(number) && self.companions.contains(number)
    }
}

impl<const CHECKED: bool> Parser<'_, CHECKED> {
    /// Reads the object of a node, from its opening bracket on, and closes the node.
    pub(super) fn object(&mut self, index: u32) -> Result<(), Stop> {
        self.enter(index)?;
        let Some(ty) = self.nodes.get(index as usize).map(|node| node.ty) else { return Err(Stop) };
        let mut open = Open {
            index,
            ty,
            shape: shape::of(ty),
            values: Numbers::default(),
            companions: Numbers::default(),
            choices: 0,
            halves: self.halves.len(),
            members: 0,
            is_resource: ty.as_resource().is_some(),
            saw_resource_type: false,
            saw_null: false,
        };
        self.lexer.at += 1;
        if self.lexer.next_token() == b'}' {
            self.lexer.at += 1;
            self.fault(IssueType::Structure, index, "An object may not be empty")?;
        } else {
            loop {
                self.member(&mut open)?;
                if !self.lexer.more(b'}')? {
                    break;
                }
            }
        }
        let (end, stop) = (self.next_index(), offset(self.lexer.at));
        if let Some(node) = self.nodes.get_mut(index as usize) {
            (node.end, node.stop) = (end, stop);
        }
        if CHECKED {
            self.check_object(&open)?;
        }
        self.halves.truncate(open.halves);
        self.depth -= 1;
        Ok(())
    }

    /// Reads a name and its value.
    fn member(&mut self, open: &mut Open) -> Result<(), Stop> {
        let key = self.lexer.key()?;
        self.lexer.next_token();
        if key.is_escaped {
            let name = self.lexer.unquoted(key);
            return self.named_member(open, key, name.as_bytes());
        }
        self.named_member(open, key, self.lexer.inner_bytes(key))
    }

    #[inline]
    fn named_member(&mut self, open: &mut Open, key: Text, name: &[u8]) -> Result<(), Stop> {
        let (base, half) = match name {
            [b'_', base @ ..] => (base, Which::Companion),
            _ => (name, Which::Value),
        };
        let Some((number, element)) = open.shape.find(base) else {
            return self.other_member(open, key, name);
        };
        let is_primitive = element.ty.primitive().is_some();
        if half == Which::Companion && !is_primitive {
            return self.unknown(open, key);
        }
        if !self.note(open, number, element, half)? {
            return self.lexer.skip_value();
        }
        match half {
            Which::Companion => self.companions(open, number, element),
            Which::Value if is_primitive => self.values(open, number, element),
            Which::Value => self.complexes(open, element),
        }
    }

    /// `resourceType`, or nothing that is known.
    fn other_member(&mut self, open: &mut Open, key: Text, name: &[u8]) -> Result<(), Stop> {
        if open.is_resource && name == b"resourceType" {
            return self.resource_type_again(open);
        }
        self.unknown(open, key)
    }

    /// `resourceType` as a member: its value was used before.
    fn resource_type_again(&mut self, open: &mut Open) -> Result<(), Stop> {
        let text = if std::mem::replace(&mut open.saw_resource_type, true) {
            "This member appears twice"
        } else if self.lexer.peek() != b'"' {
            "This must be a JSON string"
        } else {
            return self.lexer.skip_value();
        };
        self.fault_in(open.index, IssueType::Structure, "resourceType", text)?;
        self.lexer.skip_value()
    }

    /// Notes that an element was read; `false` when it may not be read again.
    #[inline]
    fn note(
        &mut self,
        open: &mut Open,
        number: u8,
        element: &'static ElementDef,
        half: Which,
    ) -> Result<bool, Stop> {
        let is_companion = half == Which::Companion;
        let (these, others) = if is_companion {
            (&mut open.companions, &open.values)
        } else {
            (&mut open.values, &open.companions)
        };
        let has_other_half = others.contains(number);
        if !these.insert(number) {
            return self.twice(open, element, half);
        }
        if has_other_half {
            return Ok(true);
        }
        open.members += 1;
        if element.choice != 0 {
            let bit = shape::choice_bit(element);
            if CHECKED && open.choices & bit != 0 {
                self.second_choice(open, element)?;
            }
            open.choices |= bit;
        }
        Ok(true)
    }

    #[cold]
    fn twice(&mut self, open: &Open, element: &ElementDef, half: Which) -> Result<bool, Stop> {
        let prefix = if half == Which::Companion { "_" } else { "" };
        let name = format!("{prefix}{}", element.json_name);
        self.fault_in(open.index, IssueType::Structure, &name, "This member appears twice")?;
        Ok(false)
    }

    #[cold]
    fn second_choice(&mut self, open: &Open, element: &ElementDef) -> Result<(), Stop> {
        let text = format!("'{}[x]' takes one type only; another was given before", element.name);
        self.fault_in(open.index, IssueType::Structure, element.json_name, text)
    }

    /// A member that the type does not have.
    #[cold]
    fn unknown(&mut self, open: &Open, key: Text) -> Result<(), Stop> {
        if CHECKED {
            let name = self.lexer.unquoted(key);
            let names = open.shape.elements.iter().map(|element| element.json_name);
            let hint = did_you_mean(nearest(name.trim_start_matches('_'), names));
            let owner = open.ty.name();
            let text = format!("{owner} has no such element{hint}");
            self.fault_in(open.index, IssueType::Structure, &name, text)?;
        }
        self.lexer.skip_value()
    }

    /// Reads the items of an element with a complex type, or a resource.
    fn complexes(&mut self, open: &Open, element: &'static ElementDef) -> Result<(), Stop> {
        let is_array = self.lexer.peek() == b'[';
        if is_array != (element.max > 1) {
            return self.wrong_arity(open.index, element);
        }
        if !is_array {
            return self.complex(element);
        }
        self.enter(open.index)?;
        self.lexer.at += 1;
        if self.lexer.next_token() == b']' {
            self.lexer.at += 1;
            self.fault_in(open.index, IssueType::Structure, element.json_name, EMPTY_ARRAY)?;
        } else {
            let mut count = 0;
            loop {
                self.lexer.next_token();
                self.complex(element)?;
                count += 1;
                self.count(open.index, element, count)?;
                if !self.lexer.more(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads one object.
    fn complex(&mut self, element: &'static ElementDef) -> Result<(), Stop> {
        if element.ty == TypeId::RESOURCE {
            return self.resource(Some(element));
        }
        if self.lexer.peek() != b'{' {
            let text = format!("This must be a JSON object of type {}", element.ty.name());
            self.fault_here(Some(element), IssueType::Structure, text)?;
            return self.lexer.skip_value();
        }
        let start = self.lexer.at;
        let index = self.push(node(Some(element), element.ty, Kind::Object, start))?;
        self.object(index)?;
        if CHECKED && let Some(codes) = element.required {
            self.check_concept(index, codes)?;
        }
        Ok(())
    }

    /// Checks the number of items read so far.
    #[inline]
    pub(super) fn count(
        &mut self,
        open: u32,
        element: &'static ElementDef,
        count: usize,
    ) -> Result<(), Stop> {
        if count > self.limits.bundle_entries { self.many(open, element, count) } else { Ok(()) }
    }

    #[cold]
    fn many(&mut self, open: u32, element: &'static ElementDef, count: usize) -> Result<(), Stop> {
        let limit = if element.path == "Bundle.entry" {
            self.limits.bundle_entries
        } else {
            self.limits.array_items
        };
        if CHECKED && count > limit {
            let text = format!("An array here may have {limit} items");
            self.fault_in(open, IssueType::TooLong, element.json_name, text)?;
            return Err(Stop);
        }
        Ok(())
    }

    /// An array instead of a single value, or the reverse.
    #[cold]
    pub(super) fn wrong_arity(
        &mut self,
        open: u32,
        element: &'static ElementDef,
    ) -> Result<(), Stop> {
        let text = if element.max > 1 {
            "This element repeats: even a single item stands in a JSON array"
        } else {
            "This is a single value, not an array: leave out the brackets"
        };
        self.fault_in(open, IssueType::Structure, element.json_name, text)?;
        self.lexer.skip_value()
    }

    /// What must hold once all members are there.
    fn check_object(&mut self, open: &Open) -> Result<(), Stop> {
        for &number in &open.shape.required {
            if !open.values.contains(number) && !open.companions.contains(number) {
                self.missing(open, number)?;
            }
        }
        if open.shape.required_choices & !open.choices != 0 {
            self.missing_choice(open)?;
        }
        if !open.is_resource && open.members == 1 && self.has_only_id(open) {
            let text = "An element needs a value or children beside its id (ele-1)";
            self.fault(IssueType::Invariant, open.index, text)?;
        }
        if open.saw_null {
            self.check_nulls(open)?;
        }
        match open.shape.special {
            Special::None => Ok(()),
            Special::Extension => self.check_extension(open),
            Special::Reference => self.check_reference(open.index),
        }
    }

    #[cold]
    fn missing(&mut self, open: &Open, number: u8) -> Result<(), Stop> {
        let name = open.shape.element(number).map_or("", |element| element.json_name);
        let text = format!("{} needs '{name}'", open.ty.name());
        self.fault_in(open.index, IssueType::Required, name, text)
    }

    #[cold]
    fn missing_choice(&mut self, open: &Open) -> Result<(), Stop> {
        let missing = open.shape.required_choices & !open.choices;
        let mut told = 0;
        for element in open.shape.elements {
            let bit = shape::choice_bit(element);
            if element.choice != 0 && missing & !told & bit != 0 {
                told |= bit;
                let text =
                    format!("{} needs '{}[x]' of one of its types", open.ty.name(), element.name);
                self.fault_in(open.index, IssueType::Required, element.name, text)?;
            }
        }
        Ok(())
    }

    fn has_only_id(&self, open: &Open) -> bool {
        let only = self.nodes.get(open.index as usize + 1).and_then(|child| child.element);
        only.is_some_and(|element| element.name == "id" && element.choice == 0)
            && !self.nodes.get(open.index as usize).is_some_and(|node| node.is_companion)
    }

    /// ext-1: a value or extensions, one of the two.
    fn check_extension(&mut self, open: &Open) -> Result<(), Stop> {
        let has_value = open.choices != 0;
        let has_extension = self.child(open.index, "extension").is_some();
        if has_value == has_extension {
            let text = if has_value {
                "An extension has a value or extensions, not both (ext-1)"
            } else {
                "An extension needs a value or extensions (ext-1)"
            };
            self.fault(IssueType::Invariant, open.index, text)?;
        }
        Ok(())
    }

    /// The first child with this JSON name of a node that is closed.
    pub(super) fn child(&self, index: u32, json_name: &str) -> Option<u32> {
        self.children(index).find(|child| {
            self.element(*child).is_some_and(|element| element.json_name == json_name)
        })
    }

    /// The children of a node, companions aside.
    pub(super) fn children(&self, index: u32) -> impl Iterator<Item = u32> {
        let end = self.nodes.get(index as usize).map_or(0, |node| node.end);
        let end = if end == OPEN { self.next_index() } else { end };
        let mut next = index + 1;
        std::iter::from_fn(move || {
            while next < end {
                let index = next;
                let node = self.nodes.get(index as usize)?;
                next = node.end.max(index + 1);
                if !node.is_companion {
                    return Some(index);
                }
            }
            None
        })
    }

    fn element(&self, index: u32) -> Option<&'static ElementDef> {
        self.nodes.get(index as usize).and_then(|node| node.element)
    }
}

pub(super) const EMPTY_ARRAY: &str = "An array may not be empty";
