//! Finds rows by name: open addressing over a cheap hash, made once, never changed.

/// A hash table over the names of rows that live elsewhere. At most half full, so that a walk over
/// slots ends soon.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    /// Numbers of rows from 1; 0 is empty.
    slots: Vec<u16>,
    /// How many slots, a power of two, less one.
    mask: u32,
}

impl NameTable {
    /// Of rows numbered from 0.
    pub(super) fn of(names: impl ExactSizeIterator<Item = &'static str>) -> Self {
        let size = (names.len() * 2).next_power_of_two();
        let mut table =
            Self { slots: vec![0; size], mask: u32::try_from(size - 1).unwrap_or_default() };
        for (number, name) in (1..).zip(names) {
            let mut at = hash(name) & table.mask;
            while table.slots.get(at as usize).is_some_and(|slot| *slot != 0) {
                at = (at + 1) & table.mask;
            }
            if let Some(slot) = table.slots.get_mut(at as usize) {
                *slot = number;
            }
        }
        table
    }

    /// What `row` makes of the row of this name; it answers `None` for a row of another name.
    #[inline]
    pub(super) fn find<T>(&self, name: &str, row: impl Fn(u16) -> Option<T>) -> Option<T> {
        let mut at = hash(name) & self.mask;
        loop {
            let number = *self.slots.get(at as usize)?;
            if let Some(found) = row(number.checked_sub(1)?) {
                return Some(found);
            }
            at = (at + 1) & self.mask;
        }
    }
}

/// Of the length and at most the first and last eight bytes: names differ there.
#[inline]
fn hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (head, tail) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => short(bytes),
    };
    let mixed = (head ^ (bytes.len() as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ tail.rotate_left(29).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    u32::try_from(mixed >> 40).unwrap_or_default()
}

/// Fewer than eight bytes.
#[inline]
fn short(bytes: &[u8]) -> (u64, u64) {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(head), Some(tail)) => {
            (u32::from_le_bytes(*head).into(), u32::from_le_bytes(*tail).into())
        }
        _ => (bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_also_when_they_collide() {
        // equal length, head and tail
        let names = ["abcdefgh-1-abcdefgh", "abcdefgh-2-abcdefgh", "a", "", "abcde"];
        let table = NameTable::of(names.into_iter());
        let find = |name: &str| {
            table.find(name, |row| (names[usize::from(row)] == name).then_some(usize::from(row)))
        };
        for (row, name) in names.iter().enumerate() {
            assert_eq!(find(name), Some(row));
        }
        assert_eq!(find("abcdefgh-3-abcdefgh"), None);
        assert_eq!(NameTable::of([].into_iter()).find("a", Some), None);
    }
}
