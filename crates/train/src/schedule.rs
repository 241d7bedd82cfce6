//! Learning-rate schedules: warm-up, then constant, linear or cosine.

use serde::Serialize;
use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It stays at its peak.
    Constant,
    /// It falls to zero in a straight line.
    #[default]
    Linear,
    /// It falls to zero along half a cosine wave.
    Cosine,
}

/// A schedule over a run: the factor on the peak learning rate at each step.
///
/// With `w` warm-up steps of `n` in all, the factor at step `t` is `t/w` while `t < w`, then
///
/// ```text
/// constant   1
/// linear     (n − t)/(n − w)
/// cosine     (1 + cos(π (t − w)/(n − w)))/2
/// ```
///
/// These are `get_{constant,linear,cosine}_schedule_with_warmup` of the transformers library. Steps
/// count from 0, so with a warm-up the first step changes nothing. Beyond step `n` both falling
/// schedules stay at 0; there the library's cosine would rise again.
///
/// ```
/// use adaptune_train::{LearningRate, Schedule, Warmup};
/// let rate = LearningRate::new(Schedule::Linear, Warmup::Steps(2), 6);
/// let factors: Vec<f64> = (0..7).map(|step| rate.factor(step)).collect();
/// assert_eq!(factors, [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearningRate {
    /// What follows the warm-up.
    pub schedule: Schedule,
    /// Over how many steps it rises to its peak, `w`.
    pub warmup_steps: usize,
    /// How many steps the run has, warm-up included, `n`.
    pub total_steps: usize,
}

impl LearningRate {
    /// A schedule over a run of `total_steps`.
    #[must_use]
    pub fn new(schedule: Schedule, warmup: Warmup, total_steps: usize) -> Self {
        Self { schedule, warmup_steps: warmup.steps(total_steps), total_steps }
    }

    /// The factor at step `step`, from 0 to 1.
    #[must_use]
    pub fn factor(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        let span = self.total_steps.saturating_sub(self.warmup_steps).max(1) as f64;
        match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Linear => self.total_steps.saturating_sub(step) as f64 / span,
            Schedule::Cosine => {
                let progress = (step - self.warmup_steps) as f64 / span;
                0.5 * (1.0 + (PI * progress.min(1.0)).cos())
            }
        }
    }
}

/// The length of the warm-up, in steps or as a fraction of the run.
///
/// As text, a whole number is steps and a number with a point is a fraction:
///
/// ```
/// use adaptune_train::Warmup;
/// assert_eq!("100".parse(), Ok(Warmup::Steps(100)));
/// assert_eq!("0.06".parse(), Ok(Warmup::Fraction(0.06)));
/// assert_eq!(Warmup::Fraction(0.06).steps(1_250), 75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmup {
    /// So many steps.
    Steps(usize),
    /// This part of all steps, from 0 to 1.
    Fraction(f64),
}

impl Default for Warmup {
    fn default() -> Self {
        Self::Steps(0)
    }
}

impl Warmup {
    /// How many steps that is in a run of `total`; a fraction is rounded up and kept within 0 to 1.
    #[must_use]
    pub fn steps(&self, total: usize) -> usize {
        match *self {
            Self::Steps(steps) => steps,
            Self::Fraction(fraction) => (fraction.clamp(0.0, 1.0) * total as f64).ceil() as usize,
        }
    }
}

impl fmt::Display for Warmup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps}"),
            // `Debug` keeps the point of a whole number, which tells 1.0 from one step.
            Self::Fraction(fraction) => write!(f, "{fraction:?}"),
        }
    }
}

impl FromStr for Warmup {
    type Err = ParseWarmupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(steps) = text.parse() {
            return Ok(Self::Steps(steps));
        }
        match text.parse() {
            Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(Self::Fraction(fraction)),
            _ => Err(ParseWarmupError { found: text.to_owned() }),
        }
    }
}

