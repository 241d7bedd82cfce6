//! The only `unsafe` code of the project under AddressSanitizer, which needs a nightly toolchain.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::{
    python,
    stage::{Outcome, capture},
};

/// Systems on which the sanitizer is known to be there.
const TARGETS: [&str; 4] =
    ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"];

/// Runs the tests of the kernel module once more; skipped where that cannot be.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    // The toolchain that runs this program must not be the one that is asked.
    let version = cmd!(shell, "rustup run nightly rustc -vV").env_remove("RUSTUP_TOOLCHAIN").quiet().ignore_stderr();
    let Ok(version) = version.read() else {
        return Ok(Outcome::Skipped("no nightly toolchain: rustup toolchain install nightly".to_owned()));
    };
    let host = host(&version).context("`rustc -vV` names no host")?;
    if !TARGETS.contains(&host) {
        return Ok(Outcome::Skipped(format!("no AddressSanitizer for {host}")));
    }
    let folder = python::target_folder(shell).join("sanitizer");
    // What threads keep for their next product is no leak.
    let run = cmd!(
        shell,
        "rustup run nightly cargo test --package adaptune-tensor --lib --target {host} --target-dir {folder} kernel"
    )
    .env_remove("RUSTUP_TOOLCHAIN")
    .env("RUSTFLAGS", "-Zsanitizer=address")
    .env("ASAN_OPTIONS", "detect_leaks=0");
    let run = capture(run)?;
    let passed = passed(&run.output);
    if run.success && passed == 0 {
        return Ok(run.failed());
    }
    Ok(run.outcome(|_| format!("{passed} tests of the kernels under AddressSanitizer")))
}

fn host(version: &str) -> Option<&str> {
    version.lines().find_map(|line| line.strip_prefix("host: "))
}

fn passed(output: &str) -> usize {
    let counts = output.lines().find_map(|line| line.trim().strip_prefix("test result: ok. "));
    counts.and_then(|counts| counts.split(' ').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_the_tests_that_ran_are_read() {
        assert_eq!(host("rustc 1\nhost: a-b-c\nrelease: 1"), Some("a-b-c"));
        assert_eq!(passed("x\ntest result: ok. 12 passed; 0 failed"), 12);
        assert_eq!((host(""), passed("test result: FAILED. 3 passed")), (None, 0));
    }
}
