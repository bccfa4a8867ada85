//! The letters of a scope: `cruds`.

/// What is about to happen, by the letter of the scope that covers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// `c`
    Create,
    /// `r`: read, vread, instance history
    Read,
    /// `u`: update and patch
    Update,
    /// `d`
    Delete,
    /// `s`: search, type and system history
    Search,
}

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actions(u8);

/// In the order in which a scope names them.
const LETTERS: &[(char, Action)] = &[
    ('c', Action::Create),
    ('r', Action::Read),
    ('u', Action::Update),
    ('d', Action::Delete),
    ('s', Action::Search),
];

impl Action {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Create, Self::Read, Self::Update, Self::Delete, Self::Search];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// As a sentence has it: `to read`.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "change",
            Self::Delete => "delete",
            Self::Search => "search",
        }
    }

    /// Whether it changes something.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }
}

impl Actions {
    /// Reads `rs`, `cruds`, or what the first version of SMART calls `read`, `write`, `*`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => return Self::parse("rs"),
            "write" => return Self::parse("cud"),
            "*" => return Self::parse("cruds"),
            _ => {}
        }
        let mut letters = text.chars().peekable();
        let mut found = Self::default();
        for (letter, action) in LETTERS {
            if letters.next_if_eq(letter).is_some() {
                found.0 |= action.bit();
            }
        }
        (letters.next().is_none() && found.0 != 0).then_some(found)
    }

    /// Whether it is one of them.
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
