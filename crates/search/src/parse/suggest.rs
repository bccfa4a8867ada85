//! The name that was probably meant.

/// `; did you mean 'birthdate'?`, or nothing.
pub(super) fn hint<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> String {
    nearest(wanted, names).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// The nearest of some names, if it is near: at most a third of its letters differ.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if wanted.len() > 64 {
        return None;
    }
    let distance = |name: &&str| distance(&wanted.to_lowercase(), &name.to_lowercase());
    names
        .map(|name| (distance(&name), name))
        .min()
        .filter(|(d, name)| d * 3 <= name.len())
        .map(|(_, name)| name)
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (b, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(a != *b)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        let names = ["birthdate", "family", "given", "gender"];
        let cases = [
            ("birthDate", Some("birthdate")),
            ("birth-date", Some("birthdate")),
            ("familly", Some("family")),
            ("gendre", Some("gender")),
            ("foo", None),
            ("", None),
        ];
        for (wanted, expected) in cases {
            assert_eq!(nearest(wanted, names.into_iter()), expected, "{wanted}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
