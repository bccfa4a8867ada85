//! CPU seconds and memory of a process, from `/proc`: <https://man7.org/linux/man-pages/man5/proc.5.html>.

use std::fs;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) rss_mib: f64,
    pub(crate) rss_peak_mib: f64,
}

/// Linux reports CPU time in hundredths of a second to user space on every platform it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// None when there is no such process (or no `/proc`).
pub(crate) fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage {
        cpu_seconds: cpu_seconds(&stat)?,
        rss_mib: kib_field(&status, "VmRSS:").unwrap_or_default() / 1024.0,
        rss_peak_mib: kib_field(&status, "VmHWM:").unwrap_or_default() / 1024.0,
    })
}

/// Lets the peak start again from the present; where that is not allowed the peak is the process's.
pub(crate) fn reset_peak(pid: u32) {
    const RESET_PEAK: &str = "5";
    drop(fs::write(format!("/proc/{pid}/clear_refs"), RESET_PEAK));
}

/// The name in field 2 may hold blanks and brackets, so count from the last bracket.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn kib_field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_after_an_odd_process_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 99 0 0 0 250 50 0 0 20 0 9 0 12345";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(kib_field("Name:\tx\nVmHWM:\t  2048 kB\n", "VmHWM:"), Some(2048.0));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage(std::process::id()).unwrap().rss_mib > 0.0);
        assert!(usage(u32::MAX).is_none());
    }
}
