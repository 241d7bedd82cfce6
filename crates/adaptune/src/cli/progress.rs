//! How far training has come: a bar on a terminal, one line per epoch elsewhere.

use crate::cli::report::{duration, thousands};
use crate::cli::wrap::{Stream, columns, wrapped};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How much of each new loss enters the one that is shown.
const SMOOTHING: f64 = 0.05;

/// The extent of a run, in optimiser steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Steps of the whole run.
    pub(crate) total_steps: usize,
    /// Steps that are done already, when a run is resumed.
    pub(crate) start_step: usize,
    /// Steps of one pass over the data.
    pub(crate) steps_per_epoch: usize,
}

/// Shows how a run proceeds. Everything goes to standard error.
pub(crate) struct Progress {
    view: View,
    count: Count,
    started: Instant,
}

enum View {
    Bar(ProgressBar),
    Lines(Box<dyn Write + Send>),
    Quiet,
}

impl Progress {
    /// Starts to count time. With `quiet` nothing is shown but messages.
    pub(crate) fn start(extent: Extent, quiet: bool) -> Self {
        let view = match (quiet, io::stderr().is_terminal()) {
            (true, _) => View::Quiet,
            (false, true) => View::Bar(bar(&extent)),
            (false, false) => View::Lines(Box::new(io::stderr())),
        };
        Self { view, count: Count::new(extent), started: Instant::now() }
    }

    /// Tells of one step more: its mean loss, and how many tokens it read.
    pub(crate) fn step(&mut self, loss: f64, tokens: usize) {
        self.count.add(loss, tokens);
        let elapsed = self.started.elapsed();
        match &mut self.view {
            View::Bar(bar) => {
                bar.set_message(self.count.status(elapsed));
                bar.set_position(self.count.step as u64);
            }
            View::Lines(out) if self.count.ends_epoch() => say(out, &self.count.line(elapsed)),
            View::Lines(_) | View::Quiet => {}
        }
    }

    /// Prints a line, above the bar if there is one. Messages are shown even when all else is quiet.
    pub(crate) fn message(&mut self, text: &str) {
        match &mut self.view {
            View::Bar(bar) => bar.suspend(|| say(&mut io::stderr(), text)),
            View::Lines(out) => say(out, text),
            View::Quiet => say(&mut io::stderr(), text),
        }
    }

    /// Takes the bar away; the run is over.
    pub(crate) fn finish(self) {
        if let View::Bar(bar) = self.view {
            bar.finish_and_clear();
        }
    }
}

/// A message that cannot be shown is no reason to stop training.
fn say(out: &mut dyn Write, text: &str) {
    let _ = writeln!(out, "{}", wrapped(text, columns(Stream::Error)));
}

fn bar(extent: &Extent) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:12.cyan/dim} {wide_msg}").expect("the template is well formed");
    let bar = ProgressBar::new(extent.total_steps as u64).with_style(style.progress_chars("━╸─"));
    bar.set_position(extent.start_step as u64);
    bar
}

/// The numbers that are shown.
#[derive(Debug)]
struct Count {
    extent: Extent,
    step: usize,
    tokens: u64,
    loss: Option<f64>,
}

impl Count {
    fn new(extent: Extent) -> Self {
        let extent = Extent { steps_per_epoch: extent.steps_per_epoch.max(1), ..extent };
        Self { extent, step: extent.start_step, tokens: 0, loss: None }
    }

    /// An exponential moving average, which starts anew after a loss that is not finite.
    fn add(&mut self, loss: f64, tokens: usize) {
        self.step += 1;
        self.tokens += tokens as u64;
        self.loss = Some(match self.loss {
            Some(mean) if mean.is_finite() && loss.is_finite() => mean + SMOOTHING * (loss - mean),
            _ => loss,
        });
    }

    fn ends_epoch(&self) -> bool {
        self.step.is_multiple_of(self.extent.steps_per_epoch) || self.step == self.extent.total_steps
    }

    /// The epoch that the last step belongs to, from 1.
    fn epoch(&self) -> usize {
        self.step.max(1).div_ceil(self.extent.steps_per_epoch)
    }

    fn epochs(&self) -> usize {
        self.extent.total_steps.div_ceil(self.extent.steps_per_epoch)
    }

