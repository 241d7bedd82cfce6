//! What the workers that `cargo xtask peers` measures share: a clock for steps of training, and the memory of the process.

use adaptune_train::{Observer, StepRecord};
use std::time::Instant;

/// Seconds of each step, from the end of the one before.
pub(crate) struct Clock {
    last: Instant,
    pub(crate) times: Vec<f64>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { last: Instant::now(), times: Vec::new() }
    }
}

impl Observer for Clock {
    fn step(&mut self, _: &StepRecord) {
        self.times.push(self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }
}

/// Prints one line of JSON: the seconds of all but the first steps, and the most memory that the process has had, where Linux tells.
pub(crate) fn print(times: &[f64], warm_up: usize) {
    println!("{{\"seconds\": {:?}, \"peak_bytes\": {}}}", &times[warm_up..], peak_bytes().unwrap_or(0));
}

fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(1024 * line.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}
