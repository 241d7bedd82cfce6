//! What the workers that `cargo xtask peers` measures share: a clock for steps of training, and the memory of the process.

use adaptune_benches::peak_bytes;
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
