//! Verhoeff's check digit: it tells every wrong digit, and every two neighbours that were swapped.

/// The digit that makes the whole number pass the test. The group of the test is that of the symmetries of a
/// pentagon: 0 to 4 turn it, 5 to 9 flip it as well.
pub fn check_digit(digits: &[u8]) -> u8 {
    let checksum = checksum(digits, 1);
    // turns are undone by the rest of the circle, flips by themselves
    if checksum < 5 { (5 - checksum) % 5 } else { checksum }
}

/// Whether digits, of which the last is their check digit, pass the test.
pub fn passes(digits: &[u8]) -> bool {
    checksum(digits, 0) == 0
}

fn checksum(digits: &[u8], first_place: usize) -> u8 {
    let places = digits.iter().rev().enumerate();
    places.fold(0, |sum, (place, digit)| combine(sum, permute(*digit, place + first_place)))
}

fn combine(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// Verhoeff's permutation, as often as the place says.
fn permute(digit: u8, times: usize) -> u8 {
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    (0..times % 8)
        .fold(digit, |digit, _| PERMUTATION.get(usize::from(digit)).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_verhoeff() {
        let digits = |text: &str| text.bytes().map(|byte| byte - b'0').collect::<Vec<u8>>();
        for (text, check) in [("236", 3), ("12345", 1), ("142857", 0)] {
            let mut digits = digits(text);
            assert_eq!(check_digit(&digits), check, "{text}");
            for last in 0..10 {
                digits.push(last);
                assert_eq!(passes(&digits), last == check, "{text} {last}");
                digits.pop();
            }
        }
    }

    #[test]
    fn each_wrong_digit_is_found_and_each_two_that_changed_places() {
        let good = [7, 3, 2, 1, 1, 0, 0, 9];
        assert!(passes(&good));
        for at in 0..good.len() {
            for other in 0..10 {
                let mut wrong = good;
                wrong[at] = other;
                assert_eq!(passes(&wrong), other == good[at]);
            }
            if at > 0 && good[at] != good[at - 1] {
                let mut wrong = good;
                wrong.swap(at - 1, at);
                assert!(!passes(&wrong));
            }
        }
    }
}
