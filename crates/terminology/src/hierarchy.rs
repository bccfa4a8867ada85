//! What lies above and below what. Several parents are allowed, and so are circles.

/// A relation between concepts, who are numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy {
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To the parents and theirs.
    Up,
    /// To the children and theirs.
    Down,
}

impl Hierarchy {
    /// Says that `parent` lies right above `child`.
    pub(crate) fn put(&mut self, parent: usize, child: usize) {
        link(&mut self.children, parent, child);
        link(&mut self.parents, child, parent);
    }

    /// The direct neighbours.
    pub(crate) fn next(&self, from: usize, direction: Direction) -> &[usize] {
        let neighbours = match direction {
            Direction::Up => &self.parents,
            Direction::Down => &self.children,
        };
        neighbours.get(from).map_or(&[], Vec::as_slice)
    }

    /// Everybody who is reached from there, the start first. Takes as long as there are links.
    pub(crate) fn reach(&self, from: usize, direction: Direction) -> Vec<usize> {
        let size = self.parents.len().max(self.children.len()).max(from + 1);
        let mut is_seen = vec![false; size];
        let mut reached = Vec::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            match is_seen.get_mut(at) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            reached.push(at);
            open.extend_from_slice(self.next(at, direction));
        }
        reached
    }
}

fn link(neighbours: &mut Vec<Vec<usize>>, from: usize, to: usize) {
    if neighbours.len() <= from {
        neighbours.resize_with(from + 1, Vec::new);
    }
    if let Some(list) = neighbours.get_mut(from) {
        list.push(to);
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction::*, *};

    #[test]
    fn reach_goes_through_several_parents_and_ends_in_circles() {
        let mut hierarchy = Hierarchy::default();
        for (parent, child) in [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (5, 6), (6, 5), (7, 7)] {
            hierarchy.put(parent, child);
        }
        for (from, direction, expected) in [
            (0, Down, &[0, 1, 2, 3, 4][..]),
            (3, Down, &[3, 4]),
            (3, Up, &[0, 1, 2, 3]),
            (4, Up, &[0, 1, 2, 3, 4]),
            (5, Down, &[5, 6]),
            (5, Up, &[5, 6]),
            (7, Up, &[7]),
            (99, Down, &[99]),
        ] {
            let mut reached = hierarchy.reach(from, direction);
            assert_eq!(reached.first(), Some(&from));
            reached.sort_unstable();
            assert_eq!(reached, expected, "{direction:?} from {from}");
        }
    }
}