/// Text that is no length of a warm-up.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{found:?} is no length of a warm-up: expected a number of steps such as 100, or a fraction of the run such as 0.06"
)]
pub struct ParseWarmupError {
    /// The text.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn factors(schedule: Schedule, warmup_steps: usize, total_steps: usize) -> Vec<f64> {
        let rate = LearningRate { schedule, warmup_steps, total_steps };
        (0..=total_steps).map(|step| rate.factor(step)).collect()
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-15), "{found:?} is not {expected:?}");
    }

    const ALL: [Schedule; 3] = [Schedule::Constant, Schedule::Linear, Schedule::Cosine];
    const RISE: [f64; 3] = [0.0, 0.3333333333333333, 0.6666666666666666];

    /// transformers 4.57: 3 warm-up steps of 11, and none of 7.
    #[test]
    fn linear_matches_transformers() {
        let fall = [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0];
        assert_close(&factors(Schedule::Linear, 3, 11), &[&RISE[..], &fall].concat());
        let expected = [
            1.0,
            0.8571428571428571,
            0.7142857142857143,
            0.5714285714285714,
            0.42857142857142855,
            0.2857142857142857,
            0.14285714285714285,
            0.0,
        ];
        assert_close(&factors(Schedule::Linear, 0, 7), &expected);
    }

    /// The same for the cosine.
    #[test]
    fn cosine_matches_transformers() {
        let fall = [
            1.0,
            0.9619397662556434,
            0.8535533905932737,
            0.6913417161825449,
            0.5,
            0.30865828381745514,
            0.14644660940672627,
            0.03806023374435663,
            0.0,
        ];
        assert_close(&factors(Schedule::Cosine, 3, 11), &[&RISE[..], &fall].concat());
        let expected = [
            1.0,
            0.9504844339512095,
            0.8117449009293668,
            0.6112604669781572,
            0.38873953302184283,
            0.18825509907063326,
            0.04951556604879048,
            0.0,
        ];
        assert_close(&factors(Schedule::Cosine, 0, 7), &expected);
    }

    #[test]
    fn constant_matches_transformers() {
        assert_close(&factors(Schedule::Constant, 3, 11), &[&RISE[..], &[1.0; 9]].concat());
        assert_close(&factors(Schedule::Constant, 0, 7), &[1.0; 8]);
    }

    /// transformers again: a warm-up of 9 steps in a run of 5 never reaches its peak.
    #[test]
    fn a_warm_up_may_outlast_the_run() {
        for schedule in ALL {
            assert_close(&factors(schedule, 9, 5), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|t| t / 9.0));
        }
    }

    #[test]
    fn a_fraction_is_rounded_up() {
        let steps = |fraction, total| Warmup::Fraction(fraction).steps(total);
        assert_eq!([steps(0.06, 100), steps(0.06, 101), steps(0.0, 50), steps(1.0, 50)], [6, 7, 0, 50]);
        assert_eq!([steps(1.5, 50), steps(-1.0, 50), steps(f64::NAN, 50)], [50, 0, 0]);
        assert_eq!(Warmup::Steps(70).steps(50), 70);
    }

    #[test]
    fn text_that_is_no_warm_up_is_refused() {
        for text in ["", "-1", "1.01", "-0.1", "nan", "inf", "6%", "1e2"] {
            let message = text.parse::<Warmup>().expect_err(text).to_string();
            assert!(message.starts_with(&format!("{text:?} is no length")), "{message}");
        }
        assert_eq!("1".parse(), Ok(Warmup::Steps(1)));
        assert_eq!("1.0".parse(), Ok(Warmup::Fraction(1.0)));
    }

    proptest! {
        #[test]
        fn warm_ups_survive_as_text(steps: usize, fraction in 0.0..=1.0) {
            for warmup in [Warmup::Steps(steps), Warmup::Fraction(fraction)] {
                prop_assert_eq!(warmup.to_string().parse(), Ok(warmup));
            }
        }

        #[test]
        fn factors_rise_to_the_peak_and_never_again(which in 0..3usize, w in 0..40usize, n in 0..60usize) {
            let rate = LearningRate { schedule: ALL[which], warmup_steps: w, total_steps: n };
            for step in 0..100 {
                let (now, next) = (rate.factor(step), rate.factor(step + 1));
                prop_assert!((0.0..=1.0).contains(&now));
                let rises = step + 1 < w;
                let peaks = step + 1 == w;
                prop_assert!(peaks || if rises { now < next } else { now >= next }, "{} then {}", now, next);
            }
        }
    }
}
