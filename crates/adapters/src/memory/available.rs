//! How much memory there is.

use std::fs;

/// The bytes that a process may still take: what the system has left, or its group of processes (a container) if that is less.
/// `None` where neither is known, as on other systems than Linux.
#[must_use]
pub fn available_memory() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let system = read("/proc/meminfo").and_then(|text| of_system(&text));
    let group = |limit: &str, used: &str| of_group(&read(limit)?, &read(used)?);
    let groups = [
        group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        group("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ];
    groups.into_iter().flatten().chain(system).min()
}

/// `MemAvailable:   1234 kB`
fn of_system(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// What a group may take less what it has taken. Files that it has read count as taken, although they make way, so that this is
/// little where much was read: then at least half of the limit counts as free.
fn of_group(limit: &str, used: &str) -> Option<u64> {
    let [limit, used]: [u64; 2] = [limit.trim().parse().ok()?, used.trim().parse().ok()?];
    Some(limit.saturating_sub(used).max(limit / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood() {
        let meminfo =
            "MemTotal:       24635716 kB\nMemFree:         100 kB\nMemAvailable:   22000000 kB\nBuffers: 1 kB\n";
        assert_eq!(of_system(meminfo), Some(22_528_000_000));
        assert_eq!([of_system(""), of_system("MemAvailable: many kB"), of_system("MemAvailable: 7")], [None; 3]);
        assert_eq!(of_group("1000\n", "300\n"), Some(700));
        assert_eq!([of_group("1000", "900"), of_group("1000", "2000")], [Some(500); 2]);
        assert_eq!(of_group("max\n", "900"), None, "there is no limit");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn there_is_some() {
        assert!(available_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
