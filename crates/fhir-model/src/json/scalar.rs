//! Primitives: <https://hl7.org/fhir/R4/json.html#primitive>. The value and its companion (`birthDate`,
//! `_birthDate`) come in any order and become one node; of repeating ones item by item.

use crate::{ElementDef, IssueType, definitions::Primitive, primitive, tree::Kind};

use super::{
    lexer::{Number, Stop, Text},
    narrative,
    object::{EMPTY_ARRAY, Open},
    parser::{Half, Parser, node, offset},
};

/// Where the items of a member are while it is read: those that the other half made, then new ones.
struct Items {
    /// The next node of the other half; 0 when there was none.
    next: u32,
    /// How many of the other half are left.
    left: u32,
}

impl<const CHECKED: bool> Parser<'_, CHECKED> {
    /// Reads `birthDate`, or the array `given`.
    pub(super) fn values(
        &mut self,
        open: &mut Open,
        number: u8,
        element: &'static ElementDef,
    ) -> Result<(), Stop> {
        let is_array = self.lexer.peek() == b'[';
        if is_array != (element.max > 1) {
            return self.wrong_arity(open.index, element);
        }
        let Some(primitive) = element.ty.primitive() else { return self.lexer.skip_value() };
        if is_array {
            return self.items(open, number, element, |parser, index| {
                parser.value(index, element, primitive)
            });
        }
        if self.lexer.peek() == b'n' {
            self.fault_in(open.index, IssueType::Structure, element.json_name, NULL)?;
            return self.lexer.skip_value();
        }
        let mut items = self.other_half(open, number);
        let index = self.item(&mut items, element)?;
        self.remember(number, index, 1);
        self.value(index, element, primitive)
    }

    /// Reads `_birthDate`, or the array `_given`.
    pub(super) fn companions(
        &mut self,
        open: &mut Open,
        number: u8,
        element: &'static ElementDef,
    ) -> Result<(), Stop> {
        let is_array = self.lexer.peek() == b'[';
        if is_array != (element.max > 1) {
            return self.wrong_arity(open.index, element);
        }
        if is_array {
            return self
                .items(open, number, element, |parser, index| parser.companion(index, element));
        }
        let mut items = self.other_half(open, number);
        let index = self.item(&mut items, element)?;
        self.remember(number, index, 1);
        self.companion(index, element)
    }

    /// Reads an array whose items are values or companions; `null` leaves an item as it is.
    fn items(
        &mut self,
        open: &mut Open,
        number: u8,
        element: &'static ElementDef,
        read: impl Fn(&mut Self, u32) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.enter(open.index)?;
        self.lexer.at += 1;
        if self.lexer.next_token() == b']' {
            self.lexer.at += 1;
            self.depth -= 1;
            return self.fault_in(open.index, IssueType::Structure, element.json_name, EMPTY_ARRAY);
        }
        let mut items = self.other_half(open, number);
        let has_other_half = items.left > 0;
        let first = if has_other_half { items.next } else { self.next_index() };
        let mut count = 0;
        let mut is_longer = false;
        loop {
            is_longer |= has_other_half && items.left == 0;
            let byte = self.lexer.next_token();
            if is_longer {
                self.lexer.skip_value()?;
            } else {
                let index = self.item(&mut items, element)?;
                if byte == b'n' {
                    open.saw_null = true;
                    self.lexer.word("null")?;
                } else {
                    read(self, index)?;
                }
            }
            count += 1;
            self.count(open.index, element, count)?;
            if !self.lexer.more(b']')? {
                break;
            }
        }
        if CHECKED && has_other_half && (is_longer || items.left > 0) {
            let name = element.json_name;
            let text =
                format!("'{name}' and '_{name}' must have the same length, filled up with null");
            self.fault_in(open.index, IssueType::Structure, name, text)?;
        }
        if !has_other_half {
            self.remember(number, first, offset(count));
        }
        self.depth -= 1;
        Ok(())
    }

    /// The items that the other half of this member made.
    #[inline]
    fn other_half(&self, open: &Open, number: u8) -> Items {
        if !open.has_both_halves(number) {
            return Items { next: 0, left: 0 };
        }
        let mine = self.halves.get(open.halves..).unwrap_or_default();
        mine.iter()
            .rev()
            .find(|half| half.number == number)
            .map_or(Items { next: 0, left: 0 }, |half| Items { next: half.first, left: half.count })
    }

    /// Lets the other half find this one.
    #[inline]
    fn remember(&mut self, number: u8, first: u32, count: u32) {
        self.halves.push(Half { number, first, count });
    }

    /// The node of the next item: one that the other half made, or a new one.
    #[inline]
    fn item(&mut self, items: &mut Items, element: &'static ElementDef) -> Result<u32, Stop> {
        if items.left == 0 {
            let mut absent = node(Some(element), element.ty, Kind::Absent, self.lexer.at);
            absent.end = self.next_index() + 1;
            return self.push(absent);
        }
        let index = items.next;
        items.left -= 1;
        items.next += 1;
        // companions stand between the items when they came first
        while let Some(companion) = self.nodes.get(items.next as usize)
            && companion.is_companion
        {
            items.next = companion.end;
        }
        Ok(index)
    }

    /// Reads `{...}` with `id` and extensions as the companion of a primitive.
    fn companion(&mut self, owner: u32, element: &'static ElementDef) -> Result<(), Stop> {
        if self.lexer.peek() != b'{' {
            let text = "The companion of a primitive must be a JSON object with id or extensions";
            self.fault(IssueType::Structure, owner, text)?;
            return self.lexer.skip_value();
        }
        let mut companion = node(Some(element), element.ty, Kind::Object, self.lexer.at);
        companion.is_companion = true;
        let index = self.push(companion)?;
        if let Some(node) = self.nodes.get_mut(owner as usize) {
            node.companion = index;
        }
        self.object(index)
    }

    /// Reads a string, number or boolean into its node.
    fn value(
        &mut self,
        index: u32,
        element: &'static ElementDef,
        primitive: Primitive,
    ) -> Result<(), Stop> {
        let start = self.lexer.at;
        let kind = match self.lexer.peek() {
            b'"' => {
                let text = self.lexer.string()?;
                if CHECKED {
                    self.check_text(index, element, primitive, text)?;
                }
                Kind::String
            }
            b'-' | b'0'..=b'9' => {
                let number = self.lexer.number()?;
                if CHECKED {
                    self.check_number(index, primitive, number)?;
                }
                Kind::Number
            }
            byte @ (b't' | b'f') => {
                self.lexer.word(if byte == b't' { "true" } else { "false" })?;
                if CHECKED && primitive != Primitive::Boolean {
                    self.wrong_kind(index, primitive)?;
                }
                Kind::Boolean
            }
            _ => {
                self.wrong_kind(index, primitive)?;
                return self.lexer.skip_value();
            }
        };
        let stop = offset(self.lexer.at);
        if let Some(node) = self.nodes.get_mut(index as usize) {
            (node.kind, node.start, node.stop) = (kind, offset(start), stop);
        }
        Ok(())
    }

    #[cold]
    fn wrong_kind(&mut self, index: u32, primitive: Primitive) -> Result<(), Stop> {
        let kind = if primitive == Primitive::Boolean {
            "true or false, without quotes"
        } else if primitive.is_number_or_boolean() {
            "a JSON number, without quotes"
        } else {
            "a JSON string"
        };
        self.fault(IssueType::Structure, index, format!("This must be {kind}"))
    }

    #[inline]
    fn check_text(
        &mut self,
        index: u32,
        element: &'static ElementDef,
        primitive: Primitive,
        text: Text,
    ) -> Result<(), Stop> {
        let len = text.stop - text.start - 2;
        if matches!(primitive, Primitive::String | Primitive::Markdown)
            && !text.is_escaped
            && (1..=self.limits.string_bytes).contains(&len)
            && element.required.is_none()
        {
            return Ok(());
        }
        self.check_typed_text(index, element, primitive, text)
    }

    fn check_typed_text(
        &mut self,
        index: u32,
        element: &'static ElementDef,
        primitive: Primitive,
        text: Text,
    ) -> Result<(), Stop> {
        if primitive.is_number_or_boolean() {
            return self.wrong_kind(index, primitive);
        }
        if text.stop - text.start > self.limits.string_bytes + 2
            && primitive != Primitive::Base64Binary
        {
            let text = format!("A string may have {} bytes", self.limits.string_bytes);
            return self.fault(IssueType::TooLong, index, text);
        }
        let value = self.lexer.unquoted(text);
        if text.is_escaped && !primitive::is_printable(&value) {
            let text = "Control characters other than tab and line ends are not allowed";
            return self.fault(IssueType::Value, index, text);
        }
        if let Err(expected) = primitive::check_text(primitive, &value) {
            return self.fault(IssueType::Value, index, format!("This must be {expected}"));
        }
        if let Some(codes) = element.required {
            return self.check_code(index, &value, codes);
        }
        if primitive == Primitive::Xhtml
            && let Err(fault) = narrative::check(&value)
        {
            return self.fault(IssueType::Invariant, index, fault);
        }
        Ok(())
    }

    fn check_number(
        &mut self,
        index: u32,
        primitive: Primitive,
        number: Number,
    ) -> Result<(), Stop> {
        if number.stop - number.start > self.limits.number_bytes {
            let text = format!("A number may have {} characters", self.limits.number_bytes);
            return self.fault(IssueType::Value, index, text);
        }
        if !primitive.is_number_or_boolean() || primitive == Primitive::Boolean {
            return self.wrong_kind(index, primitive);
        }
        let integer = number.is_integer.then(|| self.lexer.slice(number.start, number.stop));
        match primitive::check_number(primitive, integer) {
            Ok(()) => Ok(()),
            Err(expected) => {
                self.fault(IssueType::Value, index, format!("This must be {expected}"))
            }
        }
    }

    /// Items of repeating primitives that have neither value nor companion.
    pub(super) fn check_nulls(&mut self, open: &Open) -> Result<(), Stop> {
        let is_empty = |parser: &Self, index: &u32| {
            parser
                .nodes
                .get(*index as usize)
                .is_some_and(|node| node.kind == Kind::Absent && node.companion == 0)
        };
        let empty: Vec<u32> = self
            .children(open.index)
            .filter(|index| is_empty(self, index))
            .take(self.limits.issues)
            .collect();
        for index in empty {
            let text = "null stands only for an item whose other half has something (ele-1)";
            self.fault(IssueType::Structure, index, text)?;
        }
        Ok(())
    }
}

const NULL: &str = "null is not a value: leave the element out";
