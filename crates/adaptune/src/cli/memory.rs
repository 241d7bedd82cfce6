//! How much memory the process has taken.

/// The most memory the process has held at once, in bytes: its peak resident set. `None` where the system does not tell
/// (only Linux does, in `/proc/self/status`).
pub(crate) fn peak_bytes() -> Option<u64> {
    high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads the line `VmHWM:     1234 kB`. The kernel's kB are 1024 bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_and_converted() {
        assert_eq!(high_water_mark("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t    1700 kB\nVmRSS:\t 5 kB\n"), Some(1_740_800));
    }

    #[test]
    fn what_is_no_such_line_gives_none() {
        for status in
            ["", "VmHWM:", "VmHWM: 12", "VmHWM: 12 MB", "VmHWM: -1 kB", "VmRSS: 12 kB", "VmHWM: 99999999999999999 kB"]
        {
            assert_eq!(high_water_mark(status), None, "{status}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_larger_allocation_raises_the_peak() {
        let before = peak_bytes().expect("Linux tells");
        let block = vec![1_u8; 64 << 20];
        let sum: u64 = block.iter().map(|&b| u64::from(b)).sum();
        let after = peak_bytes().expect("Linux tells");
        assert_eq!(sum, 64 << 20);
        assert!(after >= before && after >= 64 << 20, "{before} then {after}");
    }
}