    /// Time for the rest at the pace of this session; steps before it was resumed do not count.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let done = self.step - self.extent.start_step;
        let rest = self.extent.total_steps.saturating_sub(self.step);
        (done > 0).then(|| elapsed.mul_f64(rest as f64 / done as f64))
    }

    /// What a narrow terminal cuts off stands last.
    fn status(&self, elapsed: Duration) -> String {
        let left = self.left(elapsed).map_or("?".to_owned(), rough);
        self.with_time(elapsed, &format!("{left} left"))
    }

    fn with_time(&self, elapsed: Duration, time: &str) -> String {
        let Extent { total_steps, .. } = self.extent;
        let speed = self.tokens as f64 / elapsed.as_secs_f64().max(1e-9);
        format!(
            "step {}/{}  epoch {}/{}  {time}  loss {:.4}  {} tokens/s",
            thousands(self.step as u64),
            thousands(total_steps as u64),
            self.epoch(),
            self.epochs(),
            self.loss.unwrap_or(f64::NAN),
            thousands(speed.round() as u64),
        )
    }

    fn line(&self, elapsed: Duration) -> String {
        match self.step >= self.extent.total_steps {
            true => self.with_time(elapsed, &format!("{} in all", rough(elapsed))),
            false => self.status(elapsed),
        }
    }
}

/// Whole seconds are enough for a guess.
fn rough(time: Duration) -> String {
    match time.as_secs_f64().round() as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const EXTENT: Extent = Extent { total_steps: 2500, start_step: 1000, steps_per_epoch: 600 };

    /// A place to write to that can be read afterwards.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(extent: Extent, steps: usize) -> Vec<String> {
        let sink = Sink::default();
        let view = View::Lines(Box::new(sink.clone()));
        let mut progress = Progress { view, count: Count::new(extent), started: Instant::now() };
        for step in 0..steps {
            progress.step(step as f64, 10);
        }
        progress.message("saved");
        progress.finish();
        let written = sink.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_status_tells_step_epoch_loss_speed_and_rest() {
        let mut count = Count::new(EXTENT);
        assert!(count.status(Duration::ZERO).ends_with("? left  loss NaN  0 tokens/s"), "nothing is known yet");
        for _ in 0..500 {
            count.add(0.5, 80);
        }
        assert_eq!(
            count.status(Duration::from_secs(20)),
            "step 1,500/2,500  epoch 3/5  40 s left  loss 0.5000  2,000 tokens/s"
        );
        assert!(count.status(Duration::from_secs(2000)).contains("  1 h 07 m left  "));
    }

    #[test]
    fn the_loss_is_smoothed_and_recovers() {
        let mut count = Count::new(EXTENT);
        let mut after = |loss| {
            count.add(loss, 1);
            count.loss.unwrap()
        };
        assert_eq!(after(2.0), 2.0);
        assert!((after(1.0) - 1.95).abs() < 1e-12);
        assert!(after(f64::NAN).is_nan());
        assert_eq!(after(3.0), 3.0);
    }

    #[test]
    fn elsewhere_there_is_one_line_per_epoch() {
        let lines = lines(EXTENT, 1500);
        let steps: Vec<&str> = lines.iter().map(|line| line.split("  ").next().unwrap()).collect();
        assert_eq!(steps, ["step 1,200/2,500", "step 1,800/2,500", "step 2,400/2,500", "step 2,500/2,500", "saved"]);
        assert!(lines[0].contains("epoch 2/5") && lines[0].contains(" left  "), "{}", lines[0]);
        assert!(lines[3].contains("epoch 5/5") && lines[3].contains(" s in all  "), "{}", lines[3]);
    }

    #[test]
    fn odd_extents_do_no_harm() {
        let none = Extent { total_steps: 0, start_step: 0, steps_per_epoch: 0 };
        assert_eq!(lines(none, 0), ["saved"]);
        assert_eq!(lines(none, 2).len(), 3, "more steps than announced");
        let tiny = Extent { total_steps: 1, start_step: 0, steps_per_epoch: 9 };
        assert!(lines(tiny, 1)[0].starts_with("step 1/1  epoch 1/1"));
    }

    #[test]
    fn a_bar_and_silence_take_the_same_calls() {
        let bar = ProgressBar::hidden();
        for view in [View::Bar(bar.clone()), View::Quiet] {
            let mut progress = Progress { view, count: Count::new(EXTENT), started: Instant::now() };
            progress.step(0.25, 10);
            progress.finish();
        }
        assert_eq!(bar.position(), 1001);
        assert!(bar.message().contains("loss 0.2500") && bar.is_finished(), "{}", bar.message());
        assert_eq!(super::bar(&EXTENT).position(), 1000);
    }
}
