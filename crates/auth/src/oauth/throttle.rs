//! How long somebody who mistyped a password waits: free tries at first, then twice as long each time.

/// Tries in a row that cost nothing.
const FREE_TRIES: i64 = 10;
/// The longest wait, in milliseconds.
const WAIT_MS_MAX: i64 = 300_000;

/// Milliseconds until the next try counts, after so many wrong ones in a row, the last one `ago_ms` ago; 0 when it
/// may come.
pub fn wait_ms(tries: i64, ago_ms: i64) -> i64 {
    let over = tries - FREE_TRIES;
    if over < 0 {
        return 0;
    }
    let wait = 1000_i64.checked_shl(over.min(20).try_into().unwrap_or(20)).unwrap_or(WAIT_MS_MAX);
    (wait.min(WAIT_MS_MAX) - ago_ms.max(0)).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_cost_more_and_more() {
        let cases = [
            (0, 0, 0),
            (9, 0, 0),
            (10, 0, 1000),
            (10, 999, 1),
            (10, 1000, 0),
            (13, 0, 8000),
            (60, 0, WAIT_MS_MAX),
            (i64::MAX, -5, WAIT_MS_MAX),
            (60, WAIT_MS_MAX, 0),
        ];
        for (tries, ago, wait) in cases {
            assert_eq!(wait_ms(tries, ago), wait, "{tries} {ago}");
        }
    }
}
