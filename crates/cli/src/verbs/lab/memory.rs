//! How much memory the lab may hold, and how much it holds: as far as the
//! system tells.

use cairn_lab::ledger::Budget;
use std::fs;
use std::path::Path;

/// Of what there is, how much may be held: in quarters. What is judged of a
/// fold comes on top of it.
const QUARTERS: u64 = 3;

/// What was asked for, or most of what there is.
pub(super) fn budget(asked: Option<u64>) -> Option<Budget> {
    let bytes = asked.or_else(|| there_is().map(|bytes| bytes / 4 * QUARTERS))?;
    Some(Budget { bytes, held })
}

/// Bytes that this process holds.
fn held() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The least of what is free, what the process may address, and what the
/// groups it belongs to may hold.
fn there_is() -> Option<u64> {
    let free = fs::read_to_string("/proc/meminfo").ok();
    let free = free.and_then(|text| kilobytes(&text, "MemAvailable:"));
    let limits = fs::read_to_string("/proc/self/limits").ok();
    let address = limits.and_then(|text| {
        let limit = line(&text, "Max address space")?;
        limit.split_whitespace().next()?.parse().ok()
    });
    [free, address, group()].into_iter().flatten().min()
}

fn group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = line(&groups, "0::/")?.trim();
    let limit = |group: &Path| {
        let file = Path::new("/sys/fs/cgroup").join(group).join("memory.max");
        fs::read_to_string(file).ok()?.trim().parse().ok()
    };
    Path::new(own).ancestors().filter_map(limit).min()
}

fn line<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(start))
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let number = line(text, name)?.split_whitespace().next()?;
    Some(number.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_what_the_system_says() {
        let said = "VmPeak:\t  10 kB\nVmRSS:\t     5120 kB\n";
        assert_eq!(kilobytes(said, "VmRSS:"), Some(5 << 20));
        assert_eq!(kilobytes(said, "VmSwap:"), None);
    }

    #[test]
    fn what_was_asked_for_is_the_budget() {
        let asked = budget(Some(7 << 20)).map(|budget| budget.bytes);
        assert_eq!(asked, Some(7 << 20));
    }
}
